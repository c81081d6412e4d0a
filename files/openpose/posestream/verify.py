"""Proves a running system: sends a picture of people through it and reads the answer back.

Runs with the worker's own settings, best in its container. Prints one JSON object.
"""

from __future__ import annotations

import json
import logging
import secrets
import statistics
import sys
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from . import frames
from .settings import OPTIONAL_SERVICE, Settings, SettingsError
from .streams import SEALED, BrokerAway, Message, Refused, Watcher, Writer

POLL_SECONDS = 0.2
READ_SECONDS = 10.0  # to read up, at the most
RESEND_SECONDS = 20.0  # a worker that starts at the end of its topic may have missed the first one
PICTURE_NUMBER = 50  # of the video: five people in full view
JPEG_QUALITY = 90
# A drawn skeleton changes hundreds of pixels by more than this (0..255) at full opacity; JPEG, even
# of quality 20, changes a few dozen so far at OpenPose's opacity of 0.6 (tried on the video).
DRAWN_DIFFERENCE = 160
DRAWN_PIXELS = 200

log = logging.getLogger(__name__)


class Failed(Exception):  # noqa: N818 (what was found out, not an error of this program)
    """A hop has failed; the text says which, and where to look."""


@dataclass
class Watch:
    """A service's topic, looked on at, and what came by."""

    service: str
    reader: Watcher
    messages: list[Message] = field(default_factory=list)

    def poll(self, timeout: float) -> list[Message]:
        """Return the new messages."""
        new = self.reader.poll(timeout)
        self.messages += new
        return new

    def read_up(self) -> None:
        """Read what has been published until now."""
        ends, deadline = self.reader.edges(), time.monotonic() + READ_SECONDS
        while not self.reader.has_read(ends) and time.monotonic() < deadline:
            self.poll(POLL_SECONDS)


def run(settings: Settings, timeout: float, seconds: float) -> int:
    """Verify; return 0 and print figures, or 1 and say on standard error what has failed.

    Args:
        settings: the worker's.
        timeout: seconds to wait for the answer.
        seconds: how far the figures of the streams go back.
    """
    try:
        report = verify(settings, timeout, seconds)
    except (Failed, BrokerAway) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0


def verify(settings: Settings, timeout: float, seconds: float) -> dict[str, float | None]:
    """Send a picture, wait for its results, measure the streams; raises Failed or BrokerAway."""
    sent = a_picture(settings.camera.source)
    key = f"verify-{secrets.token_hex(4)}".encode()
    watches: dict[str, Watch] = {}
    try:
        for service in settings.streams.services:
            watches[service] = Watch(service, Watcher(settings.streams, service, past=seconds))
        report = _round_trip(settings, watches, sent, key, timeout)
        for watch in watches.values():
            watch.read_up()
        return report | figures(watches, key, time.time())
    finally:
        for watch in watches.values():
            watch.reader.close()


def a_picture(video: str) -> np.ndarray:
    """Return a picture of people, from the video that the image holds."""
    capture = cv2.VideoCapture(video)
    frame = None
    for _ in range(PICTURE_NUMBER + 1):
        read, newer = capture.read()
        frame = newer if read else frame
    if frame is None:
        raise SettingsError([f"CAMERA_SOURCE: {video} should be a file with a video of people"])
    return frame


