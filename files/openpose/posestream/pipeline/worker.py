"""The worker: its threads, what they do with a frame, and how all of it ends."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from .. import drawing, engines, frames, poses
from ..guardian import Flight, Record
from ..logs import Limited, Outage
from ..metrics import Metrics
from ..ready import show_ready
from ..settings import OPTIONAL_SERVICE, Settings, SettingsError
from ..status_line import StatusLine
from ..streams import BrokerAway, Message, Place, Reopen, Sink, Source
from ..tracking import Trackers
from ..watchdog import Watchdog
from .admission import Admission, refuse_stale
from .frame import Frame, Skipped
from .intake import Every, Intake, Latest, of_places
from .publishing import Publisher
from .status_line import counts, line
from .turns import Meter, Turns

POLL_SECONDS = 0.5
PUT_SECONDS = 0.2
HOLD_SECONDS = 1.0  # a reader that cannot hand on for longer has the client hold back
RETRY_SECONDS = 0.5
SUPERVISE_SECONDS = 0.5
HOLDUP_SECONDS = 8.0  # a client that owes something for longer is not well
STOP_SECONDS = 5.0  # for what is in flight when the worker is told to stop
THREADS_MIN, THREADS_MAX = 3, 8  # one for each processor and one more
LATEST_AHEAD = 1  # frames of the policy `latest` that are decoded ahead of an engine

log = logging.getLogger(__name__)


class EngineBroken(Exception):  # noqa: N818
    """The engine can stand no picture any more, not even an empty one."""


class Worker:
    """The stages, joined, and their supervision."""

    def __init__(  # noqa: PLR0913 (what surrounds it)
        self,
        settings: Settings,
        engine: engines.Engine,
        open_reader: Callable[[], Source],
        open_writer: Callable[[str], Sink],
        *,
        metrics: Metrics | None = None,
        flight: Flight | None = None,
        record: Record | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        """Prepare a worker.

        `open_reader` opens the source, `open_writer` the service that it is given the name of;
        both may raise BrokerAway, and are then called again.
        """
        self.metrics = metrics or Metrics()
        self.watchdog = watchdog or Watchdog()
        self._settings, self._engine = settings, engine
        self._trackers = Trackers(engine.skeleton) if settings.worker.track_people else None
        self._open_reader, self._open_writer = open_reader, open_writer
        self._source: Source | None = None
        self._sinks: dict[str, Sink] = {}
        self._publisher: Publisher | None = None
        self._backlog: deque[Message] = deque()  # read, and not yet taken in
        self._stopping, self._to_end = threading.Event(), threading.Event()
        self._writable = threading.Event()
        self._stop_by = float("inf")
        self._failure: tuple[str, Exception] | None = None
        self._reading = False
        self._outages = {name: Outage(log) for name in ("read", "write")}
        self._say_skipped = Limited(log.warning)
        self._intake: Intake = (
            Latest(self._pass_over) if settings.worker.policy == "latest" else Every()
        )
        self._flight = flight or Flight()
        self._admission = Admission(self._intake, settings.worker, self._flight, record or Record())
        is_latest = settings.worker.policy == "latest"
        # One batch is decoded while another is in the engine.
        count = max(THREADS_MIN, 2 * engine.batch, min((os.cpu_count() or 1) + 1, THREADS_MAX))
        # What is taken in is no longer the newest: as little of it as possible waits decoded.
        ahead = max(LATEST_AHEAD, engine.batch) if is_latest else count
        self._ahead = threading.Semaphore(ahead)
        self._admitting, self._numbers = threading.Lock(), itertools.count()
        self._engines_turn, self._writers_turn = Turns(), Turns()
        # Drawing is many small calls: two threads at it would spend their time waking each other.
        self._drawing = threading.Lock()
        self._threads = [
            threading.Thread(target=self._until_it_fails, args=(name, work), name=name, daemon=True)
            for name, work in (
                ("read", self._read),
                ("write", self._open_writers),
                *((f"work {number}", self._work) for number in range(count)),
            )
        ]

    # -- supervision --------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what is in flight, then end; may be called in a signal handler."""
        self._stop_by = time.monotonic() + STOP_SECONDS
        self._stopping.set()

    def go_to_end(self) -> None:
        """Pass over all that is not yet in work; may be called in a signal handler."""
        self._to_end.set()

    def fail(self, stage: str, error: Exception) -> None:
        """Note that a thread has died, which ends the worker."""
        if self._failure is None:
            self._failure = (stage, error)
        self._stopping.set()

    def run(self) -> int:
        """Work until told to stop; return the process's exit code.

        0: told to stop. 1: a stage has died. 2: a setting is wrong.
        """
        status = StatusLine(
            functools.partial(counts, self.metrics), functools.partial(line, self.metrics)
        )
        for thread in self._threads:
            thread.start()
        while not self._stopping.wait(SUPERVISE_SECONDS):
            ready = self._is_ready()
            self.metrics.ready.set(ready)
            self.metrics.lags(self._source.lags if self._source is not None else {})
            self._say_outage()
            show_ready(ready, "" if ready else self._why_not())
            status.say_now_and_then()
        self.metrics.ready.set(0)
        show_ready(False)
        self._intake.close()
        if self._failure is None and not self._finish():
            why = self._away() or "it takes too long"
            log.warning("stopped; what is in flight is left to the next worker: %s", why)
        return self._exit_code()

    def _finish(self) -> bool:
        """Finish what is in flight and let go of the broker; False where that takes too long."""
        for thread in self._threads:
            thread.join(max(0.0, self._stop_by - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            return False
        left = max(0.0, self._stop_by - time.monotonic())
        stored = self._publisher is None or self._publisher.drain(left)
        if self._source is not None:
            self._source.close()  # whose last commit comes after the last result
        for sink in self._sinks.values():
            sink.close()
        return stored

    def _away(self) -> str:
        """Return why results have waited for long to be stored; "" if none has."""
        return next(filter(None, (sink.away() for sink in self._sinks.values())), "")

    def _say_outage(self) -> None:
        if away := self._away():
            self._outages["write"].goes_on(BrokerAway(away))
        elif self._publisher is not None:
            self._outages["write"].is_over()

    def _why_not(self) -> str:
        """Return why frames cannot go their way, as far as it is known."""
        away = [outage.why for outage in self._outages.values()]
        clients = [self._source, *self._sinks.values()]
        held = [client.holdup() for client in clients if client]
        return next(filter(None, [*away, *(what for seconds, what in held if seconds)]), "")

    def _is_ready(self) -> bool:
        """Say whether frames can go their way, as far as the broker is concerned."""
        clients = [self._source, *self._sinks.values()]
        return (
            self._reading
            and self._publisher is not None
            and not self._stopping.is_set()
            and not self._away()
            and all(client.holdup()[0] < HOLDUP_SECONDS for client in clients if client)
        )

    def _exit_code(self) -> int:
        if self._failure is None:
            return 0
        stage, error = self._failure
        if isinstance(error, SettingsError):
            log.error("%s", error)
            return 2
        if not isinstance(error, EngineBroken):
            self._flight.keep(())  # it has not died with these
        log.error("%s has died, the worker ends", stage, exc_info=error)
        return 1

    def _until_it_fails(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.fail(name, error)

    def skip(self, message: Message, skipped: Skipped) -> None:
        """Count a message that goes no further."""
        self.metrics.skip(message.key, skipped.reason)
        topic, partition, offset = message.position
        self._say_skipped(f"skipped {topic}/{partition} offset {offset}: {skipped}")
        self._commit(message)

    def _pass_over(self, message: Message) -> None:
        """Count a message that gives way to a newer one of its camera."""
        self.metrics.skip(message.key, "passed_over")
        self.metrics.passed_over.of(message.key).inc()
        self._commit(message)

    def _commit(self, message: Message) -> None:
        if self._source is not None:
            self._source.commit(message)

    # -- work ---------------------------------------------------------------------------------

    def _work(self) -> None:
        """Do frames from their admission to their results; several threads do this."""
        while (admitted := self._admit()) is not None:
            number, frame = admitted
            self._do("decode", self._decode, frame)
            with self._engines_turn.of(number, frame):
                self._ahead.release()
                if frame.people is None:  # else it went along with one before it
                    self._do("engine", self._detect, *self._batch(frame))
            self._do("draw", self._draw, frame)
            frame.pixels = None
            self._admission.land(frame)
            with self._writers_turn.of(number):
                if frame.skipped is None:
                    self._do("write", self._write, frame)
                else:
                    self.skip(frame.message, frame.skipped)

    def _admit(self) -> tuple[int, Frame] | None:
        with self._admitting:
            self._ahead.acquire()
            frame = self._admission.take()
            if frame is None:
                self._ahead.release()
                return None
            return next(self._numbers), frame

    def _batch(self, frame: Frame) -> list[Frame]:
        """Return a frame whose turn at the engine it is, and those behind it that go with it."""
        batch = [frame, *self._engines_turn.behind(self._engine.batch - 1)]
        for each in batch:
            try:
                refuse_stale(each.message, self._settings.worker.max_age)
            except Skipped as skipped:
                each.skipped = each.skipped or skipped
        return batch

    def _do(self, stage: str, work: Callable[..., None], *frames_: Frame) -> None:
        """Do one step of those frames that have not been skipped; watched and measured."""
        batch = [frame for frame in frames_ if frame.skipped is None]
        if not batch:
            return
        # To wait for a broker that is away is no fault; what its clients owe is watched elsewhere.
        limit = self._settings.worker.frame_seconds if stage != "write" else math.inf
        what = f"the stage {stage} with {', '.join(map(str, batch))}"
        meter = Meter()
        try:
            with self.watchdog.doing(what, limit, *(f.message.position for f in batch)), meter:
                work(*batch)
        except Skipped as skipped:
            batch[0].skipped = skipped
        except Exception as error:
            if len(batch) > 1:  # which one it was shows when each is alone
                for frame in batch:
                    self._do(stage, work, frame)
                return
            batch[0].skipped = self._failed(stage, batch[0], error)
        share = meter.seconds / len(batch), meter.cpu_seconds / len(batch)
        for _ in batch:
            self.metrics.measured(stage, *share)

    def _failed(self, stage: str, frame: Frame, error: Exception) -> Skipped:
        """Say why a frame goes no further, when a stage has failed on it.

        A frame that the code cannot stand is passed over, or it would stop each worker that is
        started after this one. But where the engine cannot stand an empty picture either, it is
        the engine that is broken: then the worker ends, and the frame is tried once more.
        """
        if stage == "engine":
            try:
                self._engine.detect([np.zeros((48, 64, 3), np.uint8)])
            except Exception as broken:
                if self._failure is None:
                    self._flight.keep([frame.message.position])
                failure = EngineBroken(f"{type(broken).__name__}: {broken}")
                self.fail("engine", failure)  # before it is the next frame's turn
                raise failure from error
        elif stage == "write":
            raise error
        log.error("the stage %s has failed on %s", stage, frame, exc_info=error)
        return Skipped("failed", f"{stage}: {type(error).__name__}")

    # -- reading ------------------------------------------------------------------------------

    def _read(self) -> None:
        while not self._stopping.is_set():
            self._source = self._open("read", self._open_reader)
            if self._source is None:
                break
            self._source.leaving = self._leave
            self.watchdog.owes("read", self._source.holdup)
            try:
                self._read_on(self._source)
            except Reopen as error:
                self._reading = False
                self._outages["read"].goes_on(error)
                self._backlog.clear()
                self._intake.remove(lambda message: True)
                self._source.close()

    def _read_on(self, source: Source) -> None:
        """Read until told to stop; where frames come faster than they go, the client holds back."""
        backlog, held, room_at = self._backlog, False, time.monotonic()
        while not self._stopping.is_set():
            if self._to_end.is_set():
                self._to_end.clear()
                self._skip_to_end(source)
            if not backlog or held:
                for message in self._poll(source, PUT_SECONDS if backlog else POLL_SECONDS):
                    self._take_in(message)
            while backlog and self._intake.put(backlog[0], PUT_SECONDS):
                backlog.popleft()
            now = time.monotonic()
            if not backlog:
                room_at = now
                if held:
                    source.go_on()
                    held = False
            elif not held and now - room_at > HOLD_SECONDS:
                source.hold()
                held = True

    def _take_in(self, message: Message) -> None:
        self.metrics.receive(message.key)
        if message.time_replaced:
            self.metrics.times_replaced.inc()
        decimation = self._settings.worker.decimation
        if decimation > 1 and message.position[2] % decimation:
            self.metrics.skip(message.key, "decimated")
            self._commit(message)
        else:
            self._backlog.append(message)

    def _poll(self, source: Source, timeout: float) -> list[Message]:
        try:
            with self.watchdog.doing("a poll of the Kafka client"), Meter() as meter:
                messages = source.poll(timeout)
        except Reopen:
            raise
        except BrokerAway as error:
            self._reading = False
            self._outages["read"].goes_on(error)
            return []
        self.metrics.measured("read", meter.seconds, meter.cpu_seconds)
        self._reading = True
        self._outages["read"].is_over()
        return messages

    def _leave(self, places: set[Place]) -> list[Message]:
        """Give up the messages of partitions that go to others, as far as they are not in work."""
        unwanted = of_places(places)
        given_up = self._intake.remove(unwanted) + [m for m in self._backlog if unwanted(m)]
        kept = [message for message in self._backlog if not unwanted(message)]
        self._backlog.clear()
        self._backlog.extend(kept)
        return given_up

    def _skip_to_end(self, source: Source) -> None:
        try:
            source.seek_to_end()
        except BrokerAway as error:
            log.warning("not gone to the end: %s", error)
            return
        waiting = [*self._intake.remove(lambda message: True), *self._backlog]
        self._backlog.clear()
        for message in waiting:
            self._pass_over(message)
        log.info("gone to the end of the source; %d messages that waited are skipped", len(waiting))

    def _open(self, stage: str, opener: Callable[[], Source | Sink]) -> Source | Sink | None:
        """Return what `opener` opens, however long the broker is away; None when stopped."""
        while not self._stopping.is_set():
            try:
                with self.watchdog.doing(f"opening, to {stage}"):
                    opened = opener()
            except BrokerAway as error:
                self._outages[stage].goes_on(error)
                self._stopping.wait(RETRY_SECONDS)
            else:
                self._outages[stage].is_over()
                return opened
        return None

    # -- the stages ---------------------------------------------------------------------------

    def _decode(self, frame: Frame) -> None:
        try:
            frame.pixels, damaged = frames.pixels(frame.message.payload, frame.header)
        except frames.FrameError as error:
            raise Skipped(error.reason, error) from error
        if damaged:
            self.metrics.damaged.inc()

    def _detect(self, *batch: Frame) -> None:
        found = self._engine.detect([frame.pixels for frame in batch])
        for frame, people in zip(batch, found, strict=True):
            frame.people = self._follow(frame, people)

    def _follow(self, frame: Frame, people: poses.People) -> poses.People:
        """Return the people with their numbers, where the worker gives them some."""
        if self._trackers is None:
            return people
        message, size = frame.message, (frame.pixels.shape[1], frame.pixels.shape[0])
        return self._trackers.of(message.key).update(people, message.timestamp, size)

    def _draw(self, frame: Frame) -> None:
        openpose = self._settings.openpose
        with self._drawing:
            drawing.draw(
                frame.pixels,
                frame.people,
                self._engine.skeleton,
                alpha=openpose.alpha_pose,
                render_threshold=openpose.render_threshold,
                face_render_threshold=openpose.face_render_threshold,
                hand_render_threshold=openpose.hand_render_threshold,
                by_person=self._settings.worker.color_by_person,
            )
            frame.keypoints = poses.to_json(frame.people).encode()
        frame.picture = frames.encode_jpeg(frame.pixels, self._settings.worker.jpeg_quality)

    def _write(self, frame: Frame) -> None:
        self._writable.wait()
        if self._publisher is None:
            return  # told to stop before there was a broker
        self._publisher.publish(frame)

    # -- writing ------------------------------------------------------------------------------

    def _open_writers(self) -> None:
        for service in ("image-dest", OPTIONAL_SERVICE):
            if service in self._settings.streams:
                sink = self._open("write", functools.partial(self._open_writer, service))
                if sink is None:
                    break
                self._sinks[service] = sink
                self.watchdog.owes(service, sink.holdup)
        else:
            self._publisher = Publisher(
                self._sinks["image-dest"], self._sinks.get(OPTIONAL_SERVICE), self._settled
            )
        self._writable.set()

    def _settled(self, frame: Frame) -> None:
        """Take note that a frame's result is stored, or refused."""
        message = frame.message
        if frame.skipped is not None:
            self.skip(message, frame.skipped)
            return
        self._commit(message)
        self.metrics.store(message.key, time.time() - message.timestamp, len(frame.people))
