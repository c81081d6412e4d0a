"""Network cameras: `posestream camera` and GStreamer's RTSP server, with all that goes wrong.

Needs no broker either: what is published is looked at.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from posestream import ready
from posestream.camera import watching
from posestream.camera.camera import Camera
from posestream.camera.check import look
from posestream.camera.sources import open_source, stream
from posestream.flags import Camera as Settings

from ..lab import wait_until

SERVER = Path(__file__).with_name("rtsp_server.py")
USERNAME, PASSWORD = "reader", "p@ss:w/rd 1"
FPS = 20


@pytest.fixture(autouse=True)
def _impatient(tmp_path, monkeypatch):
    """Be quicker than in earnest, where seconds are waited for what comes back."""
    monkeypatch.setattr(ready, "SIGN", tmp_path / "ready")
    monkeypatch.setattr(stream, "SILENT_SECONDS", 2.0)
    monkeypatch.setattr(watching, "SILENT_SECONDS", 2.0)
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.2)
    monkeypatch.setattr("posestream.camera.check.SECONDS", 1.0)


class Server:
    """GStreamer's RTSP server."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        # Debian's own Python, which has GStreamer's.
        self._process = subprocess.Popen(
            ["/usr/bin/python3", SERVER, str(self.port), USERNAME, PASSWORD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"

    def tell(self, *words: str) -> None:
        """Set a property: path, element, name, value."""
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def address(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="module")
def server():
    it = Server()
    yield it
    it.kill()


class Sink:
    """Takes all that is published."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes, float]] = []  # when it came, JPEG, event time

    def publish(self, payload, *, key, timestamp, done):
        assert key == b"gate"
        self.frames.append((time.time(), payload, timestamp))
        done(None)

    def away(self):
        return ""

    def holdup(self):
        return 0.0, ""

    def close(self):
        pass


@contextmanager
def camera(source: str, **settings):
    """Run a camera; gives its sink and its counts."""
    sink, stopping = Sink(), threading.Event()
    it = Camera(Settings(name="gate", source=source, **settings), lambda: sink, stopping)
    thread = threading.Thread(target=it.run, daemon=True)
    thread.start()
    sink.camera = it
    try:
        yield sink
    finally:
        stopping.set()
        thread.join(5)


def until(sink: Sink, count: int, seconds: float = 15) -> None:
    wait_until(lambda: len(sink.frames) >= count, lambda: f"{len(sink.frames)} of {count}", seconds)


def reconnections(sink: Sink) -> float:
    return sink.camera.metrics.reconnections._value.get()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("path", ["/h264", "/mjpeg"])
def test_pictures_come_at_their_rate_with_the_time_of_their_arrival(server, path, transport):
    with camera(server.address(path), rtsp_transport=transport) as sink:
        until(sink, 20)
        begun, before = time.time(), len(sink.frames)
        time.sleep(2)
        lately = sink.frames[before:]
        counts = sink.camera.metrics.counts()
    assert len(lately) == pytest.approx(2 * FPS, abs=4), f"in {time.time() - begun:.1f} s"
    ages = [came - taken for came, _, taken in lately]
    assert 0 <= min(ages) <= max(ages) < 0.3
    # Those that were read while the stream was looked into came at once, and have their times.
    for frames in (sink.frames[:15], lately):
        gaps = [after - before for before, after in pairwise(taken for _, _, taken in frames)]
        assert np.median(gaps) == pytest.approx(1 / FPS, abs=0.015)
    assert counts["damaged"] == 0
    picture = cv2.imdecode(np.frombuffer(lately[-1][1], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (240, 320, 3)
    assert picture.max() > 200, "the ball"


def test_jpegs_are_published_as_ffmpeg_got_them_and_pictures_as_they_are_asked_for(server):
    with camera(server.address("/mjpeg")) as sink:
        until(sink, 3)
    # GStreamer's encoder, quality 70; this package's would have other tables.
    source = open_source(Settings(source=server.address("/mjpeg")))
    came = [next(iter(source)).data]
    source.close()
    tables = [jpeg[jpeg.index(b"\xff\xdb") :][:60] for jpeg in (came[0], sink.frames[0][1])]
    assert tables[0] == tables[1]

    with camera(server.address("/h264"), size=(120, 160), rotation=90, fps=5.0) as sink:
        until(sink, 2)
        before = len(sink.frames)
        time.sleep(2)
        assert len(sink.frames) - before == pytest.approx(10, abs=2)
    picture = cv2.imdecode(np.frombuffer(sink.frames[-1][1], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (160, 120, 3)


@pytest.mark.parametrize(
    ("path", "login", "words"),
    [
        ("/private", {}, "(401)"),
        ("/private", {"username": USERNAME, "password": "wrong"}, "(401)"),
        ("/sound", {}, "has no video in it"),
        ("/unknown", {}, "one of an unknown codec"),
        ("/nothing", {}, "(404)"),
    ],
)
def test_check_says_what_is_wrong(server, capsys, path, login, words):
    assert look(Settings(source=server.address(path), **login)) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"posestream camera: {server.address(path)}")
    assert words in printed
    assert "wrong" not in printed


def test_check_says_what_comes(server, capsys):
    login = {"username": USERNAME, "password": PASSWORD}
    assert look(Settings(source=server.address("/private"), **login)) == 0
    printed = capsys.readouterr().out
    assert "320x240, h264, " in printed
    assert float(printed.partition("h264, ")[2].split()[0]) == pytest.approx(FPS, abs=2)


def test_a_server_that_goes_away_and_comes_back(server, caplog):
    with camera(server.address("/h264")) as sink:
        until(sink, 10)
        server.kill()
        wait_until(lambda: not sink.camera.metrics.source_up._value.get(), lambda: "silence")
        assert "refuses the connection" in caplog.text or "has ended" in caplog.text
        server.start()
        before = len(sink.frames)
        until(sink, before + 10)
        assert reconnections(sink) >= 1


def test_a_camera_that_stalls_shortly_is_waited_for_and_one_that_is_silent_is_opened_anew(server):
    with camera(server.address("/mjpeg")) as sink:
        until(sink, 10)
        server.tell("/mjpeg", "valve", "drop", "true")
        time.sleep(1)
        server.tell("/mjpeg", "valve", "drop", "false")
        before = len(sink.frames)
        until(sink, before + 5, 3)
        assert reconnections(sink) == 0

        server.tell("/mjpeg", "valve", "drop", "true")
        wait_until(lambda: not sink.camera.metrics.source_up._value.get(), lambda: "silence", 5)
        before = len(sink.frames)
        until(sink, before + 10)
        assert reconnections(sink) >= 1
        times = [taken for _, _, taken in sink.frames]
        assert times == sorted(times)


@pytest.mark.parametrize("path", ["/h264", "/mjpeg"])
def test_a_picture_that_stands_still_is_noticed(server, caplog, path):
    with camera(server.address(path), still_seconds=2.0) as sink:
        until(sink, 60)
        assert "has not changed" not in caplog.text
        server.tell(path, "source", "pattern", "checkers-8")
        wait_until(lambda: reconnections(sink) == 1, lambda: "it to be opened anew", 10)
        assert "has not changed for 2 s" in caplog.text


def test_the_password_is_nowhere(server, caplog, capfd):
    caplog.set_level("DEBUG")
    login = {"username": USERNAME, "password": PASSWORD}
    with camera(server.address("/private"), **login) as sink:
        until(sink, 5)
    seen = caplog.text + "".join(capfd.readouterr())
    assert not any(secret in seen for secret in (PASSWORD, "p%40ss"))
