"""What a broker's ACLs are against is said, with user and topic, and tried until it is allowed.

The broker is a stand-in that refuses what it is told to; tests/system has real ACLs.
"""

import logging
import time
from contextlib import closing

import pytest
import sinetstream
from confluent_kafka import KafkaError
from posestream.export import command as export
from posestream.streams import BrokerAway, plugin, reading, writing
from posestream.streams.messages import Forbidden
from posestream.streams.opening import registry
from sinetstream.spi import PluginMessageReader, PluginMessageWriter

from .refusing_broker import RefusingBroker, Request
from .test_streams import EARLIEST, Lab, until

TOPIC = KafkaError.TOPIC_AUTHORIZATION_FAILED
GROUP = KafkaError.GROUP_AUTHORIZATION_FAILED
CLUSTER = KafkaError.CLUSTER_AUTHORIZATION_FAILED
SECONDS = 30.0  # for something to come about; most of it does in one


@pytest.fixture(autouse=True)
def _questions_come_soon(monkeypatch):
    for module in (reading, writing):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.3)
    monkeypatch.setattr(writing, "AWAY_SECONDS", 0.1)
    monkeypatch.setattr(reading, "COMMIT_MILLISECONDS", 100)


@pytest.fixture
def broker():
    with closing(RefusingBroker()) as broker:
        yield broker


class Client(Lab):
    """A topic of its own, and a user who reads and writes it."""

    def streams(self, **more):
        # The stand-in asks for no password; a topic that was refused is soon asked for again.
        spec = {
            "sasl_plain_username": "worker",
            "topic.metadata.refresh.interval.ms": 500,
            "topic.metadata.refresh.fast.interval.ms": 100,
        }
        return super().streams(**more | {"type_spec": spec | more.get("type_spec", {})})

    def says(self, what):
        """Return what is said of something that is not allowed."""
        whom = f"the broker does not allow the user worker {what.format(self.topic)}"
        return f"{whom}; its ACLs say who may"


@pytest.fixture
def lab(broker):
    lab = Client(broker.address)
    broker.make(lab.topic)
    return lab


def comes_about(condition):
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
    return found


def poll(reader):
    """Return what is read, and what is said not to be allowed."""
    try:
        return reader.poll(0.1), ""
    except Forbidden as error:
        return [], str(error)


def lines(caplog, module):
    return [record.message for record in caplog.records if record.name == module.log.name]


# -- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [reading.Reader, reading.Watcher])
@pytest.mark.parametrize(
    ("asked", "code"),
    [(Request.FETCH, TOPIC), (Request.FETCH, CLUSTER), (Request.LIST_OFFSETS, TOPIC)],
)
def test_what_is_forbidden_while_it_is_read_is_said_until_it_is_read(
    broker, lab, kind, code, asked
):
    with closing(kind(lab.streams(**EARLIEST), "it")) as reader:
        lab.store(b"one")
        until(reader, 1)
        broker.refuse(asked, code)
        said = comes_about(lambda: poll(reader)[1])
        owed = reader.holdup()[0]
        broker.allow(asked)
        lab.store(b"two")
        (message,) = comes_about(lambda: poll(reader)[0])
        comes_about(lambda: poll(reader) == ([], ""))

    assert said == f"{lab.topic} on {lab.brokers}: {lab.says('to read the topic {}')}"
    assert owed == 0
    assert message.payload == b"two"


@pytest.mark.parametrize(
    ("refused", "code", "what"),
    [
        ("topic", TOPIC, "to read the topic {}"),
        (Request.FIND_COORDINATOR, GROUP, "to use the consumer group {}"),
        (Request.JOIN_GROUP, GROUP, "to use the consumer group {}"),
    ],
)
def test_who_is_not_let_in_is_told_so_and_reads_once_he_is(broker, lab, refused, code, what):
    lab.store(b"one")
    refused = lab.topic if refused == "topic" else refused
    broker.refuse(refused, code)
    with closing(lab.reader()) as reader:
        said = comes_about(lambda: poll(reader)[1])
        owed = reader.holdup()[0]
        broker.allow(refused)
        (message,) = comes_about(lambda: poll(reader)[0])

    assert said == f"{lab.topic} on {lab.brokers}: {lab.says(what)}"
    assert owed == 0
    assert message.payload == b"one"


@pytest.mark.parametrize(
    ("code", "what"), [(GROUP, "to use the consumer group {}"), (TOPIC, "to read the topic {}")]
)
def test_a_commit_that_is_forbidden_is_said_once_and_not_owed(broker, lab, caplog, code, what):
    broker.refuse(Request.OFFSET_COMMIT, code)
    with closing(lab.reader()) as reader:
        for payload in (b"one", b"two"):
            lab.store(payload)
            (message,) = until(reader, 1)
            reader.commit(message)
            reader.poll(0)
            comes_about(lambda: poll(reader) == ([], "") and reader.holdup()[0] == 0)

    (line,) = (line for line in lines(caplog, reading) if line.startswith("not committed"))
    assert line == f"not committed: {lab.topic} on {lab.brokers}: {lab.says(what)}"


def test_who_looks_on_needs_no_group(broker, lab):
    broker.refuse(Request.FIND_COORDINATOR, GROUP)
    with closing(reading.Watcher(lab.streams(), "it")) as watcher:
        lab.store(b"one")
        assert [message.payload for message in until(watcher, 1)] == [b"one"]
        deadline = time.monotonic() + 1.5  # in which the client has asked for its group
        while time.monotonic() < deadline:
            assert watcher.poll(0.1) == []


