"""What the worker says of itself: Prometheus metrics over HTTP."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_STAGE_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)
_AGE_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


STAGES = ("read", "decode", "engine", "draw", "write")
_CAMERAS = 1000  # that have a counter each; what comes after them shares one


class ByCamera:
    """A counter for each camera, of a bounded number."""

    def __init__(self, counter: Counter) -> None:
        """Count in a counter with the label `camera`."""
        self._counter = counter
        self._known: set[str] = set()

    def of(self, key: bytes | None) -> Counter:
        """Return the counter of the camera whose frames have this key."""
        name = (key or b"").decode(errors="backslashreplace")[:100]
        if name not in self._known and len(self._known) >= _CAMERAS:
            name = "(others)"
        self._known.add(name)
        return self._counter.labels(camera=name)


class Metrics:
    """The worker's counters, gauges and histograms."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.registry = registry = CollectorRegistry()
        self.received = Counter(
            "posestream_frames_received", "Frames read from the source topic.", registry=registry
        )
        self.processed = Counter(
            "posestream_frames_processed", "Frames whose result is stored.", registry=registry
        )
        self.skipped = Counter(
            "posestream_frames_skipped", "Frames without a result.", ["reason"], registry=registry
        )
        self.passed_over = ByCamera(
            Counter(
                "posestream_frames_passed_over",
                "Frames that gave way to a newer one of their camera.",
                ["camera"],
                registry=registry,
            )
        )
        self.damaged = Counter(
            "posestream_frames_damaged",
            "Frames that were decoded although the decoder found them damaged.",
            registry=registry,
        )
        self.times_replaced = Counter(
            "posestream_times_replaced",
            "Messages whose own time cannot be, and was replaced by their record's or the present.",
            registry=registry,
        )
        self.people = Gauge(
            "posestream_people", "People found in the newest result.", registry=registry
        )
        self.stage_seconds = Histogram(
            "posestream_stage_seconds",
            "Time that a frame takes in a stage.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self.stage_cpu_seconds = Counter(
            "posestream_stage_cpu_seconds",
            "Processor time of a stage's own threads.",
            ["stage"],
            registry=registry,
        )
        self.age_seconds = Histogram(
            "posestream_result_age_seconds",
            "Time from a frame's capture until its result is stored.",
            buckets=_AGE_SECONDS,
            registry=registry,
        )
        self.newest_age_seconds = Gauge(
            "posestream_newest_result_age_seconds",
            "Time from capture until storage of the newest result.",
            registry=registry,
        )
        self.ready = Gauge(
            "posestream_ready", "1 while the worker can do its work, else 0.", registry=registry
        )
        self._seconds = {stage: self.stage_seconds.labels(stage=stage) for stage in STAGES}
        self._cpu_seconds = {stage: self.stage_cpu_seconds.labels(stage=stage) for stage in STAGES}

    def measured(self, stage: str, seconds: float, cpu_seconds: float) -> None:
        """Add a piece of a stage's work: seconds of the clock, and of the processor."""
        self._seconds[stage].observe(seconds)
        self._cpu_seconds[stage].inc(cpu_seconds)

    def serve(self, port: int) -> None:
        """Serve the metrics over HTTP, from now on; raises OSError where the port is taken."""
        start_http_server(port, registry=self.registry)

    def value(self, name: str, **labels: str) -> float:
        """Return a sample's value; 0 where there is none yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def total(self, name: str) -> float:
        """Return a counter's value, all its labels together."""
        samples = (sample for family in self.registry.collect() for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == f"{name}_total")
