"""What a program says of itself, and the worker above all: Prometheus metrics over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    Summary,
    start_http_server,
)
from prometheus_client.metrics import MetricWrapperBase

from . import __version__, broker_certificate
from .settings import SettingsError

_STAGE_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)
_AGE_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


STAGES = ("read", "decode", "engine", "draw", "write")
_CAMERAS = 1000  # that have a series each; what comes after them shares one

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class ProgramMetrics:
    """What each program of the package says, its version and its process, and how it says it."""

    def __init__(self) -> None:
        """Make the registry, to which a program adds its own metrics."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        about = Info("posestream_build", "The version of the program.", registry=self.registry)
        about.info({"version": __version__})

    def serve(self, variable: str, port: int, address: str = "0.0.0.0") -> None:
        """Serve the metrics over HTTP, from now on.

        Raises SettingsError, with the variable that says the port, where the port is taken or the
        address is not this machine's.
        """
        try:
            start_http_server(port, addr=address, registry=self.registry)
        except OSError as error:
            raise SettingsError([f"{variable}: {port} at {address}: {error.strerror}"]) from error


class ByCamera(Generic[Metric]):
    """A metric with a series for each camera, of a bounded number."""

    def __init__(self, metric: Metric) -> None:
        """Take a metric with the label `camera`."""
        self._metric = metric
        self._known: set[str] = set()

    def of(self, key: bytes | None, **labels: str) -> Metric:
        """Return the series of the camera whose frames have this key; `labels` are the others."""
        name = (key or b"").decode(errors="backslashreplace")[:100]
        if name not in self._known and len(self._known) >= _CAMERAS:
            name = "(others)"
        self._known.add(name)
        return self._metric.labels(camera=name, **labels)


class Metrics(ProgramMetrics):
    """The worker's counters, gauges, histograms and summaries."""

    def __init__(self) -> None:
        """Start at nothing."""
        super().__init__()
        registry = self.registry
        self.broker_certificate = broker_certificate.gauge(registry)
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
        self.finished = ByCamera(
            Counter(
                "posestream_frames_finished",
                "Frames that the worker is done with: processed, or skipped.",
                ["camera", "outcome"],
                registry=registry,
            )
        )
        self.newest_frame = ByCamera(
            Gauge(
                "posestream_newest_frame_timestamp_seconds",
                "When the newest frame of a camera was read, by the worker's clock.",
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
        self.people_found = ByCamera(
            Counter(
                "posestream_people_found",
                "People found, of all results together.",
                ["camera"],
                registry=registry,
            )
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
        self.delay_seconds = ByCamera(
            Summary(
                "posestream_result_delay_seconds",
                "Time from a frame's capture until its result is stored, by camera.",
                ["camera"],
                registry=registry,
            )
        )
        self.newest_age_seconds = Gauge(
            "posestream_newest_result_age_seconds",
            "Time from capture until storage of the newest result.",
            registry=registry,
        )
        self.lag_messages = Gauge(
            "posestream_consumer_lag_messages",
            "Messages of a partition that the worker has and that it is not done with.",
            ["topic", "partition"],
            registry=registry,
        )
        self.ready = Gauge(
            "posestream_ready", "1 while the worker can do its work, else 0.", registry=registry
        )
        self._seconds = {stage: self.stage_seconds.labels(stage=stage) for stage in STAGES}
        self._cpu_seconds = {stage: self.stage_cpu_seconds.labels(stage=stage) for stage in STAGES}
        self._places: set[tuple[str, int]] = set()

    def receive(self, key: bytes | None) -> None:
        """Count a frame of the camera with this key that was read."""
        self.received.inc()
        for outcome in ("processed", "skipped"):  # from 0 on, so that the first one is seen
            self.finished.of(key, outcome=outcome)
        self.newest_frame.of(key).set(time.time())

    def skip(self, key: bytes | None, reason: str) -> None:
        """Count a frame that has no result."""
        self.skipped.labels(reason=reason).inc()
        self.finished.of(key, outcome="skipped").inc()

    def store(self, key: bytes | None, age: float, people: int) -> None:
        """Count a result that is stored: seconds since its frame's capture, people found."""
        self.processed.inc()
        self.finished.of(key, outcome="processed").inc()
        self.people.set(people)
        self.people_found.of(key).inc(people)
        self.age_seconds.observe(age)
        self.delay_seconds.of(key).observe(max(0.0, age))  # a camera's clock may be ahead
        self.newest_age_seconds.set(age)

    def lags(self, lags: Mapping[tuple[str, int], int]) -> None:
        """Say how many messages wait, by topic and partition; partitions left out are others'."""
        for place in self._places - lags.keys():
            self.lag_messages.remove(*map(str, place))
        for (topic, partition), lag in lags.items():
            self.lag_messages.labels(topic=topic, partition=partition).set(lag)
        self._places = set(lags)

    def measured(self, stage: str, seconds: float, cpu_seconds: float) -> None:
        """Add a piece of a stage's work: seconds of the clock, and of the processor."""
        self._seconds[stage].observe(seconds)
        self._cpu_seconds[stage].inc(cpu_seconds)

    def value(self, name: str, **labels: str) -> float:
        """Return a sample's value; 0 where there is none yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def total(self, name: str) -> float:
        """Return a counter's value, all its labels together."""
        samples = (sample for family in self.registry.collect() for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == f"{name}_total")
