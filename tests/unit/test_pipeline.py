"""The worker: order, back-pressure, what is skipped, how it ends. Engine and streams are fakes."""

import itertools
import json
import logging
import threading
import time
from collections import deque
from pathlib import Path

import cv2
import numpy as np
import posestream
import pytest
from posestream import poses, ready, settings, status_line
from posestream.guardian import Flight, Record
from posestream.pipeline import worker
from posestream.pipeline.intake import EVERY_MESSAGES
from posestream.pipeline.worker import Worker
from posestream.skeletons import COCO_18
from posestream.streams import SEALED, BrokerAway, Message, Refused, Reopen
from prometheus_client import generate_latest

ENVIRON = {
    "SS_BROKERS": "kafka:9092",
    "SSSRC_TOPIC": "pictures",
    "SSDST_TOPIC": "results",
    "SSKPT_TOPIC": "keypoints",
}
NOW = 1_700_000_000.0


def jpeg(number=0):
    frame = np.full((48, 64, 3), number % 256, np.uint8)
    return cv2.imencode(".jpg", frame)[1].tobytes()


def message(offset, payload=None, timestamp=None, key=b"camera", **more):
    payload = jpeg(offset) if payload is None else payload
    taken = NOW + offset if timestamp is None else timestamp
    return Message(payload, key, taken, ("pictures", 0, offset), **more)


class Source:
    """Gives its messages, then nothing; takes commits."""

    def __init__(self, messages):
        self.messages = deque(messages)
        self.read = 0
        self.committed = []
        self.closed = False
        self.held = False
        self.sought = 0
        self.error = None
        self.away = 0  # polls during which the broker is away
        self.owed = (0.0, "")
        self.lags = {}
        self.leaving = None
        self.going = None  # partitions that go to others with the next poll
        self.given_up = None

    def poll(self, timeout):
        if self.going is not None:
            self.messages.clear()
            self.given_up, self.going = self.leaving(self.going), None
        if self.error is not None:
            raise self.error
        if self.away:
            self.away -= 1
            raise BrokerAway("the broker is away")
        if self.messages and not self.held:
            self.read += 1
            return [self.messages.popleft()]
        time.sleep(min(timeout, 0.01))
        return []

    def holdup(self):
        return self.owed

    def commit(self, message):
        self.committed.append(message.position[2])

    def hold(self):
        self.held = True

    def go_on(self):
        self.held = False

    def seek_to_end(self):
        self.sought += 1
        self.messages.clear()

    def close(self):
        self.closed = True


class Sink:
    """Keeps what is published, and acknowledges it at once, or when told to."""

    def __init__(self):
        self.published = []
        self.errors = []  # given one by one in place of an acknowledgement
        self.waiting = []
        self.slow = False
        self.why = ""
        self.closed = False

    def publish(self, payload, *, key, timestamp, done):
        error = self.errors.pop(0) if self.errors else None
        if error is None:
            self.published.append((payload, key, timestamp))
        if self.slow:
            self.waiting.append(done)
        else:
            done(error)

    def acknowledge(self):
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(None)

    def away(self):
        return self.why

    def holdup(self):
        return 0.0, ""

    def close(self):
        self.closed = True


class Engine:
    """Finds one person on every frame."""

    skeleton = COCO_18
    batch = 1

    def __init__(self):
        self.detected = 0
        self.errors = {}
        self.broken = False
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, frames):
        return [self.one(frame) for frame in frames]

    def one(self, frame):
        self.detected += 1
        self.gate.wait(10)
        if self.broken:
            raise RuntimeError("the engine is gone")
        if error := self.errors.get(self.detected):
            raise error
        keypoints = np.zeros((1, len(COCO_18.parts), 3), np.float32)
        keypoints[0, :2] = (10, 10, 1), (30, 40, 1)
        return poses.People(keypoints, np.ones(1, np.float32))


class Bench:
    """A worker with its surroundings."""

    def __init__(self, messages=(), record=None, engine=None, **environ):
        self.settings = settings.load("worker", ENVIRON | environ, Path("/none"))
        self.source, self.engine = Source(messages), engine or Engine()
        self.sinks = {"image-dest": Sink(), "keypoints-dest": Sink()}
        self.flight, self.record = Flight(), record or Record()
        self.worker = Worker(
            self.settings,
            self.engine,
            lambda: self.source,
            lambda name: self.sinks[name],
            flight=self.flight,
            record=self.record,
        )
        self.code = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        self.code = self.worker.run()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.engine.gate.set()
        for sink in self.sinks.values():
            sink.slow = False
            sink.acknowledge()
        self.worker.stop()
        self.thread.join(15)

    @property
    def results(self):
        return self.sinks["image-dest"].published

    def until(self, condition, seconds=10.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.005)

    def ends(self, seconds=10.0):
        """Return the exit code; the worker is to end by itself."""
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the worker did not end"
        return self.code

    def metric(self, name, **labels):
        return self.worker.metrics.value(name, **labels)

    def skipped(self, reason):
        return self.metric("posestream_frames_skipped_total", reason=reason)


