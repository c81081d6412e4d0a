"""Stand-ins for the viewer's tests: a broker in memory, and pictures that differ in colour."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from posestream.streams import BrokerAway
from posestream.viewer.cameras import Stream


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
    ) -> None:
        """Send a frame that was taken `age` seconds ago to all three streams."""
        taken, key = time.time() - age, camera.encode()
        self.send(Stream.RAW, raw, key, taken)
        self.send(Stream.ANNOTATED, annotated, key, taken)
        self.send(Stream.KEYPOINTS, keypoints(people), key, taken)

    def open_readers(self) -> dict[Stream, Callable[[], Reader]]:
        return {stream: (lambda stream=stream: Reader(self, stream)) for stream in Stream}


class Reader:
    """Reads one stream of a `Broker`."""

    def __init__(self, broker: Broker, stream: Stream) -> None:
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

    def close(self) -> None:
        """Nothing is open."""


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