def _round_trip(
    settings: Settings,
    watches: dict[str, Watch],
    sent: np.ndarray,
    key: bytes,
    timeout: float,
) -> dict[str, float | None]:
    picture = frames.encode_jpeg(sent, JPEG_QUALITY)
    writer = Writer(settings.streams, "image-src")
    wanted = [service for service in watches if service != "image-src"]
    answers: dict[str, tuple[Message, float]] = {}
    deadline, sent_at = time.monotonic() + timeout, -RESEND_SECONDS
    try:
        while len(answers) < len(wanted):
            now = time.monotonic()
            if now > deadline:
                raise Failed(_missing(settings, watches, wanted, answers, timeout))
            if now - sent_at > RESEND_SECONDS and not answers:
                writer.store(picture, key=key, timestamp=time.time())
                sent_at = now
            for watch in watches.values():
                for message in watch.poll(POLL_SECONDS / len(watches)):
                    if message.key == key and watch.service in wanted:
                        answers.setdefault(watch.service, (message, time.monotonic()))
    except Refused as error:
        raise Failed(f"the source topic does not take a picture: {error}") from error
    finally:
        writer.close()
    for service, (message, _) in answers.items():
        if message.sealed:
            where = settings.streams.describe(service)
            raise Failed(f"a result came on {where}; {SEALED[message.sealed]}")
    check_picture(answers["image-dest"][0].payload, sent, settings)
    people = None
    if OPTIONAL_SERVICE in answers:
        people = count_people(answers[OPTIONAL_SERVICE][0].payload)
        if people < 1:
            raise Failed("no people were found on a picture of people: is it the right model?")
    return {
        "sent_people": people,
        "round_trip_seconds": round(answers["image-dest"][1] - sent_at, 3),
    }


def _missing(
    settings: Settings,
    watches: dict[str, Watch],
    wanted: list[str],
    answers: dict[str, tuple[Message, float]],
    timeout: float,
) -> str:
    absent = [service for service in wanted if service not in answers]
    where = " and ".join(settings.streams.describe(service) for service in absent)
    begun = time.time() - timeout
    came = (message for service in absent for message in watches[service].messages)
    others = sum(message.published >= begun for message in came)
    if others:
        hint = (
            f"{others} other results came: the worker works, but is more than {timeout:g} s late; "
            "with WORKER_MAX_AGE it passes over what is old"
        )
    else:
        hint = "no other result came either: look at the worker's log"
    return f"a picture was sent, but there is no result in {timeout:g} s on {where}; {hint}"


def check_picture(payload: bytes | None, sent: np.ndarray, settings: Settings) -> None:
    """Raise Failed where the result is not the picture that was sent, annotated."""
    if not (payload or b"").startswith(b"\xff\xd8"):
        raise Failed("the result is not a JPEG")
    try:
        result = frames.decode(payload, max_pixels=settings.worker.max_pixels)
    except frames.FrameError as error:
        raise Failed(f"the result is not a picture: {error}") from error
    if result.shape != sent.shape:
        raise Failed(f"the result is {result.shape}, the picture sent was {sent.shape}")
    changed = cv2.absdiff(result, sent).max(axis=2)
    if (changed >= DRAWN_DIFFERENCE * settings.openpose.alpha_pose).sum() < DRAWN_PIXELS:
        width, height = settings.openpose.net_resolution
        raise Failed(
            "the result is the picture that was sent: nothing is drawn on it. With "
            f"OPENPOSE_NET_RESOLUTION={width}x{height}, are its people too small to be found?"
        )


def count_people(payload: bytes | None) -> int:
    """Return how many people a message of keypoints has; raises Failed where it is none."""
    try:
        return len(json.loads(payload or b"")["people"])
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"the keypoints are not OpenPose's JSON: {error!r}") from error


def figures(watches: dict[str, Watch], key: bytes, now: float) -> dict[str, float | None]:
    """Return what the streams were like lately; None stands for what was not to be seen.

    Args:
        watches: the services' messages, of which the oldest begin the time that is measured.
        key: of the messages that do not count: the ones that were sent to verify.
        now: seconds since the epoch.
    """
    lately = {
        service: [each for each in watch.messages if each.key != key and not each.sealed]
        for service, watch in watches.items()
    }
    ages = [message.published - message.timestamp for message in lately["image-dest"]]
    people = [count_people(message.payload) for message in lately.get(OPTIONAL_SERVICE, [])]
    return {
        "source_fps": _rate(lately["image-src"], now),
        "result_fps": _rate(lately["image-dest"], now),
        "age_seconds_median": round(statistics.median(ages), 3) if ages else None,
        "people_mean": round(statistics.mean(people), 1) if people else None,
    }


def _rate(messages: list[Message], now: float) -> float:
    """Return messages a second since the first one, which may be of a stream that just began."""
    if not messages:
        return 0.0
    lasted = now - min(message.published for message in messages)
    return round(len(messages) / max(lasted, 1.0), 1)
