"""What the camera says of itself: Prometheus metrics over HTTP."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from ..metrics import ProgramMetrics

# Why a frame is not published.
REASONS = ("late", "damaged", "broker", "refused")


class Metrics(ProgramMetrics):
    """A camera's counters and gauges; each has the label `camera`."""

    def __init__(self, camera: str = "camera") -> None:
        """Start at nothing, for the camera of this name."""
        super().__init__()
        self._camera = camera
        registry = self.registry
        labels = {"camera": camera}

        def made(kind: type, name: str, about: str, *more: str) -> Counter | Gauge:
            metric = kind(f"posestream_{name}", about, ["camera", *more], registry=registry)
            return metric if more else metric.labels(**labels)

        self.captured: Counter = made(
            Counter, "camera_frames_captured", "Frames taken from the source, those of CAMERA_FPS."
        )
        self.published: Counter = made(
            Counter, "camera_frames_published", "Frames that the broker has stored."
        )
        dropped: Counter = made(
            Counter,
            "camera_frames_dropped",
            "Frames that were captured and not published: late (there was no time to decode them), "
            "damaged, broker (away for longer than the buffer holds), refused (by the broker).",
            "reason",
        )
        self._dropped = {reason: dropped.labels(camera, reason) for reason in REASONS}
        self.source_up: Gauge = made(
            Gauge, "camera_source_up", "1 while pictures come from the source, else 0."
        )
        self.reconnections: Counter = made(
            Counter, "camera_reconnections", "How often the source was opened anew."
        )
        self.buffered_bytes: Gauge = made(
            Gauge, "camera_buffered_bytes", "Bytes of frames that wait for the broker."
        )
        self.ready: Gauge = made(
            Gauge, "ready", "1 while frames from the source reach the broker, else 0."
        )

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count frames that were dropped, for one of the REASONS."""
        self._dropped[reason].inc(count)

    def counts(self) -> dict[str, float]:
        """Return the counters' values: captured, published, and those of the REASONS."""
        frames = "posestream_camera_frames"
        names = {
            "captured": (f"{frames}_captured_total", {}),
            "published": (f"{frames}_published_total", {}),
            **{each: (f"{frames}_dropped_total", {"reason": each}) for each in REASONS},
        }
        return {
            short: self.registry.get_sample_value(name, {"camera": self._camera, **labels}) or 0.0
            for short, (name, labels) in names.items()
        }