@pytest.fixture(autouse=True)
def _own_sign_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(ready, "SIGN", tmp_path / "ready")
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(worker, "SUPERVISE_SECONDS", 0.02)


def test_results_come_in_order_with_key_and_time():
    messages = [message(offset, key=f"camera {offset % 3}".encode()) for offset in range(60)]
    with Bench(messages) as bench:
        bench.until(lambda: len(bench.source.committed) == 60)

    sent = [(each.key, each.timestamp) for each in messages]
    assert [result[1:] for result in bench.results] == sent
    assert [result[1:] for result in bench.sinks["keypoints-dest"].published] == sent
    assert sorted(bench.source.committed) == list(range(60))
    assert bench.code == 0
    assert bench.source.closed
    assert all(sink.closed for sink in bench.sinks.values())


def test_the_result_is_an_annotated_jpeg_and_openposes_json():
    with Bench([message(0)]) as bench:
        bench.until(lambda: bench.results)

    picture = cv2.imdecode(np.frombuffer(bench.results[0][0], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (48, 64, 3)
    assert picture.max() > 20, "nothing is drawn on the black picture"
    said = json.loads(bench.sinks["keypoints-dest"].published[0][0])
    assert len(said["people"]) == 1


def test_without_the_optional_service_only_pictures_are_written():
    with Bench([message(0)], SSKPT_TOPIC="") as bench:
        bench.until(lambda: bench.source.committed)

    assert len(bench.results) == 1
    assert bench.sinks["keypoints-dest"].published == []


def test_bad_frames_are_counted_skipped_and_committed():
    whole = jpeg()
    bad = {
        "empty": b"",
        "not_a_picture": b"hello",
        "truncated": whole[:-40],
        "too_large": cv2.imencode(".jpg", np.zeros((200, 200, 3), np.uint8))[1].tobytes(),
    }
    messages = []
    for payload in bad.values():
        messages += [message(len(messages)), message(len(messages) + 1, payload)]
    messages += [Message(None, None, NOW, ("pictures", 0, 8)), message(9)]
    messages += [message(10, unreadable="it cannot be unpacked")]
    messages += [message(number, None, sealed=why) for number, why in enumerate(SEALED, 11)]
    with Bench(messages, WORKER_MAX_PIXELS="10000") as bench:
        bench.until(lambda: len(bench.source.committed) == 14)

    assert [result[2] - NOW for result in bench.results] == [0, 2, 4, 6, 9]
    assert sorted(bench.source.committed) == list(range(14))
    for reason in (*bad, "null", "unreadable", *SEALED):
        assert bench.skipped(reason) == 1, reason
    assert bench.metric("posestream_frames_received_total") == 14
    assert bench.metric("posestream_frames_processed_total") == 5


def test_damage_and_impossible_times_are_counted():
    whole = bytearray(cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (96, 96)))[1])
    scan = whole.index(b"\xff\xda")
    for at in range(scan + 100, scan + 200):
        whole[at] ^= 0x55
    with Bench([message(0, bytes(whole)), message(1, time_replaced=True)]) as bench:
        bench.until(lambda: len(bench.results) == 2)

    assert bench.metric("posestream_frames_damaged_total") == 1
    assert bench.metric("posestream_times_replaced_total") == 1


def test_stale_frames_are_skipped_only_when_asked_for():
    messages = [message(0, timestamp=time.time() - 60), message(1, timestamp=time.time() + 5)]
    with Bench(messages, WORKER_MAX_AGE="30") as bench:
        bench.until(lambda: len(bench.source.committed) == 2)
    assert len(bench.results) == 1
    assert bench.skipped("stale") == 1

    with Bench(messages) as bench:
        bench.until(lambda: len(bench.results) == 2)


