"""The worker: frames from a topic, through the engine, to another topic.

    read → decode → engine → draw → write

Each is a thread; between two of them is a queue of a few frames, so that what is slowest sets the
pace, what waits is in the broker, and order is kept. A frame is committed when its result is
stored, or when it is skipped.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import drawing, engines, frames, poses
from .logs import Limited, Outage
from .metrics import Metrics
from .ready import show_ready
from .settings import OPTIONAL_SERVICE, Settings, SettingsError
from .streams import BrokerAway, Message, Reader, Refused, Sink, Source, Writer

POLL_SECONDS = 0.5
QUEUE_FRAMES = 2  # between two stages: enough that none waits for the other's single frame
RETRY_SECONDS = 0.5
STATUS_SECONDS = 10.0
HANG_SECONDS = 60.0  # an engine that takes longer for a frame will not come back
STOP_SECONDS = 5.0  # for what is in flight when the worker is told to stop
FAILURES_MAX = 3  # frames in a row on which a stage fails before it counts as broken

log = logging.getLogger(__name__)


class Skipped(Exception):  # noqa: N818 (it ends a frame's way, not the program)
    """A frame goes no further, for the reason that its metric is labelled with."""

    def __init__(self, reason: str, detail: object = "") -> None:
        """Keep the reason."""
        super().__init__(f"{reason}: {detail}" if str(detail) else reason)
        self.reason = reason


class Abandoned(Exception):  # noqa: N818
    """The worker is to stop and cannot store what is in flight."""


@dataclass
class Frame:
    """A frame on its way, and what the stages have added."""

    message: Message
    pixels: np.ndarray | None = None  # uint8 (height, width, 3), blue, green, red
    people: poses.People | None = None
    picture: bytes = b""
    keypoints: bytes = b""


class Stage(threading.Thread):
    """One step of the way, in its own thread; hands on what its work does not skip."""

    def __init__(self, name: str, work: Callable[[Frame], None], worker: Worker) -> None:
        """Prepare the thread; without an `outbox` it is the last one."""
        super().__init__(name=name, daemon=True)
        self.inbox: queue.Queue[Frame | None] = queue.Queue(QUEUE_FRAMES)
        self.outbox: queue.Queue[Frame | None] | None = None
        self.busy_since: float | None = None
        self._work, self._worker = work, worker
        self._failures = 0

    def run(self) -> None:
        """Work until the end of the frames (None) comes along, and hand that on, too."""
        try:
            self.begin()
            while (frame := self.inbox.get()) is not None:
                if self._does(frame) and self.outbox is not None:
                    self.outbox.put(frame)
        except Exception as error:
            self._worker.fail(self.name, error)
        else:
            self.end()

    def begin(self) -> None:
        """Make ready for the first frame."""

    def end(self) -> None:
        """Hand on that there will be no more frames."""
        if self.outbox is not None:
            self.outbox.put(None)

    def _does(self, frame: Frame) -> bool:
        self.busy_since = begun = time.monotonic()
        try:
            self._work(frame)
        except Skipped as skipped:
            self._worker.skip(frame, skipped)
            return False
        except (Abandoned, SettingsError):
            raise
        except Exception as error:
            # One frame that the code cannot stand is passed over, or it would stop each worker
            # that is started after this one; when nothing works, a new start may help.
            self._failures += 1
            if self._failures >= FAILURES_MAX:
                raise
            log.exception("the stage %s has failed on a frame", self.name)
            self._worker.skip(frame, Skipped("failed", f"{self.name}: {error!r}"))
            return False
        finally:
            self.busy_since = None
            metric = self._worker.metrics.stage_seconds.labels(stage=self.name)
            metric.observe(time.monotonic() - begun)
        self._failures = 0
        return True


class Worker:
    """The stages, joined, and their supervision."""

    def __init__(
        self,
        settings: Settings,
        engine: engines.Engine,
        open_reader: Callable[[], Source],
        open_writer: Callable[[str], Sink],
        metrics: Metrics | None = None,
    ) -> None:
        """Prepare a worker.

        `open_reader` opens the source, `open_writer` the service that it is given the name of;
        both may raise BrokerAway, and are then called again.
        """
        self.metrics = metrics or Metrics()
        self._settings, self._engine = settings, engine
        self._open_reader, self._open_writer = open_reader, open_writer
        self._source: Source | None = None
        self._sinks: dict[str, Sink] = {}
        self._stopping, self._drained = threading.Event(), threading.Event()
        self._stop_by = float("inf")
        self._failure: tuple[str, Exception] | None = None
        self._reading = self._writing = False
        self._outages = {name: Outage(log) for name in ("read", "write")}
        self._say_skipped = Limited(log.warning)
        works = {
            "decode": self._decode,
            "engine": self._detect,
            "draw": self._draw,
            "write": self._write,
        }
        self._stages = {name: Stage(name, work, self) for name, work in works.items()}
        self._stages["write"].begin = self._open_writers
        self._stages["write"].end = self._close_writers
        stages = list(self._stages.values())
        for before, after in itertools.pairwise(stages):
            before.outbox = after.inbox
        self._reader = threading.Thread(target=self._read, name="read", daemon=True)

    # -- supervision --------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what is in flight, then end; may be called in a signal handler."""
        self._stop_by = time.monotonic() + STOP_SECONDS
        self._stopping.set()

    def fail(self, stage: str, error: Exception) -> None:
        """Note that a stage has died, which ends the worker."""
        if self._failure is None:
            self._failure = (stage, error)
        self._drained.set()

    def run(self) -> int:
        """Work until told to stop; return the process's exit code.

        0: told to stop. 1: a stage has died, or the engine hangs. 2: a setting is wrong.
        """
        threads = [self._reader, *self._stages.values()]
        for thread in threads:
            thread.start()
        status = Status(self.metrics)
        while self._reader.is_alive() and self._failure is None:
            self._reader.join(0.2)
            ready = self._reading and self._writing and not self._stopping.is_set()
            self.metrics.ready.set(ready)
            show_ready(ready)
            status.say_now_and_then()
            if self._hangs():
                log.error("the engine has hung for %.0f s: the worker ends", HANG_SECONDS)
                break
            if time.monotonic() > self._stop_by + STOP_SECONDS:
                log.warning("stopped; what is in flight takes too long: left to the next worker")
                break
        self.metrics.ready.set(0)
        show_ready(False)
        return self._exit_code()

    def _hangs(self) -> bool:
        since = self._stages["engine"].busy_since
        return since is not None and time.monotonic() - since > HANG_SECONDS

    def _exit_code(self) -> int:
        if self._failure is None:
            return 1 if self._hangs() else 0
        stage, error = self._failure
        if isinstance(error, Abandoned):
            log.warning("stopped; what was in flight is left to the next worker: %s", error)
            return 0
        if isinstance(error, SettingsError):
            log.error("%s", error)
            return 2
        log.error("the stage %s has died, the worker ends: %r", stage, error, exc_info=error)
        return 1

    def skip(self, frame: Frame, skipped: Skipped) -> None:
        """Count a frame that goes no further."""
        self.metrics.skipped.labels(reason=skipped.reason).inc()
        topic, partition, offset = frame.message.position
        self._say_skipped(f"skipped {topic}/{partition} offset {offset}: {skipped}")
        if self._source is not None:
            self._source.commit(frame.message)

    # -- the stages ---------------------------------------------------------------------------

    def _read(self) -> None:
        first = self._stages["decode"].inbox
        try:
            self._source = self._open("read", self._open_reader)
            while self._source is not None and not self._stopping.is_set():
                for message in self._poll(self._source):
                    self.metrics.received.inc()
                    first.put(Frame(message))
            first.put(None)
            if self._source is not None:
                # Its last commit comes after the last result; the reader belongs to this thread.
                self._drained.wait(max(0.0, self._stop_by - time.monotonic()))
                self._source.close()
        except Exception as error:
            self.fail("read", error)

    def _poll(self, source: Source) -> list[Message]:
        try:
            messages = source.poll(POLL_SECONDS)
        except BrokerAway as error:
            self._reading = False
            self._outages["read"].goes_on(error)
            return []
        self._reading = True
        self._outages["read"].is_over()
        return messages

    def _open(self, stage: str, opener: Callable[[], Source | Sink]) -> Source | Sink | None:
        """Return what `opener` opens, however long the broker is away; None when stopped."""
        while not self._stopping.is_set():
            try:
                opened = opener()
            except BrokerAway as error:
                self._outages[stage].goes_on(error)
                self._stopping.wait(RETRY_SECONDS)
            else:
                self._outages[stage].is_over()
                return opened
        return None

    def _refuse_stale(self, frame: Frame) -> None:
        max_age = self._settings.worker.max_age
        age = time.time() - frame.message.timestamp
        if max_age and age > max_age:
            raise Skipped("stale", f"{age:.1f} s old, WORKER_MAX_AGE is {max_age:g} s")

    def _decode(self, frame: Frame) -> None:
        self._refuse_stale(frame)
        try:
            frame.pixels = frames.decode(
                frame.message.payload, max_pixels=self._settings.worker.max_pixels
            )
        except frames.FrameError as error:
            raise Skipped(error.reason, error) from error

    def _detect(self, frame: Frame) -> None:
        self._refuse_stale(frame)
        frame.people = self._engine.detect(frame.pixels)

    def _draw(self, frame: Frame) -> None:
        openpose = self._settings.openpose
        drawn = drawing.draw(
            frame.pixels,
            frame.people,
            self._engine.skeleton,
            alpha=openpose.alpha_pose,
            render_threshold=openpose.render_threshold,
            face_render_threshold=openpose.face_render_threshold,
            hand_render_threshold=openpose.hand_render_threshold,
        )
        frame.picture = frames.encode_jpeg(drawn, self._settings.worker.jpeg_quality)
        frame.keypoints = poses.to_json(frame.people).encode()
        frame.pixels = None

    def _write(self, frame: Frame) -> None:
        message = frame.message
        # The numbers first: whoever sees the picture finds them stored.
        if OPTIONAL_SERVICE in self._settings.streams:
            self._publish(OPTIONAL_SERVICE, frame.keypoints, message)
        self._publish("image-dest", frame.picture, message)
        self._source.commit(message)
        age = time.time() - message.timestamp
        self.metrics.processed.inc()
        self.metrics.people.set(len(frame.people))
        self.metrics.age_seconds.observe(age)
        self.metrics.newest_age_seconds.set(age)

    def _open_writers(self) -> None:
        for service in ("image-dest", OPTIONAL_SERVICE):
            if service in self._settings.streams:
                sink = self._open("write", functools.partial(self._open_writer, service))
                if sink is not None:
                    self._sinks[service] = sink
        self._writing = True

    def _close_writers(self) -> None:
        for sink in self._sinks.values():
            sink.close()
        self._drained.set()

    def _publish(self, service: str, payload: bytes, message: Message) -> None:
        while True:
            try:
                self._sinks[service].publish(payload, key=message.key, timestamp=message.timestamp)
            except BrokerAway as error:
                self._writing = False
                self._outages["write"].goes_on(error)
                if time.monotonic() > self._stop_by - 1:
                    raise Abandoned(str(error)) from error
                time.sleep(RETRY_SECONDS)
            except Refused as error:
                raise Skipped("refused", error) from error
            else:
                self._writing = True
                self._outages["write"].is_over()
                return


