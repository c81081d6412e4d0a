"""Large files from mirrors that are slow, break off, lie or have nothing: the right one wins."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest

PIECE = 10_000  # bytes that a mirror sends at once
ROOT = Path(__file__).parents[3]
PLAYBOOK = Path(__file__).parent / "playbooks/model_files.yml"
RIGHT = random.Random(25).randbytes(300_000)
WRONG = RIGHT[:-1] + bytes([RIGHT[-1] ^ 1])
NOBODY = "http://127.0.0.1:1"
LONGER = "missing+right+/model"
MD5 = hashlib.md5(RIGHT).hexdigest()


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers /NUMBER/KIND+KIND/model as the kind of mirror that stands at that number."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, number, kinds, _ = self.path.split("/")
        kind = [*kinds.split("+"), "missing"][int(number)]
        body = WRONG if "wrong" in kind else RIGHT
        begin = 0
        if "Range" in self.headers and kind != "ignorant":
            begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        sent = self.server.sent.setdefault(kinds, [])
        sent.append(0)
        if kind == "missing":
            self.send_error(404)
        elif kind == "overloaded":
            self.send_error(503)
        elif begin >= len(body):
            self.send_error(416)
        else:
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - begin))
            self.end_headers()
            self.send_body(kind, body[begin:], sent)
        self.close_connection = True

    def send_body(self, kind: str, body: bytes, sent: list[int]) -> None:
        """Send all of it, or what this kind of mirror sends before it breaks off."""
        if "breaking" in kind:
            body = body[:100_000]
        if kind == "once-breaking" and len(sent) > 1:
            return  # nothing more
        for place in range(0, len(body), PIECE):
            if kind == "slow":
                time.sleep(0.1)
            if kind == "stalling" and (place >= 50_000 or len(sent) > 1):
                time.sleep(3)
            try:
                self.wfile.write(body[place : place + PIECE])
                self.wfile.flush()
            except OSError:
                return  # the client has had enough
            sent[-1] += len(body[place : place + PIECE])

    def log_message(self, *arguments):
        pass


class Mirrors(http.server.ThreadingHTTPServer):
    """Two mirrors; `sent` has the bytes of each request, by the kinds in a file's path."""

    daemon_threads = True
    sent: dict[str, list[int]]

    @property
    def urls(self) -> list[str]:
        """Return their addresses, one with a slash at its end."""
        return [f"http://127.0.0.1:{self.server_port}/{end}" for end in ("0", "1/")]


@pytest.fixture(scope="module")
def mirrors() -> Iterator[Mirrors]:
    with Mirrors(("127.0.0.1", 0), Mirror) as server:
        server.sent = {}
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


