"""What `posestream status` makes of offsets and messages; tests/system has a real broker."""

import json
import time
from dataclasses import dataclass, field

import pytest
from posestream import status
from posestream.settings import Streams
from posestream.streams import BrokerAway, Message, TopicMissing

BROKER = {"type": "kafka", "brokers": "kafka.example.org:9092"}
STREAMS = Streams(
    {"image-src": {**BROKER, "topic": "pictures"}, "image-dest": {**BROKER, "topic": "out"}}
)


@dataclass
class Broker:
    """What a broker would say: per topic and partition, the offsets and the capture times."""

    first: dict[str, list[int]]
    last: dict[str, list[int]]
    committed: list[int | None] = field(default_factory=lambda: [0, 0])
    grows: int = 0  # messages that come between two questions
    newest: float = 0.0
    missing: frozenset[str] = frozenset()

    def watcher(self, streams, service):
        topic = streams.services[service]["topic"]
        if topic in self.missing:
            raise TopicMissing(topic)
        return Watcher(self, topic)


class Watcher:
    """Looks on at one topic."""

    group = "workers"

    def __init__(self, broker, topic):
        self.broker, self.topic = broker, topic

    def edges(self):
        first, last = self.broker.first[self.topic], self.broker.last[self.topic]
        pairs = enumerate(zip(first, last, strict=True))
        return {(self.topic, number): edges for number, edges in pairs}

    def committed(self):
        return {(self.topic, n): offset for n, offset in enumerate(self.broker.committed)}

    def newest(self, timeout):
        return [
            Message(b"", None, self.broker.newest - number, (*place, end - 1))
            for number, (place, (start, end)) in enumerate(self.edges().items())
            if end > start
        ]

    def close(self):
        pass


def looked(monkeypatch, broker, seconds=0.0):
    monkeypatch.setattr(status, "Watcher", broker.watcher)

    def pass_by(_):
        for offsets in broker.last.values():
            offsets[0] += broker.grows

    monkeypatch.setattr(status.time, "sleep", pass_by)
    clock = iter(range(0, 1000, 2))  # two seconds between two looks at the clock
    monkeypatch.setattr(status.time, "monotonic", lambda: next(clock))
    return status.look(STREAMS, seconds)


@pytest.fixture
def broker():
    return Broker(
        first={"pictures": [5, 0], "out": [0]},
        last={"pictures": [20, 10], "out": [12]},
        committed=[15, 10],
        grows=8,
        newest=time.time() - 1,
    )


def test_figures(monkeypatch, broker):
    report = looked(monkeypatch, broker)

    assert report["group"] == "workers"
    assert (report["lag_before"], report["lag"]) == (5, 13)
    assert report["topics"]["image-src"]["topic"] == "pictures"
    assert report["topics"]["image-src"]["rate"] == pytest.approx(8 / 4, abs=0.1)
    assert report["topics"]["image-dest"]["age_seconds"] == pytest.approx(1, abs=0.5)


def test_what_is_deleted_is_not_behind(monkeypatch, broker):
    broker.committed = [0, 0]
    broker.grows = 0

    assert looked(monkeypatch, broker)["lag"] == 15 + 10


def test_a_group_that_has_committed_nothing_has_no_lag(monkeypatch, broker):
    broker.committed = [None, None]

    assert looked(monkeypatch, broker)["lag"] is None


def test_an_empty_topic_has_no_age(monkeypatch, broker):
    broker.first["out"] = broker.last["out"]
    broker.grows = 0

    assert looked(monkeypatch, broker)["topics"]["image-dest"]["age_seconds"] is None


def test_a_missing_topic_is_said(monkeypatch, broker):
    broker.missing = frozenset({"out"})
    report = looked(monkeypatch, broker)

    assert report["topics"]["image-dest"] == {"topic": "out", "there": False}
    assert report["topics"]["image-src"]["there"]


def test_a_partition_that_the_group_has_yet_to_begin_is_behind_as_a_whole(monkeypatch, broker):
    broker.committed = [15, None]
    broker.grows = 0

    assert looked(monkeypatch, broker)["lag"] == 5 + 10


def test_a_broker_that_does_not_answer_is_said(monkeypatch, capsys):
    def late(*_):
        raise BrokerAway("pictures on kafka.example.org:9092: no answer")

    monkeypatch.setattr(status, "look", late)

    assert status.run(type("Settings", (), {"streams": STREAMS}), 2.0) == 1
    assert "no answer" in capsys.readouterr().err


def test_one_json_object_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(status, "look", lambda streams, seconds: {"seconds": seconds})

    assert status.run(type("Settings", (), {"streams": STREAMS}), 2.0) == 0
    assert json.loads(capsys.readouterr().out) == {"seconds": 2.0}
