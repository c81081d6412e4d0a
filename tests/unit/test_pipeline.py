"""The worker: order, back-pressure, what is skipped, how it ends. Engine and streams are fakes."""

import json
import logging
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from posestream import pipeline, poses, ready, settings
from posestream.pipeline import Worker
from posestream.skeletons import COCO_18
from posestream.streams import BrokerAway, Message, Refused

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


def message(offset, payload=None, timestamp=None, key=b"camera"):
    payload = jpeg(offset) if payload is None else payload
    taken = NOW + offset if timestamp is None else timestamp
    return Message(payload, key, taken, ("pictures", 0, offset))


class Source:
    """Gives its messages, then nothing; takes commits."""

    def __init__(self, messages):
        self.messages = list(messages)
        self.read = 0
        self.committed = []
        self.closed = False
        self.error = None
        self.away = 0  # polls during which the broker is away

    def poll(self, timeout):
        if self.error is not None:
            raise self.error
        if self.away:
            self.away -= 1
            raise BrokerAway("the broker is away")
        if self.messages:
            self.read += 1
            return [self.messages.pop(0)]
        time.sleep(min(timeout, 0.01))
        return []

    def commit(self, message):
        self.committed.append(message.position[2])

    def close(self):
        self.closed = True


class Sink:
    """Keeps what is published."""

    def __init__(self):
        self.published = []
        self.errors = []  # raised one by one, before anything is taken
        self.gate = threading.Event()
        self.gate.set()
        self.closed = False

    def publish(self, payload, *, key, timestamp):
        self.gate.wait(10)
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error
        self.published.append((payload, key, timestamp))

    def close(self):
        self.closed = True


class Engine:
    """Finds one person on every frame."""

    skeleton = COCO_18

    def __init__(self):
        self.detected = 0
        self.errors = {}
        self.gate = threading.Event()
        self.gate.set()

    def detect(self, frame):
        self.detected += 1
        self.gate.wait(10)
        if error := self.errors.get(self.detected):
            raise error
        keypoints = np.zeros((1, len(COCO_18.parts), 3), np.float32)
        keypoints[0, :2] = (10, 10, 1), (30, 40, 1)
        return poses.People(keypoints, np.ones(1, np.float32))


class Bench:
    """A worker with its surroundings."""

    def __init__(self, messages=(), **environ):
        self.settings = settings.load("worker", ENVIRON | environ, Path("/none"))
        self.source, self.engine = Source(messages), Engine()
        self.sinks = {"image-dest": Sink(), "keypoints-dest": Sink()}
        self.worker = Worker(
            self.settings, self.engine, lambda: self.source, lambda name: self.sinks[name]
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
            sink.gate.set()
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


@pytest.fixture(autouse=True)
def _own_sign_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(ready, "SIGN", tmp_path / "ready")
    monkeypatch.setattr(pipeline, "RETRY_SECONDS", 0.01)


def test_results_come_in_order_with_key_and_time():
    messages = [message(offset, key=f"camera {offset % 3}".encode()) for offset in range(30)]
    with Bench(messages) as bench:
        bench.until(lambda: len(bench.source.committed) == 30)

    sent = [(each.key, each.timestamp) for each in messages]
    assert [result[1:] for result in bench.results] == sent
    assert [result[1:] for result in bench.sinks["keypoints-dest"].published] == sent
    assert bench.source.committed == list(range(30))
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
    with Bench(messages, WORKER_MAX_PIXELS="10000") as bench:
        bench.until(lambda: len(bench.source.committed) == 10)

    assert [result[2] - NOW for result in bench.results] == [0, 2, 4, 6, 9]
    assert sorted(bench.source.committed) == list(range(10))
    for reason in (*bad, "null"):
        assert bench.metric("posestream_frames_skipped_total", reason=reason) == 1, reason
    assert bench.metric("posestream_frames_received_total") == 10
    assert bench.metric("posestream_frames_processed_total") == 5


def test_stale_frames_are_skipped_only_when_asked_for():
    messages = [message(0, timestamp=time.time() - 60), message(1, timestamp=time.time() + 5)]
    with Bench(messages, WORKER_MAX_AGE="30") as bench:
        bench.until(lambda: len(bench.source.committed) == 2)
    assert len(bench.results) == 1
    assert bench.metric("posestream_frames_skipped_total", reason="stale") == 1

    with Bench(messages) as bench:
        bench.until(lambda: len(bench.results) == 2)


def test_it_reads_no_further_than_the_queues_hold():
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.detected == 1)
        time.sleep(0.2)
        # One each in decode and engine, one on the reader's hand, and two queues.
        assert bench.source.read <= 3 + 2 * pipeline.QUEUE_FRAMES
        assert bench.source.committed == []


