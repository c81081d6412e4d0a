"""Stand-ins for the viewer's tests: a broker in memory, a viewer, pictures of one colour."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import uvicorn
from posestream.streams import BrokerAway
from posestream.viewer.app import Options, create_app
from posestream.viewer.cameras import Cameras, Stream


@dataclass(frozen=True)
class Message:
    """A message as the streams hand it out, as far as the viewer reads it."""

    payload: bytes | None
    key: bytes | None = b"street"
    timestamp: float = 0.0


class Broker:
    """Keeps the messages of the three streams until they are read.

    While `away` is true every reader says so; with `broken`, that is raised instead.
    """

    def __init__(self) -> None:
        self.away = False
        self.lag: int | None = None
        self.opened = 0  # readers
        self.broken: Exception | None = None
        self.queues: dict[Stream, queue.SimpleQueue[Message]] = {
            stream: queue.SimpleQueue() for stream in Stream
        }

    def send(self, stream: Stream, payload: bytes | None, key: bytes, timestamp: float) -> None:
        self.queues[stream].put(Message(payload, key, timestamp))

    def send_frame(
        self,
        annotated: bytes,
        raw: bytes,
        people: int = 1,
        *,
        camera: str = "street",
        age: float = 0.0,
        pose: bytes | None = None,
    ) -> None:
        """Send a frame that was taken `age` seconds ago to all three streams.

        `pose` is OpenPose's JSON in place of that of so many people, who are nowhere.
        """
        taken, key = time.time() - age, camera.encode()
        self.send(Stream.RAW, raw, key, taken)
        self.send(Stream.ANNOTATED, annotated, key, taken)
        self.send(Stream.KEYPOINTS, pose or keypoints(people), key, taken)

    def open_readers(self) -> dict[Stream, Callable[[], Reader]]:
        return {stream: (lambda stream=stream: Reader(self, stream)) for stream in Stream}


class Reader:
    """Reads one stream of a `Broker`."""

    def __init__(self, broker: Broker, stream: Stream) -> None:
        broker.opened += 1
        self.broker = broker
        self.queue = broker.queues[stream]

    def poll(self, timeout: float) -> list[Message]:
        if self.broker.broken:
            raise self.broker.broken
        if self.broker.away:
            message = "no broker at stand-in:9092"
            raise BrokerAway(message)
        try:
            return [self.queue.get(timeout=min(timeout, 0.05))]
        except queue.Empty:
            return []

    def holdup(self) -> tuple[float, str]:
        return 0.0, ""

    def lag(self) -> int | None:
        return self.broker.lag

    def close(self) -> None:
        """Nothing is open."""


class Server:
    """The viewer on a port of this machine; can be stopped and started again."""

    def __init__(self, broker: Broker, **options: object) -> None:
        self.broker = broker
        self.options = options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        self.cameras = Cameras(is_picture)
        options = Options(**self.options)
        app = create_app(self.broker.open_readers(), self.cameras, lambda: None, options)
        config = uvicorn.Config(
            app, port=self.port, log_config=None, timeout_graceful_shutdown=1, ws_max_size=4096
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline, "the viewer does not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive(), "the viewer does not stop"


@contextmanager
def repeating(act: Callable[[int], None], seconds: float = 0.1) -> Iterator[None]:
    """Call `act` with 0, 1, … for as long as the context lasts, at fixed times."""
    over = threading.Event()

    def go_on() -> None:
        number, began = 0, time.monotonic()
        while not over.wait(max(0.0, began + number * seconds - time.monotonic())):
            act(number)
            number += 1

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def jpeg(red: int, green: int, blue: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a picture (width, height) of one colour."""
    picture = np.full((size[1], size[0], 3), (blue, green, red), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def keypoints(people: int) -> bytes:
    """Return OpenPose's JSON output for so many people."""
    person = {"person_id": [-1], "pose_keypoints_2d": [0.0] * 54}
    return json.dumps({"version": 1.3, "people": [person] * people}).encode()


def is_picture(payload: bytes | None) -> bool:
    """Say what the viewer's check of pictures says, without its limits."""
    return bool(payload) and payload.startswith(b"\xff\xd8")