class Run:
    """What came of applying the role to hosts, which are this machine."""

    def __init__(self, folder: Path, hosts: dict[str, dict], *more: str, path: str | None = None):
        self.folder = folder
        inventory = folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        said = {
            "model_files_dir": f"{folder}/{{{{ inventory_hostname }}}}",
            "model_files_cache": f"{folder}/its cache",
            "model_files_timeout": 1,
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }
        result = subprocess.run(
            [
                *(Path(sys.executable).with_name("ansible-playbook"), "-i", inventory),
                *("-e", json.dumps(said), *more, PLAYBOOK),
            ],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_FORCE_COLOR": "false"} | ({"PATH": path} if path else {}),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        self.text = result.stdout
        self.changed = [int(text) for text in re.findall(r"changed=(\d+)", self.text)]
        self.failed = re.findall(r"^(\S+) .* failed=1", self.text, re.MULTILINE)

    def cached(self, kinds: str, end: str = "") -> Path:
        return self.folder / "its cache" / kinds / f"model{end}"

    def message(self, host: str) -> str:
        """Return what a host has failed with."""
        failed = rf"^fatal: \[{host}(?: -> localhost)?\]: .*?msg: '?(?:\|-)?(.*?)\n\n"
        (found,) = re.findall(failed, self.text, re.MULTILINE | re.DOTALL)
        return " ".join(found.split())


def wanted(kinds: str, **more) -> dict:
    return {"path": f"{kinds}/model", "md5": MD5, "size": len(RIGHT)} | more


# Two mirrors, in turn, and how many bytes each call is sent.
ONE_HAS_IT = {
    "missing+right": [0, 300_000],
    "stalling+right": [50_000, 250_000],
    "once-breaking+ignorant": [100_000, 0, ANY, 300_000],
    "breaking": [100_000, 100_000, 100_000],
    "right": [50_000],
    "overloaded": [0],
    "wrong+right": [299_000, 300_000],
}
# What an earlier run has left of some.
BEGUN = {
    "right": RIGHT[:250_000],
    "overloaded": RIGHT,
    "wrong+right": WRONG[:1] * 1000,
}


@pytest.fixture(scope="module")
def run(mirrors, tmp_path_factory) -> Run:
    """Return a run over a host for which all files are to be had, and others."""
    folder = tmp_path_factory.mktemp("run")
    for path, content in {
        **{f"its cache/{kinds}/model.part": part for kinds, part in BEGUN.items()},
        "laid out/a/model": RIGHT,
        "flat/model": RIGHT,
        "another/model": WRONG,
    }.items():
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(content)
    one, other = mirrors.urls
    files = [wanted(kinds) for kinds in ONE_HAS_IT]
    del files[0]["size"]
    hosts = {
        "served": {
            "fetched_only": True,
            "model_files_wanted": files,
            "model_files_mirrors": [one, other],
            "model_files_slowest": 100_000,
        },
        "in-vain": {
            "fetched_only": True,
            "model_files_wanted": [wanted("missing+right+", size=200_000)],
            "model_files_mirrors": [other, NOBODY],
        },
    }
    for name in ("laid out", "flat", "another", "nowhere"):
        source = {"model_files_source": str(folder / name)}
        hosts[name.replace(" ", "-")] = {"model_files_wanted": [wanted("a")]} | source
    return Run(folder, hosts)


@pytest.mark.parametrize("kinds", ONE_HAS_IT)
def test_the_right_mirror_wins_and_no_byte_comes_twice_without_need(run, mirrors, kinds):
    assert run.cached(kinds).read_bytes() == RIGHT
    assert not run.cached(kinds, ".part").exists()
    sent, expected = mirrors.sent[kinds], ONE_HAS_IT[kinds]
    assert len(sent) == len(expected)
    # A client that leaves has been sent a piece more than it has read.
    for count, wanted_count in zip(sent, expected, strict=True):
        assert wanted_count is ANY or abs(count - wanted_count) <= PIECE


def test_when_no_mirror_has_it_each_is_named_with_its_reason(run):
    message = run.message("in-vain")
    assert message.startswith(f"{LONGER} is not to be had. Tried in turn:")
    assert message.count(f"1/{LONGER}: it has 300000 bytes in place of 200000") == 1
    assert f"{NOBODY}/{LONGER}: curl: (7) Failed to connect" in message
    assert not list((run.folder / "its cache" / LONGER).parent.iterdir())


@pytest.mark.parametrize("source", ["laid-out", "flat"])
def test_a_folder_takes_the_place_of_mirrors(run, source):
    assert (run.folder / source / "a/model").read_bytes() == RIGHT


def test_a_folder_without_the_file_or_with_another_is_refused(run):
    place = run.folder / "another/model"
    assert f"{place} is not the wanted file: its MD5 is" in run.message("another")
    assert "nowhere on the control machine has no a/model. Put it there" in run.message("nowhere")
    assert sorted(run.failed) == ["another", "in-vain", "nowhere"]


def test_two_hosts_are_served_by_one_download_and_then_nothing_changes(mirrors, tmp_path):
    file = {"model_files_wanted": [wanted("slow")], "model_files_mirrors": mirrors.urls}
    hosts = dict.fromkeys(("host1", "host2"), file)
    dry = Run(tmp_path, hosts, "--check", "--diff")
    assert dry.changed == [2, 2], dry.text
    assert "slow" not in mirrors.sent

    done = Run(tmp_path, hosts)
    assert not done.failed, done.text
    assert (tmp_path / "host2/slow/model").read_bytes() == RIGHT
    told = re.findall(r"^(?:ok|changed): .*\(item=([\d.]+) KB of 292.97 KB\)$", done.text, re.M)
    assert len(told) >= 3, done.text
    assert told == sorted(told, key=float)
    assert len(mirrors.sent["slow"]) == len(told), "one host has downloaded it, in so many calls"

    asked = len(mirrors.sent["slow"])
    again = Run(tmp_path, hosts)
    assert again.changed == [0, 0], again.text
    assert len(mirrors.sent["slow"]) == asked


def test_a_control_machine_without_curl_is_told_what_to_do(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "env"):
        (tools / tool).symlink_to(shutil.which(tool))
    file = {"model_files_wanted": [wanted("a")], "model_files_mirrors": [NOBODY]}
    said = Run(tmp_path, {"host": file}, path=str(tools)).message("host")
    assert "has no curl to download a/model with. Install it" in said