@pytest.mark.parametrize("code", [TOPIC, CLUSTER])
def test_who_may_not_look_on_is_told_at_once(broker, lab, code):
    broker.refuse(lab.topic, code)
    with pytest.raises(Forbidden, match=lab.says("to read the topic {}")):
        reading.Watcher(lab.streams(), "it")


def test_an_export_that_is_forbidden_ends_with_the_reason(
    broker, lab, capsys, monkeypatch, tmp_path
):
    broker.refuse(lab.topic, TOPIC)
    monkeypatch.setattr(export, "OPTIONAL_SERVICE", "it")
    monkeypatch.setattr(export, "_stops", lambda: lambda: False)
    settings = type("Settings", (), {"streams": lab.streams()})

    assert export.run(settings, kind=None, output=str(tmp_path / "out")) == 1
    said = f"{lab.topic} on {lab.brokers}: {lab.says('to read the topic {}')}"
    assert capsys.readouterr().err == f"failed: {said}\n"
    assert not (tmp_path / "out").exists()


# -- writing ----------------------------------------------------------------------------------

WRITE = "to write the topic {}"
NOT_TO_WRITE = pytest.mark.parametrize(
    ("asked", "code"),
    [(Request.PRODUCE, TOPIC), (Request.PRODUCE, CLUSTER), (Request.INIT_PRODUCER_ID, CLUSTER)],
)


@pytest.mark.parametrize("code", [TOPIC, CLUSTER])
def test_who_may_not_write_is_told_at_once(broker, lab, code):
    broker.refuse(lab.topic, code)
    with pytest.raises(Forbidden, match=lab.says(WRITE)):
        lab.writer()


@NOT_TO_WRITE
def test_what_may_not_be_written_waits_and_is_written_once_it_is_allowed(
    broker, lab, caplog, asked, code
):
    caplog.set_level(logging.INFO, writing.log.name)
    broker.refuse(asked, code)
    answers, said = [], set()
    with closing(lab.writer()) as writer:
        for payload in (b"one", b"two", b"three"):
            writer.publish(payload, key=b"camera", timestamp=1.0, done=answers.append)
        comes_about(lambda: "ACLs" in writer.away())
        for _ in range(150):  # in which it is tried five times
            time.sleep(0.01)
            said.add(writer.away())
        owed, tried = writer.holdup()[0], list(answers)
        broker.allow(asked)
        comes_about(lambda: len(answers) == 3)
        away = writer.away()

    waits = {each for each in said if "has not acknowledged in" in each}  # a new client has begun
    assert said - waits == {f"{lab.topic} on {lab.brokers}: {lab.says(WRITE)}"}
    assert owed < 1.4  # of the second and a half and more that it takes
    assert (tried, answers, away) == ([], [None] * 3, "")
    with closing(reading.Watcher(lab.streams(), "it")) as watcher:
        assert [end for _, end in watcher.edges().values()] == [3]  # and none twice
    assert lines(caplog, writing) == []


def test_a_topic_that_may_not_be_seen_any_more_is_said(broker, lab):
    with closing(lab.writer()) as writer:
        broker.refuse(lab.topic, TOPIC)
        broker.refuse(Request.PRODUCE, KafkaError.NOT_LEADER_FOR_PARTITION)  # tried by the client
        writer.publish(b"one", key=b"camera", timestamp=1.0, done=lambda error: None)
        comes_about(lambda: lab.says(WRITE) in writer.away())
        for _ in range(150):  # in which it is asked for five times
            time.sleep(0.01)
            assert "there is no topic" not in writer.away()


@NOT_TO_WRITE
def test_who_waits_for_a_message_that_may_not_be_written_is_told(
    broker, lab, monkeypatch, asked, code
):
    monkeypatch.setattr(writing, "WAIT_SECONDS", 2.0)
    monkeypatch.setattr(writing, "LOOK_SECONDS", 10.0)  # it is not tried again
    broker.refuse(asked, code)
    with closing(lab.writer()) as writer, pytest.raises(BrokerAway, match=lab.says(WRITE)):
        writer.store(b"one", key=b"camera", timestamp=1.0)


# -- SINETStream's own readers and writers ----------------------------------------------------


def test_sinetstreams_own_reader_and_writer_say_it_by_its_own_error(broker, lab, monkeypatch):
    for client, kind, ours in (
        (sinetstream.MessageReader, PluginMessageReader, plugin.KafkaReader),
        (sinetstream.MessageWriter, PluginMessageWriter, plugin.KafkaWriter),
    ):
        monkeypatch.setattr(client, "registry", registry("none", kind, ours))
    service = {"no_config": True, **lab.streams(**EARLIEST).services["it"]}
    with sinetstream.MessageWriter(consistency="AT_LEAST_ONCE", **service) as writer:
        broker.refuse(Request.PRODUCE, TOPIC)
        with pytest.raises(sinetstream.AuthorizationError, match="Topic authorization failed"):
            writer.publish(b"one")
    broker.refuse(Request.JOIN_GROUP, GROUP)
    with (
        sinetstream.MessageReader(receive_timeout_ms=10_000, **service) as reader,
        pytest.raises(sinetstream.AuthorizationError, match="Group authorization failed"),
    ):
        next(iter(reader))