class Status:
    """The line that a worker logs every few seconds."""

    def __init__(self, metrics: Metrics) -> None:
        """Start counting."""
        self._metrics = metrics
        self._said, self._before = time.monotonic(), self._counts()

    def _counts(self) -> tuple[float, float, float]:
        metrics = self._metrics
        return (
            metrics.total("posestream_frames_received"),
            metrics.total("posestream_frames_processed"),
            metrics.total("posestream_frames_skipped"),
        )

    def say_now_and_then(self) -> None:
        """Log the line if it is time for it."""
        seconds = time.monotonic() - self._said
        if seconds < STATUS_SECONDS:
            return
        counts = self._counts()
        read, stored, skipped = (
            now - before for now, before in zip(counts, self._before, strict=True)
        )
        age = self._metrics.value("posestream_newest_result_age_seconds")
        people = self._metrics.value("posestream_people")
        newest = f"newest result {age:.2f} s after its capture, {people:.0f} people"
        log.info(
            "%.1f frames/s in, %.1f out, %d skipped; %s",
            read / seconds,
            stored / seconds,
            skipped,
            newest if stored else "no new result",
        )
        self._said, self._before = time.monotonic(), counts


def options(settings: Settings) -> engines.Options:
    """Return what an engine is told: all of OpenPose's flags that are not about drawing."""
    names = {entry.name for entry in dataclasses.fields(engines.Options)}
    flags = dataclasses.asdict(settings.openpose)
    return engines.Options(**{name: flag for name, flag in flags.items() if name in names})


def run(settings: Settings) -> int:
    """Be the worker until SIGTERM or SIGINT; return the process's exit code."""
    metrics = Metrics()
    show_ready(False)
    try:
        metrics.serve(settings.worker.metrics_port)
        engine = engines.create(settings.worker.engine, options(settings))
    except OSError as error:
        log.error("WORKER_METRICS_PORT: %d: %s", settings.worker.metrics_port, error)
        return 2
    except engines.EngineError as error:
        log.error("%s", error)
        return 1
    streams = settings.streams
    worker = Worker(
        settings,
        engine,
        open_reader=lambda: Reader(streams, "image-src"),
        open_writer=lambda service: Writer(streams, service),
        metrics=metrics,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    log.info("engine %s; reads %s", settings.worker.engine, streams.describe("image-src"))
    for service in streams.services.keys() - {"image-src"}:
        log.info("writes %s", streams.describe(service))
    code = worker.run()
    log.info("the worker ends with exit code %d", code)
    return code