def test_every_so_manieth_frame_by_offset():
    with Bench(map(message, range(20)), WORKER_DECIMATION="4") as bench:
        bench.until(lambda: len(bench.source.committed) == 20)

    assert [result[2] - NOW for result in bench.results] == [0, 4, 8, 12, 16]
    assert bench.skipped("decimated") == 15


# -- back-pressure ----------------------------------------------------------------------------


def test_it_reads_no_further_than_it_has_room_and_has_the_client_hold_back(monkeypatch):
    monkeypatch.setattr(worker, "HOLD_SECONDS", 0.1)
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.source.held)
        time.sleep(0.2)
        # In each working thread one, the intake, and one on the reader's hand.
        assert bench.source.read <= worker.THREADS_MAX + EVERY_MESSAGES + 2
        assert bench.source.committed == []
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == 100)
        assert not bench.source.held


def test_nothing_is_committed_before_it_is_stored():
    bench = Bench([message(0)])
    bench.sinks["image-dest"].slow = True
    with bench:
        bench.until(lambda: bench.sinks["image-dest"].waiting)
        time.sleep(0.05)
        assert bench.source.committed == []
        bench.sinks["image-dest"].acknowledge()
        bench.until(lambda: bench.source.committed == [0])


def test_a_picture_goes_after_its_numbers_are_stored_and_waits_for_no_acknowledgement():
    bench = Bench(map(message, range(10)))
    for sink in bench.sinks.values():
        sink.slow = True
    numbers, pictures = bench.sinks["keypoints-dest"], bench.sinks["image-dest"]
    with bench:
        bench.until(lambda: len(numbers.waiting) == 10)
        assert pictures.published == []
        for done in reversed(numbers.waiting):  # in whatever order they come
            done(None)
        numbers.waiting.clear()
        bench.until(lambda: len(pictures.waiting) == 10)
        pictures.acknowledge()
        bench.until(lambda: len(bench.source.committed) == 10)
    assert [result[2] - NOW for result in bench.results] == list(range(10))


def test_what_is_not_acknowledged_is_bounded(monkeypatch):
    monkeypatch.setattr("posestream.pipeline.publishing.UNACKNOWLEDGED_BYTES", 5 * 2**20)
    bench = Bench(map(message, range(50)))
    bench.sinks["image-dest"].slow = True
    with bench:
        bench.until(lambda: len(bench.sinks["image-dest"].waiting) == 5)
        time.sleep(0.2)
        assert len(bench.sinks["image-dest"].waiting) == 5
        bench.sinks["image-dest"].slow = False
        bench.sinks["image-dest"].acknowledge()
        bench.until(lambda: len(bench.results) == 50)


def test_the_pictures_in_work_share_a_budget_of_memory():
    """Each picture here takes up more than half of it: they are worked on one by one."""
    picture = cv2.imencode(".jpg", np.zeros((500, 500, 3), np.uint8))[1].tobytes()
    bench = Bench([message(n, picture) for n in range(6)], WORKER_MAX_MEMORY="1000000")
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.detected == 1)
        time.sleep(0.1)
        assert len(bench.flight.positions()) == 1
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == 6)


# -- the policy `latest` ----------------------------------------------------------------------


def test_the_newest_frame_of_each_camera_in_turn():
    def of(camera, offset):
        return message(offset, key=camera)

    cameras = [b"a", b"a", b"b", b"a", b"c", b"b", b"a", b"c", b"d"]
    bench = Bench(WORKER_POLICY="latest")
    bench.engine.gate.clear()
    with bench:
        bench.source.messages.append(of(b"first", 0))
        bench.until(lambda: bench.engine.detected == 1)
        bench.source.messages.append(of(b"second", 1))
        bench.until(lambda: len(bench.flight.positions()) == 2)  # decoded, and waits for the engine
        bench.source.messages.extend(of(key, n + 2) for n, key in enumerate(cameras))
        bench.until(lambda: bench.source.read == 11)
        time.sleep(0.1)
        bench.engine.gate.set()
        bench.until(lambda: len(bench.source.committed) == 11)

    assert [(key, taken - NOW) for _, key, taken in bench.results] == [
        (b"first", 0),
        (b"second", 1),
        (b"a", 8),
        (b"b", 7),
        (b"c", 9),
        (b"d", 10),
    ]
    assert bench.skipped("passed_over") == 5
    assert bench.metric("posestream_frames_passed_over_total", camera="a") == 3
    assert bench.metric("posestream_frames_passed_over_total", camera="b") == 1


