"""Large files from mirrors that are slow, break off, lie or have nothing: the right one wins."""

import hashlib
import http.server
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location(
    "model_files_fetch", ROOT / "roles/model_files/action_plugins/model_files_fetch.py"
)
fetch = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = fetch  # its dataclasses are looked up there
SPEC.loader.exec_module(fetch)

PATH = "pose/body_25/pose_iter_584000.caffemodel"
RIGHT = random.Random(25).randbytes(300_000)
WRONG = RIGHT[:-1] + bytes([RIGHT[-1] ^ 1])
WANTED = fetch.Wanted(PATH, hashlib.md5(RIGHT).hexdigest(), len(RIGHT))
UNSIZED = fetch.Wanted(PATH, WANTED.md5)


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of a path, which names a kind of mirror."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind = self.path.split("/")[1]
        body = WRONG if "wrong" in kind else RIGHT
        begin = 0
        if "Range" in self.headers and kind != "ignorant":
            begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        sent = self.server.sent.setdefault(kind, [])
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
        for place in range(0, len(body), 10_000):
            if kind == "slow":
                time.sleep(0.1)
            if kind == "stalling" and (place >= 50_000 or len(sent) > 1):
                time.sleep(0.6)
            try:
                self.wfile.write(body[place : place + 10_000])
                self.wfile.flush()
            except OSError:
                return  # the client has had enough
            sent[-1] += len(body[place : place + 10_000])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """Run the mirrors; returns their server, whose `sent` counts the bytes of each request."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.sent = {}
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def mirrors(server):
    """Return what makes mirrors of their kinds; the addresses end with a slash, or without."""

    def make(*kinds: str, **more) -> fetch.Mirrors:
        base = f"http://127.0.0.1:{server.server_port}"
        urls = [f"{base}/{kind}{'/' * (number % 2)}" for number, kind in enumerate(kinds)]
        quick = {"timeout": 0.3, "slowest": 0, "pause": 0.0, "tell": said.append}
        return fetch.Mirrors(urls, **quick | more)

    said: list[str] = []
    make.said = said
    return make


@pytest.fixture
def target(tmp_path):
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("kinds", "reasons"),
    [
        (["right"], []),
        (["missing", "right"], ["404 Not Found"]),
        (["wrong", "right"], ["its MD5 is "]),
        (["overloaded", "right"], ["503 Service Unavailable, 0 bytes came"]),
        (["missing", "wrong", "right"], ["404 Not Found", "its MD5 is "]),
        (["stalling", "right"], ["nothing came any more"]),
        (["ignorant"], []),
        (["once-breaking", "right"], ["it broke off, 100000 bytes came"]),
        (["once-breaking", "ignorant"], ["it broke off"]),
    ],
)
@pytest.mark.parametrize("wanted", [WANTED, UNSIZED], ids=["sized", "unsized"])
def test_the_right_mirror_wins(mirrors, target, kinds, reasons, wanted):
    chosen = mirrors(*kinds)
    assert chosen.fetch(wanted, target), chosen.tried
    assert target.read_bytes() == RIGHT
    assert not target.with_name("model.part").exists()
    assert len(chosen.tried) == len(reasons)
    for tried, reason in zip(chosen.tried, reasons, strict=True):
        assert reason in tried
        assert PATH in tried


def test_a_transfer_that_breaks_off_goes_on_where_it_was(mirrors, server, target):
    assert mirrors("breaking").fetch(WANTED, target)
    assert target.read_bytes() == RIGHT
    assert server.sent["breaking"] == [100_000, 100_000, 100_000]
    assert sum(server.sent["breaking"]) == len(RIGHT), "no byte came twice"


def test_a_later_run_goes_on_from_what_an_earlier_one_left(mirrors, server, target):
    target.with_name("model.part").write_bytes(RIGHT[:250_000])
    assert mirrors("right").fetch(WANTED, target)
    assert server.sent["right"] == [50_000]


def test_all_but_the_name_was_there(mirrors, server, target):
    target.with_name("model.part").write_bytes(RIGHT)
    assert mirrors("right").fetch(WANTED, target)
    assert server.sent["right"] == [0]


def test_what_a_wrong_mirror_began_is_not_held_against_the_right_one(mirrors, server, target):
    target.with_name("model.part").write_bytes(WRONG[:1] * 1000)
    chosen = mirrors("right")
    assert chosen.fetch(WANTED, target)
    assert server.sent["right"] == [299_000, 300_000]
    assert "its MD5" in chosen.tried[0]


def test_a_file_of_another_length_is_not_downloaded(mirrors, target):
    chosen = mirrors("right")
    assert not chosen.fetch(fetch.Wanted(PATH, WANTED.md5, 104_715_850), target)
    assert "it has 300000 bytes in place of 104715850" in chosen.tried[0]
    assert not list(target.parent.iterdir()), "nothing was written"


def test_a_mirror_that_is_too_slow_is_left_and_its_bytes_are_kept(mirrors, server, target):
    chosen = mirrors("slow", "right", timeout=0.5, slowest=1_000_000)
    assert chosen.fetch(WANTED, target)
    assert "too slow" in chosen.tried[0]
    assert 0 < server.sent["right"][0] < len(RIGHT)


def test_a_long_download_says_how_far_it_is(mirrors, target, monkeypatch):
    monkeypatch.setattr(fetch, "TELL", 0.3)
    assert mirrors("slow").fetch(WANTED, target)
    progress = [line for line in mirrors.said if " of 0.3 MiB, " in line]
    assert len(progress) >= 3
    assert progress[0].startswith(f"{PATH}: 0.")


def test_when_no_mirror_has_it_each_is_named(mirrors, target):
    chosen = mirrors("missing", "wrong", "overloaded")
    chosen.urls.append("http://127.0.0.1:1")
    assert not chosen.fetch(WANTED, target)
    assert not target.exists()
    assert [text.split("/")[3] for text in chosen.tried[:3]] == ["missing", "wrong", "overloaded"]
    assert "http://127.0.0.1:1/pose/" in chosen.tried[3]
    assert "refused" in chosen.tried[3]


# By Ansible


def deploy(tmp_path, *arguments: str, **variables) -> subprocess.CompletedProcess:
    """Apply the role to this machine, with one model of the mirrors' bytes."""
    said = {
        "model_files_wanted": [{"path": PATH, "md5": WANTED.md5, "size": len(RIGHT)}],
        "model_files_dir": str(tmp_path / "host"),
        "model_files_cache": str(tmp_path / "cache"),
        "ansible_become": False,
        **variables,
    }
    result = subprocess.run(
        [
            *("ansible-playbook", "tests/unit/playbooks/model_files.yml", "-i", "host1,host2,"),
            *("-e", "ansible_python_interpreter={{ ansible_playbook_python }}"),
            *("-e", json.dumps(said), *arguments),
        ],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    result.changed = [int(text) for text in re.findall(r"changed=(\d+)", result.stdout)]
    return result


def test_two_hosts_are_served_by_one_download_and_then_nothing_changes(server, tmp_path):
    mirror = {"model_files_mirrors": [f"http://127.0.0.1:{server.server_port}/slow"]}
    dry = deploy(tmp_path, "--check", "--diff", **mirror)
    assert dry.returncode == 0, dry.stdout
    assert not server.sent

    done = deploy(tmp_path, **mirror)
    assert done.returncode == 0, done.stdout
    assert server.sent["slow"] == [len(RIGHT)]
    assert f"Downloading {PATH}" in done.stdout
    assert (tmp_path / "host" / PATH).read_bytes() == RIGHT

    again = deploy(tmp_path, **mirror)
    assert again.changed == [0, 0], again.stdout
    assert server.sent["slow"] == [len(RIGHT)]


@pytest.mark.parametrize("place", [PATH, Path(PATH).name], ids=["in its folder", "as downloaded"])
def test_a_folder_takes_the_place_of_mirrors(tmp_path, place):
    with pytest.raises(AnsibleActionFail, match=f"on the control machine has no {PATH}"):
        fetch.local(tmp_path, WANTED)
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(WRONG)
    with pytest.raises(AnsibleActionFail, match=f"{file} is not the wanted file: its MD5"):
        fetch.local(tmp_path, WANTED)
    file.write_bytes(RIGHT)
    assert fetch.local(tmp_path, WANTED) == {"path": PATH, "file": str(file)}


def test_the_message_of_a_run_has_every_try(server, tmp_path):
    base = f"http://127.0.0.1:{server.server_port}"
    failed = deploy(tmp_path, model_files_mirrors=[f"{base}/missing", f"{base}/wrong"])
    assert failed.returncode != 0
    assert f"{base}/missing/{PATH}: 404 Not Found" in failed.stdout
    assert f"{base}/wrong/{PATH}: its MD5" in failed.stdout
