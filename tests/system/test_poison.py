"""A frame that the worker cannot survive is passed over after two tries; the others are not."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
from posestream.streams import Message

from . import lab
from .topics import EARLIEST, topic, until

WORKER = lab.ROOT / "tests/stand_ins/frail_worker.py"
FRAME_SECONDS = 2
GOOD, WHITE = 20, 7
POISON = 'posestream_frames_skipped_total{reason="poison"}'
WAYS = ["segfault", "killed", "hangs"]
if lab.LONG:
    WAYS.append("holds-the-interpreter")


class Worker(threading.Thread):
    """A worker that is started again whenever it ends, as Docker does."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.codes: list[int] = []
        self._environ, self._stops = os.environ | environ, threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while not self._stops.is_set():
            self._process = subprocess.Popen([sys.executable, WORKER], env=self._environ)
            self.codes.append(self._process.wait())

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        with contextlib.suppress(AttributeError):
            self._process.terminate()
        self.join(20)


def number_of(message: Message) -> int:
    """Return which frame a result is of, by its grey."""
    pixels = cv2.imdecode(np.frombuffer(message.payload, np.uint8), cv2.IMREAD_COLOR)
    return round(pixels.mean() / 10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_passed_over_after_two_tries(way, tmp_path):
    port = free_port()
    frames = [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(GOOD)]
    frames.insert(WHITE, np.full((48, 64, 3), 255, np.uint8))
    with topic() as source, topic() as result:
        source.store(*(cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames))
        environ = {
            "FRAIL": way,
            "PYTHONPATH": str(lab.ROOT / "files/openpose"),
            "TMPDIR": str(tmp_path),
            "SS_BROKERS": lab.BROKERS,
            "SSSRC_TOPIC": source.name,
            "SSSRC_GROUP_ID": source.name,
            "SSSRC_TYPE_SPEC__AUTO_OFFSET_RESET": "earliest",
            "SSDST_TOPIC": result.name,
            "WORKER_NAME": "frail",
            "WORKER_FRAME_SECONDS": str(FRAME_SECONDS),
            "WORKER_METRICS_PORT": str(port),
        }
        begun = time.monotonic()
        with Worker(environ) as worker:
            numbers: set[int] = set()
            with result.reader(**EARLIEST) as reader:
                until(
                    lambda: len(numbers) == GOOD,
                    reader,
                    seconds=120,
                    note=lambda message: numbers.add(number_of(message)),
                )
            print(f"{way}: all others after {time.monotonic() - begun:.1f} s")
            metrics = f"http://127.0.0.1:{port}/metrics"
            lab.wait_until(lambda: lab.metric(POISON, metrics) == 1, lambda: "it to be counted", 10)
            assert len(worker.codes) == 2
        assert numbers == set(range(GOOD))
