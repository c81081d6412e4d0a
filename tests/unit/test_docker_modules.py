"""The modules of the role docker: what they read, what they merge, which keys they trust."""

import base64
import http.server
import json
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible.module_utils import apt_state

from .plugins import load

ROOT = Path(__file__).parents[2]

# Runs a module with what it shares with others.
AS_ANSIBLE = (
    "import runpy, sys, ansible.module_utils as shared; path = sys.argv.pop(); "
    "shared.__path__.append(sys.argv.pop()); runpy.run_path(path, run_name='__main__')"
)

# A key that gpg made for this test, and what gpg says its fingerprint is.
FINGERPRINT = "F0B6B8B1B6D92788911E2AC263B32F9894A653E6"
KEY_DATA = (
    "mDMEawOpDBYJKwYBBAHaRw8BAQdAxq8ZYg8/wWYC56R7jaFGClm8WSETsRW3t/HESfsvtSu0BHRlc3SIkAQTFggAOBYh"
    "BPC2uLG22SeIkR4qwmOzL5iUplPmBQJrA6kMAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEGOzL5iUplPm+4cA"
    "/i7dFnZ6ArVmNBYwwxAuua2NRFbaRA56eGn058G/UOV3APwPCFlQxESgx1pXaU55RMnOnyys7Jd4Jn3iHI2ClmgaCQ=="
)
KEY = base64.b64decode(KEY_DATA)
ARMORED = (
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: a header\n\n"
    f"{KEY_DATA[:64]}\n{KEY_DATA[64:]}\n=GQBc\n-----END PGP PUBLIC KEY BLOCK-----\n"
).encode()


def path_of(name: str) -> Path:
    """Return a module's file: the role's own, or one that it shares with others."""
    own = ROOT / "roles/docker/library" / f"{name}.py"
    return own if own.exists() else ROOT / "library" / f"{name}.py"


look, daemon_file, keyring = (
    load(path_of(name)) for name in ("docker_look", "docker_daemon_file", "apt_keyring")
)