def test_cameras_without_number_share_a_counter(monkeypatch):
    monkeypatch.setattr("posestream.metrics._CAMERAS", 3)
    bench = Bench(WORKER_POLICY="latest")
    for number in range(10):
        bench.worker.metrics.passed_over.of(b"camera %d\xff" % number).inc()

    assert bench.metric("posestream_frames_passed_over_total", camera="camera 0\\xff") == 1
    assert bench.metric("posestream_frames_passed_over_total", camera="(others)") == 7


def test_what_each_camera_sends_and_gets_is_counted():
    messages = [message(0, key=b"a"), message(1, b"", key=b"a"), message(2, key=b"b")]
    with Bench(messages) as bench:
        bench.source.lags = {("pictures", 0): 4, ("pictures", 1): 0}
        bench.until(lambda: len(bench.source.committed) == 3)
        lag = {"topic": "pictures", "partition": "0"}
        bench.until(lambda: bench.metric("posestream_consumer_lag_messages", **lag) == 4)
        bench.source.lags = {("pictures", 1): 0}
        bench.until(lambda: not bench.metric("posestream_consumer_lag_messages", **lag))

    def finished(camera, outcome):
        return bench.metric("posestream_frames_finished_total", camera=camera, outcome=outcome)

    assert (finished("a", "processed"), finished("a", "skipped")) == (1, 1)
    assert (finished("b", "processed"), finished("b", "skipped")) == (1, 0)
    assert bench.metric("posestream_people_found_total", camera="a") == 1
    assert bench.metric("posestream_result_delay_seconds_count", camera="b") == 1
    newest = bench.metric("posestream_newest_frame_timestamp_seconds", camera="a")
    assert abs(newest - time.time()) < 10
    exposed = generate_latest(bench.worker.metrics.registry).decode()
    assert 'posestream_consumer_lag_messages{partition="0"' not in exposed
    assert f'posestream_build_info{{version="{posestream.__version__}"}} 1.0' in exposed


def test_told_to_it_goes_to_the_end():
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.source.read > EVERY_MESSAGES)
        bench.worker.go_to_end()
        bench.until(lambda: bench.source.sought == 1)
        bench.source.messages.append(message(200))
        bench.engine.gate.set()
        bench.until(lambda: any(result[2] == NOW + 200 for result in bench.results))

    assert len(bench.results) < 15
    assert sorted(bench.source.committed) == [*range(bench.source.read - 1), 200]


def test_partitions_that_go_to_others_are_given_up_as_far_as_they_are_not_in_work():
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.source.read > EVERY_MESSAGES + 3)
        bench.source.going = {("pictures", 0)}
        bench.until(lambda: bench.source.given_up)
        given_up = bench.source.given_up
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == bench.source.read - len(given_up))

    assert {m.position[2] for m in given_up}.isdisjoint(bench.source.committed)


# -- poison -----------------------------------------------------------------------------------


def test_a_frame_with_which_a_worker_has_died_is_taken_alone(tmp_path):
    record = Record(tmp_path / "suspects.json")
    record.count([("pictures", 0, 5)])
    bench = Bench(map(message, range(10)), record=record)
    together = {}
    detect = bench.engine.detect

    def look(frames):
        together[int(frames[0][0, 0, 0])] = len(bench.flight.positions())
        time.sleep(0.02)
        return detect(frames)

    bench.engine.detect = look
    with bench:
        bench.until(lambda: len(bench.results) == 10)

    assert together[5] == 1
    assert max(together.values()) > 1
    assert Record(tmp_path / "suspects.json").tries == {}, "it did no harm"


def test_a_frame_with_which_a_worker_has_died_twice_is_passed_over(tmp_path):
    record = Record(tmp_path / "suspects.json")
    for _ in range(2):
        record.count([("pictures", 0, 1)])
    with Bench(map(message, range(3)), record=record) as bench:
        bench.until(lambda: len(bench.source.committed) == 3)

    assert [result[2] - NOW for result in bench.results] == [0, 2]
    assert bench.skipped("poison") == 1


def test_frames_in_work_are_noted_and_those_that_are_done_are_not():
    bench = Bench(map(message, range(8)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: len(bench.flight.positions()) > 1)
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == 8)
        bench.until(lambda: bench.flight.positions() == [])


# -- the broker -------------------------------------------------------------------------------


