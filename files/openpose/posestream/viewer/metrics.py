"""What the viewer says of itself: Prometheus metrics over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import Counter, Gauge

from .. import broker_certificate
from ..metrics import ProgramMetrics
from .cameras import Stream

_STREAMS = {Stream.RAW: "raw", Stream.ANNOTATED: "annotated", Stream.KEYPOINTS: "keypoints"}


class Metrics(ProgramMetrics):
    """The viewer's counters and gauges. Cameras that are gone leave them again."""

    def __init__(self) -> None:
        """Start at nothing."""
        super().__init__()
        registry = self.registry
        self.broker_certificate = broker_certificate.gauge(registry)
        self.browsers = Gauge(
            "posestream_viewer_browsers", "Browsers that are connected.", registry=registry
        )
        self.received = Counter(
            "posestream_viewer_frames_received",
            "Messages read from the broker, by stream.",
            ["stream", "camera"],
            registry=registry,
        )
        self.sealed = Counter(
            "posestream_viewer_frames_sealed",
            "Messages that could not be decrypted, by reason; they are not shown.",
            ["reason"],
            registry=registry,
        )
        self.sent = Counter(
            "posestream_viewer_frames_sent", "Frames sent to browsers.", registry=registry
        )
        self.passed_over = Counter(
            "posestream_viewer_frames_passed_over",
            "Frames that gave way to newer ones, as a browser or its line was too slow for them.",
            registry=registry,
        )
        self.newest_age = Gauge(
            "posestream_viewer_newest_age_seconds",
            "Time since the capture of the newest message, by stream.",
            ["stream", "camera"],
            registry=registry,
        )
        self.certificate_end = Gauge(
            "posestream_viewer_certificate_end_timestamp_seconds",
            "When the page's certificate ends, in seconds since 1970; there is none without TLS.",
            ["file"],
            registry=registry,
        )
        self.ready = Gauge(
            "posestream_ready", "1 while all streams are read, else 0.", registry=registry
        )
        self._known: set[tuple[str, str]] = set()

    def count_received(self, stream: Stream, came: dict[str, int]) -> None:
        """Count what was read of each camera."""
        for camera, number in came.items():
            self.received.labels(_STREAMS[stream], camera).inc(number)
            self._known.add((_STREAMS[stream], camera))

    def show(self, cameras: Iterable[dict[str, Any]]) -> None:
        """Take over the ages; forget what is not among `cameras`, as `Cameras.status` has them."""
        ages = {
            (stream, camera["name"]): camera[stream]["age"]
            for camera in cameras
            for stream in _STREAMS.values()
            if camera[stream] is not None
        }
        for labels, age in ages.items():
            self.newest_age.labels(*labels).set(age)
        for gone in list(self._known - ages.keys()):
            self._known.discard(gone)
            self.received.remove(*gone)
            self.newest_age.remove(*gone)
        self._known |= ages.keys()