def test_nothing_is_committed_before_it_is_stored():
    bench = Bench([message(0)])
    bench.sinks["image-dest"].gate.clear()
    with bench:
        bench.until(lambda: bench.sinks["keypoints-dest"].published)
        time.sleep(0.05)
        assert bench.source.committed == []
        bench.sinks["image-dest"].gate.set()
        bench.until(lambda: bench.source.committed == [0])


def test_a_broker_that_goes_and_comes_back(caplog):
    with caplog.at_level(logging.INFO):
        bench = Bench(map(message, range(5)))
        bench.source.away = 3
        bench.sinks["image-dest"].errors = [None, *[BrokerAway("away while writing")] * 3]
        with bench:
            bench.until(lambda: len(bench.results) == 5)

    assert [result[2] - NOW for result in bench.results] == [0, 1, 2, 3, 4]
    assert len(bench.sinks["keypoints-dest"].published) == 5
    said = "\n".join(caplog.messages)
    assert "the broker is away" in said
    assert "away while writing" in said
    assert said.count("is back") == 2


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


def test_a_result_that_the_broker_refuses_is_skipped():
    bench = Bench(map(message, range(3)))
    bench.sinks["image-dest"].errors = [None, Refused("too large")]
    with bench:
        bench.until(lambda: len(bench.source.committed) == 3)

    assert len(bench.results) == 2
    assert bench.metric("posestream_frames_skipped_total", reason="refused") == 1


def test_readiness_is_shown_and_taken_back(monkeypatch):
    bench = Bench()
    with bench:
        bench.until(ready.is_ready)
        assert bench.metric("posestream_ready") == 1
        bench.source.away = 10**9
        bench.until(lambda: not ready.is_ready())
    assert not ready.is_ready()


def test_a_sign_of_life_goes_stale(monkeypatch):
    ready.show_ready(True)
    assert ready.is_ready()
    monkeypatch.setattr(ready, "FRESH_SECONDS", -1)
    assert not ready.is_ready()


# -- how it ends ------------------------------------------------------------------------------


def test_told_to_stop_it_finishes_what_is_in_flight():
    bench = Bench(map(message, range(100)))
    bench.engine.gate.clear()
    with bench:
        bench.until(lambda: bench.engine.detected == 1)
        bench.worker.stop()
        bench.engine.gate.set()
        assert bench.ends() == 0

    assert len(bench.results) == bench.source.read > 1
    assert bench.source.committed == list(range(bench.source.read))
    assert bench.source.closed


def test_told_to_stop_without_a_broker_it_stops(monkeypatch):
    monkeypatch.setattr(pipeline, "STOP_SECONDS", 1.5)
    bench = Bench(map(message, range(3)))
    bench.sinks["image-dest"].errors = [BrokerAway("away")] * 100000
    with bench:
        bench.until(lambda: bench.engine.detected == 3)
        bench.worker.stop()
        assert bench.ends(5) == 0

    assert bench.source.committed == []


def test_one_frame_that_the_engine_cannot_stand_is_passed_over():
    bench = Bench(map(message, range(5)))
    bench.engine.errors = {2: RuntimeError("strange frame")}
    with bench:
        bench.until(lambda: len(bench.source.committed) == 5)

    assert len(bench.results) == 4
    assert bench.metric("posestream_frames_skipped_total", reason="failed") == 1


def test_an_engine_that_is_broken_ends_the_worker(caplog):
    bench = Bench(map(message, range(20)))
    bench.engine.errors = dict.fromkeys(range(3, 100), RuntimeError("the engine is gone"))
    with bench:
        assert bench.ends() == 1

    assert "the stage engine has died" in caplog.text
    assert "the engine is gone" in caplog.text
    assert not ready.is_ready()


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


def test_an_engine_that_hangs_ends_the_worker(monkeypatch, caplog):
    monkeypatch.setattr(pipeline, "HANG_SECONDS", 0.3)
    bench = Bench([message(0)])
    bench.engine.gate.clear()
    with bench:
        assert bench.ends() == 1

    assert "hung" in caplog.text


def test_the_status_line_says_rates_and_people(monkeypatch, caplog):
    monkeypatch.setattr(pipeline, "STATUS_SECONDS", 0.5)
    with caplog.at_level(logging.INFO), Bench(map(message, range(10))) as bench:
        bench.until(lambda: "1 people" in caplog.text)

    assert "frames/s in" in caplog.text