def run(name: str, *, check: bool = False, **arguments) -> dict:
    """Run a module as Ansible does on a host, and return what it says."""
    result = subprocess.run(
        [sys.executable, "-c", AS_ANSIBLE, ROOT / "module_utils", path_of(name)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments | {"_ansible_check_mode": check}}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


# docker_look


@pytest.fixture
def engine(tmp_path):
    """Answer /info on a socket as an engine does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"ServerVersion": "26.1.5", "Containers": 2, "DockerRootDir": "/data"}'
            self.send_response(200 if self.path == "/info" else 404)
            self.end_headers()
            self.wfile.write(body)

        def address_string(self):
            return "socket"

        def log_message(self, *_):
            """Stay quiet."""

    path = tmp_path / "docker.sock"
    with socketserver.UnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def look_at(tmp_path, **arguments) -> dict:
    return run(
        "docker_look",
        **{
            "socket": str(tmp_path / "none.sock"),
            "daemon_file": str(tmp_path / "daemon.json"),
            "packages": ["bash", "no-such-package"],
            "record": str(tmp_path / "packages"),
            "paths": {"here": str(tmp_path), "away": str(tmp_path / "away")},
        }
        | arguments,
    )


def test_an_engine_that_answers_is_described(tmp_path, engine):
    found = look_at(tmp_path, socket=str(engine))
    assert (found["answers"], found["engine"]) == (True, "26.1.5")
    assert (found["containers"], found["data_root"]) == (2, "/data")


def test_a_host_without_anything_is_described_too(tmp_path):
    found = look_at(tmp_path)
    assert (found["answers"], found["containers"], found["data_root"]) == (False, 0, "")
    assert (found["daemon"], found["daemon_error"], found["recorded"]) == ({}, "", [])
    assert found["there"] == {"here": True, "away": False}
    assert (found["packages"].keys(), found["requests"]) == ({"bash"}, True)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("2.40.3\n", "2.40.3"),
        ("v2.26.1-4\n", "2.26.1-4"),
        ("Docker version 20.10.24+dfsg1, build 297e128\n", "20.10.24+dfsg1"),
        ("docker: 'compose' is not a docker command.\n", ""),
        ("", ""),
    ],
)
def test_versions_are_read_as_programs_print_them(printed, version):
    assert look.version_in(printed) == version


def test_only_what_is_installed_counts():
    listing = (
        "docker.io hold installed 26.1.5\n"
        "runc install installed 1.1\n"
        "old deinstall config-files 1\n"
        "no unknown not-installed \n"
    )
    assert apt_state.installed(listing) == {
        "docker.io": {"version": "26.1.5", "held": True},
        "runc": {"version": "1.1", "held": False},
    }


@pytest.mark.parametrize(
    ("text", "content", "error"),
    [
        ('{"debug": true}', {"debug": True}, ""),
        (" \n", {}, ""),
        ("{debug", {}, "Expecting property name"),
        ("[]", {}, "not a mapping"),
    ],
)
def test_a_configuration_is_read_or_the_reason_told(tmp_path, text, content, error):
    (tmp_path / "daemon.json").write_text(text)
    found = look_at(tmp_path)
    assert found["daemon"] == content
    assert error in found["daemon_error"]
    assert bool(error) == bool(found["daemon_error"])


def test_mirrors_are_read_in_both_forms(tmp_path):
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder.parent / "sources.list").write_text(
        "# deb http://old.invalid bookworm main\n"
        "deb [arch=amd64 signed-by=/key.gpg] http://one.invalid/debian bookworm main contrib\n"
        "deb http://two.invalid/debian bookworm-updates main\n"
    )
    (folder / "debian.sources").write_text(
        "Types: deb deb-src\nURIs: http://three.invalid/debian\nSuites: trixie trixie-updates\n"
        "Components: main\nSigned-By: /key.gpg\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://four.invalid\nSuites: trixie\nComponents: main\n"
    )
    assert [tuple(mirror.values()) for mirror in apt_state.mirrors(tmp_path)] == [
        ("http://one.invalid/debian", "bookworm", "/key.gpg"),
        ("http://two.invalid/debian", "bookworm-updates", ""),
        ("http://three.invalid/debian", "trixie", "/key.gpg"),
        ("http://three.invalid/debian", "trixie-updates", "/key.gpg"),
    ]


# docker_daemon_file


@pytest.fixture
def configure(tmp_path):
    """Run the module for a configuration, and return what it says and what the file has then."""
    path = tmp_path / "etc" / "daemon.json"

    def configure(options, *, check=False, by_hand=None):
        if by_hand is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(by_hand))
        result = run(
            "docker_daemon_file",
            check=check,
            path=str(path),
            record=str(tmp_path / "record" / "daemon.json"),
            options=options,
            reloadable=["registry-mirrors", "debug"],
        )
        return result, json.loads(path.read_text() or "{}") if path.exists() else None

    return configure


def test_what_a_person_wrote_stays_and_what_is_no_longer_wanted_goes(configure):
    by_hand = {"labels": ["lab"], "registry-mirrors": ["own"], "log-opts": {"tag": "x"}}
    options = {"registry-mirrors": ["a"], "log-opts": {"max-size": "10m"}, "data-root": "/data"}
    result, content = configure(options, by_hand=by_hand)
    assert result["changed"]
    assert content == {
        "labels": ["lab"],
        "registry-mirrors": ["a", "own"],
        "log-opts": {"tag": "x", "max-size": "10m"},
        "data-root": "/data",
    }
    result, content = configure(options)
    assert not result["changed"]
    result, content = configure({"log-opts": {"max-size": "5m"}})
    assert content == by_hand | {"log-opts": {"tag": "x", "max-size": "5m"}}
    result, content = configure({})
    assert content == by_hand


def test_what_a_person_changed_since_is_no_longer_ours(configure):
    configure({"debug": True, "mtu": 1400})
    _, content = configure({}, by_hand={"debug": False, "mtu": 1400})
    assert content == {"debug": False}


@pytest.mark.parametrize(
    ("before", "after", "suffices"),
    [
        ({}, {"registry-mirrors": ["a"]}, True),
        ({"registry-mirrors": ["a"]}, {"registry-mirrors": ["b"], "debug": True}, True),
        ({"registry-mirrors": ["a"]}, {"registry-mirrors": ["b"], "mtu": 1400}, False),
        # The engine keeps its mirrors on a reload of a file that does not speak of them.
        ({"registry-mirrors": ["a"]}, {}, False),
    ],
)
def test_a_reload_suffices_for_what_the_engine_takes_on_one(configure, before, after, suffices):
    configure(before, by_hand={})
    result, _ = configure(after)
    assert result["changed"]
    assert result["reload_suffices"] is suffices


def test_a_dry_run_shows_the_change_and_writes_nothing(configure, tmp_path):
    result, content = configure({"debug": True}, check=True)
    assert result["changed"]
    assert '"debug": true' in result["diff"]["after"]
    assert content is None
    assert not list(tmp_path.iterdir())


def test_what_the_engine_refuses_is_not_written(configure, tmp_path, monkeypatch):
    dockerd = tmp_path / "bin" / "dockerd"
    dockerd.parent.mkdir()
    dockerd.write_text(
        '#!/bin/sh\ngrep -q wrong "$3" && echo "unknown key" >&2 && exit 1\nexit 0\n'
    )
    dockerd.chmod(0o755)
    monkeypatch.setenv("PATH", str(dockerd.parent), prepend=":")
    _, content = configure({"debug": True})
    result, after = configure({"wrong": True})
    assert "unknown key" in result["msg"]
    assert after == content == {"debug": True}


# apt_keyring


@pytest.mark.parametrize("content", [KEY, ARMORED, ARMORED.replace(b"\n", b"\r\n")])
def test_a_key_has_the_fingerprint_that_gpg_gives_it(content):
    assert keyring.fingerprints(keyring.unarmored(content)) == [FINGERPRINT]


@pytest.mark.parametrize(
    "content",
    [b"<html>not found</html>", b"", KEY[:-5], ARMORED + ARMORED, ARMORED[:60], ARMORED[:-20]],
    ids=["page", "nothing", "cut", "two blocks", "no data", "cut armour"],
)
def test_anything_else_has_no_fingerprint(content):
    try:
        found = keyring.fingerprints(keyring.unarmored(content))
    except ValueError:
        found = []
    assert found == []


@pytest.fixture
def serve(tmp_path):
    """Serve bytes over http; returns their address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.server.content else 404)
            self.end_headers()
            self.wfile.write(self.server.content)

        def log_message(self, *_):
            """Stay quiet."""

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def serve(content: bytes) -> str:
            server.content = content
            return f"http://127.0.0.1:{server.server_address[1]}/gpg"

        yield serve
        server.shutdown()
        thread.join()


def test_the_expected_key_is_kept_without_its_armour(serve, tmp_path):
    path = tmp_path / "keyrings" / "docker.gpg"
    arguments = {
        "path": str(path),
        "url": serve(ARMORED),
        "fingerprint": FINGERPRINT.lower(),
    }
    assert run("apt_keyring", check=True, **arguments)["changed"]
    assert not path.exists()
    assert run("apt_keyring", **arguments)["changed"]
    assert path.read_bytes() == KEY
    serve(b"")
    assert not run("apt_keyring", **arguments)["changed"], "a key that is there is not fetched"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (KEY, f"its fingerprint is {FINGERPRINT}"),
        (KEY + KEY, f"its fingerprint is {FINGERPRINT}, {FINGERPRINT}"),
        (b"<html>", "no OpenPGP key"),
        (b"", "could not be fetched"),
    ],
    ids=["another", "two", "page", "missing"],
)
def test_another_key_is_not_trusted(serve, tmp_path, content, reason):
    path = tmp_path / "docker.gpg"
    wanted = FINGERPRINT if content == KEY + KEY else "9" * 40
    result = run("apt_keyring", path=str(path), url=serve(content), fingerprint=wanted)
    assert result["failed"]
    assert reason in result["msg"]
    assert not path.exists()