def test_a_broker_that_goes_and_comes_back(caplog):
    with caplog.at_level(logging.INFO):
        bench = Bench(map(message, range(5)))
        bench.source.away = 3
        with bench:
            bench.until(lambda: len(bench.results) == 5)
            bench.sinks["image-dest"].why = "away while writing"
            bench.until(lambda: "away while writing" in caplog.text)
            bench.sinks["image-dest"].why = ""
            bench.until(lambda: caplog.text.count("is back") == 2)

    assert [result[2] - NOW for result in bench.results] == [0, 1, 2, 3, 4]
    assert "the broker is away" in caplog.text


def test_the_brokers_absence_at_the_start_is_waited_for():
    bench = Bench([message(0)])
    attempts = []

    def open_reader():
        attempts.append(1)
        if len(attempts) < 3:
            raise BrokerAway("not there yet")
        return bench.source

    bench.worker._open_reader = open_reader
    with bench:
        bench.until(lambda: bench.results)


def test_a_reader_of_no_more_use_is_replaced():
    bench = Bench([message(0)])
    worn_out = Source([])
    worn_out.error = Reopen("fenced")
    sources = [worn_out, bench.source]
    bench.worker._open_reader = lambda: sources.pop(0)
    with bench:
        bench.until(lambda: bench.results)
    assert worn_out.closed


@pytest.mark.parametrize("service", ["image-dest", "keypoints-dest"])
def test_a_result_that_the_broker_refuses_is_skipped(service):
    bench = Bench(map(message, range(3)))
    bench.sinks[service].errors = [None, Refused("too large")]
    with bench:
        bench.until(lambda: len(bench.source.committed) == 3)

    assert len(bench.results) == 2
    assert bench.skipped("refused") == 1


@pytest.mark.parametrize(
    "ail",
    [
        lambda bench: setattr(bench.source, "away", 10**9),
        lambda bench: setattr(bench.source, "owed", (9.0, "nothing is read")),
        lambda bench: setattr(bench.sinks["image-dest"], "why", "not acknowledged"),
    ],
    ids=["away", "reads nothing", "stores nothing"],
)
def test_readiness_is_shown_and_taken_back(ail):
    bench = Bench()
    with bench:
        bench.until(ready.is_ready)
        assert bench.metric("posestream_ready") == 1
        ail(bench)
        bench.until(lambda: not ready.is_ready())
    assert not ready.is_ready()


def test_a_sign_of_life_goes_stale(monkeypatch):
    ready.show_ready(True)
    assert ready.is_ready()
    monkeypatch.setattr(ready, "FRESH_SECONDS", -1)
    assert not ready.is_ready()


# -- how it ends ------------------------------------------------------------------------------


def test_told_to_stop_it_finishes_what_is_in_work():
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.detected == 1)
        bench.until(ready.is_ready)
        bench.worker.stop()
        time.sleep(0.05)
        bench.engine.gate.set()
        assert bench.ends() == 0

    done = len(bench.results)
    assert 1 <= done < bench.source.read
    assert sorted(bench.source.committed) == list(range(done))
    assert bench.source.closed


def test_told_to_stop_without_a_broker_it_stops(monkeypatch, caplog):
    monkeypatch.setattr(worker, "STOP_SECONDS", 1.0)
    bench = Bench(map(message, range(3)))
    bench.sinks["image-dest"].slow = True
    with bench:
        bench.until(lambda: len(bench.sinks["image-dest"].waiting) == 3)
        bench.sinks["image-dest"].why = "the broker is away"
        bench.worker.stop()
        assert bench.ends(5) == 0
        assert bench.source.committed == []

    assert "left to the next worker: the broker is away" in caplog.text


def test_one_frame_that_the_engine_cannot_stand_is_passed_over():
    bench = Bench(map(message, range(5)))
    bench.engine.errors = {2: RuntimeError("strange frame")}
    with bench:
        bench.until(lambda: len(bench.source.committed) == 5)

    assert len(bench.results) == 4
    assert bench.skipped("failed") == 1


def test_many_frames_in_a_row_that_the_engine_cannot_stand_end_nothing():
    """An empty picture shows that it is the frames, not the engine."""
    bench = Bench(map(message, range(6)))
    bench.engine.errors = dict.fromkeys((1, 3, 5, 7), RuntimeError("strange frame"))
    with bench:
        bench.until(lambda: len(bench.source.committed) == 6)

    assert bench.skipped("failed") == 4
    assert bench.code == 0


def test_an_engine_that_is_broken_ends_the_worker_and_costs_no_frame(caplog):
    bench = Bench(map(message, range(20)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.detected == 1)
        bench.engine.broken = True
        bench.engine.gate.set()
        assert bench.ends() == 1

    assert "engine has died, the worker ends" in caplog.text
    assert "the engine is gone" in caplog.text
    assert bench.source.committed == []
    assert bench.flight.positions() == [("pictures", 0, 0)], "it is tried once more"
    assert not ready.is_ready()


def test_a_payload_is_never_logged(monkeypatch, caplog):
    def fail(*_, **__):
        raise ValueError(f"no datum: {jpeg()!r}")

    monkeypatch.setattr("posestream.frames.encode_jpeg", fail)
    with Bench([message(0)]) as bench:
        bench.until(lambda: bench.source.committed)

    assert bench.skipped("failed") == 1
    assert "xff" not in "".join(record.getMessage() for record in caplog.records)


def test_a_reader_that_dies_ends_the_worker(caplog):
    bench = Bench()
    bench.source.error = RuntimeError("no more reading")
    with bench:
        assert bench.ends() == 1

    assert "no more reading" in caplog.text


def test_a_wrong_setting_found_late_is_a_wrong_setting():
    bench = Bench()

    def refuse(_):
        raise settings.SettingsError(["SSDST_TLS: wrong"])

    bench.worker._open_writer = refuse
    with bench:
        assert bench.ends() == 2


def test_the_status_line_says_rates_and_people(monkeypatch, caplog):
    monkeypatch.setattr(status_line, "STATUS_SECONDS", 0.5)
    with caplog.at_level(logging.INFO), Bench(map(message, range(10))) as bench:
        bench.until(lambda: "1 people" in caplog.text)

    assert "frames/s in" in caplog.text


# -- batches ----------------------------------------------------------------------------------


class BatchEngine(Engine):
    """Takes four frames at a time; keeps the batches that it was given, by the frames' numbers."""

    batch = 4

    def __init__(self):
        super().__init__()
        self.batches = []
        self.failing = set()

    def detect(self, frames):
        numbers = [int(frame[0, 0, 0]) for frame in frames]
        self.batches.append(numbers)
        if self.failing.intersection(numbers):
            raise RuntimeError("a frame that it cannot stand")
        return super().detect(frames)


def batch_bench(count, **environ):
    return Bench([message(offset) for offset in range(count)], engine=BatchEngine(), **environ)


def test_frames_that_wait_go_through_the_engine_together_and_keep_their_order():
    bench = batch_bench(24)
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.batches)
        time.sleep(0.3)  # meanwhile others are decoded, and wait
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == 24)

    assert list(itertools.chain(*bench.engine.batches)) == list(range(24)), "each once, in order"
    assert 1 < max(map(len, bench.engine.batches)) <= 4
    assert [timestamp for _, _, timestamp in bench.results] == [NOW + n for n in range(24)]


def test_a_frame_that_an_engine_cannot_stand_takes_no_other_of_its_batch_along():
    bench = batch_bench(12)
    bench.engine.failing = {5}
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.batches)
        time.sleep(0.3)
        bench.engine.gate.set()
        bench.until(lambda: len(bench.results) == 11 and len(bench.source.committed) == 12)

    assert any(len(batch) > 1 and 5 in batch for batch in bench.engine.batches)
    assert [timestamp - NOW for _, _, timestamp in bench.results] == [
        number for number in range(12) if number != 5
    ]
    assert bench.worker.metrics.value("posestream_frames_skipped_total", reason="failed") == 1


# -- people's numbers -------------------------------------------------------------------------


def numbers(bench):
    """Return the people's numbers in the results, by camera."""
    found = {}
    for payload, key, _ in bench.sinks["keypoints-dest"].published:
        people = json.loads(payload)["people"]
        found.setdefault(key, []).append([person["person_id"][0] for person in people])
    return found


@pytest.mark.parametrize("count", [1, 4])
def test_people_keep_their_number_by_camera(count):
    messages = [message(offset, key=b"ab"[offset % 2 :][:1]) for offset in range(8)]
    engine = Engine()
    engine.batch = count
    said = {"WORKER_TRACK_PEOPLE": "true", "WORKER_COLOR_BY_PERSON": "true"}
    with Bench(messages, engine=engine, **said) as bench:
        bench.until(lambda: len(bench.results) == 8)
    assert numbers(bench) == {b"a": [[0]] * 4, b"b": [[0]] * 4}


def test_nobody_has_a_number_unless_it_is_asked_for():
    with Bench([message(0)]) as bench:
        bench.until(lambda: bench.results)
    assert numbers(bench) == {b"camera": [[-1]]}
