"""Records to messages, messages to records, and which offsets may be committed.

Without a broker: the Kafka client below SINETStream is replaced. tests/system has a real one.
"""

import logging
from dataclasses import dataclass, field
from types import SimpleNamespace

import kafka
import pytest
import sinetstream
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, NoBrokersAvailable
from posestream import logs, streams
from posestream.settings import SettingsError, Streams
from posestream.streams import reading
from posestream.streams.progress import Progress

BROKER = {"type": "kafka", "brokers": "kafka.example.org:9092"}
SERVICES = {"image-src": {**BROKER, "topic": "pictures"}, "image-dest": {**BROKER, "topic": "out"}}
PARTITION = TopicPartition("pictures", 0)
CAPTURED = 1_700_000_000.123457  # to the microsecond


@dataclass
class Record:
    """A Kafka record, as far as it is looked at."""

    value: bytes | None
    offset: int = 0
    key: bytes | None = b"camera"
    timestamp: int = 1_600_000_000_500
    topic: str = "pictures"
    partition: int = 0


@dataclass
class Acknowledgement:
    """The future of a publication: done, failed, or still to come."""

    error: Exception | None = None
    is_done: bool = True

    def get(self, timeout):
        assert timeout is not None
        if not self.is_done:
            raise KafkaTimeoutError("not yet")
        if self.error is not None:
            raise self.error


@dataclass
class Producer:
    """Takes what is sent."""

    config: dict
    sent: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    closed: bool = False
    connected: bool = True

    @property
    def _sender(self):
        """What kafka-python has below its producer: a client that knows one broker."""
        broker = SimpleNamespace(nodeId=1001)
        cluster = SimpleNamespace(brokers=lambda: [broker])
        client = SimpleNamespace(cluster=cluster, connected=lambda node: self.connected)
        return SimpleNamespace(_client=client)

    def bootstrap_connected(self):
        return True

    def send(self, topic, value, key):
        self.sent.append(Record(bytes(value), len(self.sent), key, topic=topic))
        return self.answers.pop(0) if self.answers else Acknowledgement()

    def flush(self, timeout):
        pass

    def close(self, timeout):
        self.closed = True


@pytest.fixture
def producers(monkeypatch):
    made = []

    class Fake(Producer):
        def __init__(self, **config):
            super().__init__(config)
            made.append(self)

    monkeypatch.setattr("sinetstreamplugin.kafka.KafkaProducer", Fake)
    return made


def written(producers, payload, **more):
    """Return the record that comes of publishing `payload` to a service with the parameters."""
    services = {"image-dest": {**SERVICES["image-dest"], **more}}
    streams.Writer(Streams(services), "image-dest").publish(
        payload, key=b"camera", timestamp=CAPTURED
    )
    return producers[-1].sent[0]


def decoder(**more):
    arguments = Streams({"image-src": {**SERVICES["image-src"], **more}}).arguments("image-src")
    return reading._RecordDecoder(reading._Consumer, arguments)


# -- what is written --------------------------------------------------------------------------


def test_the_key_is_on_the_record(producers):
    record = written(producers, b"picture")

    assert record.key == b"camera"
    assert record.topic == "out"


def test_what_is_written_is_read_as_it_was(producers):
    message = decoder().decode(written(producers, b"picture"))

    assert message.payload == b"picture"
    assert message.key == b"camera"
    assert message.timestamp == CAPTURED  # the same number, not one a microsecond off


def test_others_read_it_with_sinetstream_itself(producers):
    record = written(producers, b"picture")
    reader = sinetstream.MessageReader(no_config=True, value_type="byte_array", **BROKER)
    reader.debug_inject_msg_bytes = (record.value, "out", record)
    message = next(reader)

    assert message.value == b"picture"
    assert message.timestamp == pytest.approx(CAPTURED)


@pytest.mark.parametrize(
    "more",
    [
        {
            "data_encryption": True,
            "crypto": {"algorithm": "AES", "mode": "EAX", "password": "secret"},
        },
        {"data_compression": True},
        {"message_format": 2},
    ],
    ids=["encrypted", "compressed", "second format"],
)
def test_sinetstreams_own_features_go_on_working(producers, more):
    record = written(producers, b"picture" * 100, **more)

    assert b"picture" * 3 not in record.value or "message_format" in more
    assert decoder(**more).decode(record).payload == b"picture" * 100


def test_what_is_not_encrypted_does_not_pass_where_it_has_to_be(producers):
    crypto = {"algorithm": "AES", "mode": "EAX", "password": "secret"}
    encrypted = decoder(data_encryption=True, crypto=crypto)

    assert encrypted.decode(Record(b"\xff\xd8 a raw picture")).payload is None
    assert encrypted.decode(written(producers, b"plain")).payload is None


def test_the_producer_keeps_order_and_takes_20_mib(producers):
    written(producers, b"picture")
    config = producers[0].config

    assert config["acks"] == "all"
    assert config["enable_idempotence"] is True
    assert config["max_request_size"] > 20 * 2**20
    assert config["bootstrap_servers"] == BROKER["brokers"]


def test_the_users_kafka_settings_win(producers):
    # A consumer's setting, meant for those who read this topic, is no concern of the producer's.
    spec = {"max_request_size": 1000, "linger_ms": 5, "fetch_max_bytes": 1}
    written(producers, b"picture", type_spec=spec)

    assert producers[0].config["max_request_size"] == 1000
    assert producers[0].config["linger_ms"] == 5
    assert "fetch_max_bytes" not in producers[0].config


def test_a_message_that_is_not_acknowledged_is_not_sent_twice(producers):
    writer = streams.Writer(Streams(SERVICES), "image-dest")
    late = Acknowledgement(is_done=False)
    producers[0].answers = [late]
    for connected, why in ((True, "has not acknowledged in 5 s"), (False, "cannot be reached")):
        producers[0].connected = connected
        with pytest.raises(streams.BrokerAway, match=f"out on kafka.*: the broker {why}"):
            writer.publish(b"one", key=b"k", timestamp=1.0)
    late.is_done = True
    writer.publish(b"one", key=b"k", timestamp=1.0)

    assert len(producers[0].sent) == 1
    writer.publish(b"one", key=b"k", timestamp=2.0)
    assert len(producers[0].sent) == 2


def test_a_message_that_the_client_gave_up_is_sent_again(producers):
    writer = streams.Writer(Streams(SERVICES), "image-dest")
    producers[0].answers = [Acknowledgement(KafkaTimeoutError("expired"))]
    with pytest.raises(streams.BrokerAway):
        writer.publish(b"one", key=None, timestamp=1.0)
    writer.publish(b"one", key=None, timestamp=1.0)

    assert len(producers[0].sent) == 2


def test_a_producer_that_is_broken_is_replaced(producers):
    writer = streams.Writer(Streams(SERVICES), "image-dest")
    producers[0].answers = [Acknowledgement(kafka.errors.OutOfOrderSequenceNumberError())]
    with pytest.raises(streams.BrokerAway):
        writer.publish(b"one", key=None, timestamp=1.0)
    writer.publish(b"one", key=None, timestamp=1.0)

    assert producers[0].closed
    assert [len(producer.sent) for producer in producers] == [1, 1]


def test_a_message_that_is_too_large_is_refused_for_good(producers):
    writer = streams.Writer(Streams(SERVICES), "image-dest")
    producers[0].answers = [Acknowledgement(MessageSizeTooLargeError())]
    with pytest.raises(streams.Refused, match="3 bytes"):
        writer.publish(b"one", key=None, timestamp=1.0)
    writer.publish(b"two", key=None, timestamp=1.0)


# -- what is read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"text",
        b"\xff\xd8\xff\xe0 a JPEG without SINETStream",
        b"\xdf\x03\x00\x00\x00\x00",
        b"\xdf\x03\x00\x00\x00\x00\xc3\x01",
        b"\xdf\x03\x00\x00\x00\x00\xc3\x01\x1f\x9c\x0c\x91\xeb\x33\x66\x4f",
        b"\xdf\x03\x00\x00\x00\x00\xc3\x01\x1f\x9c\x0c\x91\xeb\x33\x66\x4f\x02\xff\xff\xff\xff\x7f",
        b"\xdf\x03\x00\x00\x00\x07encrypted",
    ],
)
def test_other_records_are_taken_as_they_are(value):
    message = decoder().decode(Record(value, offset=7))

    assert message == streams.Message(value, b"camera", 1_600_000_000.5, ("pictures", 0, 7))


def test_a_truncated_message_is_taken_as_it_is(producers):
    record = written(producers, b"picture" * 100)
    record.value = record.value[:200]

    assert decoder().decode(record).payload == record.value


def test_values_are_bytes_whatever_the_file_says(producers):
    record = written(producers, b"\xff\xd8", value_type="text")

    assert decoder(value_type="image").decode(record).payload == b"\xff\xd8"


def test_the_consumer_does_not_commit_by_the_clock():
    for consistency in ("AT_MOST_ONCE", "AT_LEAST_ONCE"):
        spec = {"enable_auto_commit": True, "auto_offset_reset": "earliest", "linger_ms": 1}
        plugin = decoder(consistency=consistency, type_spec=spec).plugin
        assert plugin._kafka_params["enable_auto_commit"] is False
        assert plugin._kafka_params["auto_offset_reset"] == "earliest"
        assert plugin._kafka_params["group_id"] == "openpose"
        assert "linger_ms" not in plugin._kafka_params


def test_the_consumer_takes_20_mib():
    params = decoder().plugin._kafka_params

    assert params["max_partition_fetch_bytes"] > 20 * 2**20
    # The client fetches fetch_max_bytes, and one message in any case; all of it is one frame.
    most = kafka.KafkaConsumer.DEFAULT_CONFIG["fetch_max_bytes"] + 20 * 2**20
    assert params["receive_message_max_bytes"] > most


def test_who_looks_on_has_no_group():
    arguments = Streams(
        {"image-src": {**SERVICES["image-src"], "type_spec": {"group_id": "g"}}}
    ).arguments("image-src")
    params = reading._RecordDecoder(reading._Watcher, arguments).plugin._kafka_params

    assert params["group_id"] is None
    assert params["auto_offset_reset"] == "latest"


# -- opening ----------------------------------------------------------------------------------


def test_a_broker_that_is_away(monkeypatch):
    def away(**_):
        raise NoBrokersAvailable

    monkeypatch.setattr("sinetstreamplugin.kafka.KafkaProducer", away)

    with pytest.raises(streams.BrokerAway, match=r"out on kafka\.example\.org:9092"):
        streams.Writer(Streams(SERVICES), "image-dest")


@pytest.mark.parametrize(
    "more",
    [
        {"data_encryption": True},
        {"type_spec": {"acks": 1}},
        {"data_compression": True, "compression": {"algorithm": "none such"}},
    ],
)
def test_what_the_libraries_refuse_is_a_setting(monkeypatch, more):
    # The clients check their settings before they connect, but for the producer's acks.
    class Connected(kafka.client_async.KafkaClient):
        def __init__(self, **config):
            super().__init__(**{**config, "api_version": (2, 6)})

    monkeypatch.setitem(kafka.KafkaProducer.DEFAULT_CONFIG, "kafka_client", Connected)
    services = {"image-dest": {**BROKER, "brokers": "127.0.0.1:9", "topic": "out", **more}}

    with pytest.raises(SettingsError, match="out on 127"):
        streams.Writer(Streams(services), "image-dest")


# -- commits ----------------------------------------------------------------------------------


def test_an_offset_is_committed_when_all_before_it_are_stored():
    progress = Progress()
    for offset in (10, 11, 12, 15):  # offsets may have gaps
        progress.delivered(("pictures", 0, offset))
    progress.stored(("pictures", 0, 11))
    assert progress.take() == {}
    progress.stored(("pictures", 0, 10))
    assert progress.take() == {PARTITION: 12}
    assert progress.take() == {}
    progress.stored(("pictures", 0, 15))
    progress.stored(("pictures", 0, 12))
    assert progress.take() == {PARTITION: 16}


def test_partitions_do_not_wait_for_each_other():
    progress = Progress()
    for partition in (0, 1):
        progress.delivered(("pictures", partition, 5))
    progress.stored(("pictures", 1, 5))

    assert progress.take() == {TopicPartition("pictures", 1): 6}


def test_what_could_not_be_committed_is_committed_later():
    progress = Progress()
    for offset in (1, 2):
        progress.delivered(("pictures", 0, offset))
    progress.stored(("pictures", 0, 1))
    offsets = progress.take()
    progress.give_back(offsets)
    assert progress.take() == {PARTITION: 2}
    progress.stored(("pictures", 0, 2))
    progress.give_back(offsets)
    assert progress.take() == {PARTITION: 3}


def test_a_topic_that_was_made_anew_starts_from_nothing():
    progress = Progress()
    for offset in (500, 0):
        progress.delivered(("pictures", 0, offset))
        progress.stored(("pictures", 0, offset))

    assert progress.take() == {PARTITION: 1}


class Consumer:
    """What a rebalance finds."""

    def __init__(self, committed):
        self._committed = committed
        self.sought = []

    def committed(self, partition):
        return self._committed

    def seek(self, partition, offset):
        self.sought.append((partition, offset))


@pytest.mark.parametrize(("committed", "sought"), [(None, 13), (11, 13), (13, None), (20, None)])
def test_after_a_rebalance_it_goes_on_where_it_was(committed, sought):
    progress, consumer = Progress(), Consumer(committed)
    assignment = reading._Assignment(consumer, progress)
    assignment.on_partitions_assigned([PARTITION])
    assert consumer.sought == []
    progress.delivered(("pictures", 0, 12))
    assignment.on_partitions_revoked([PARTITION])
    assignment.on_partitions_assigned([PARTITION])

    assert consumer.sought == ([(PARTITION, sought)] if sought else [])


def test_a_partition_that_others_have_is_forgotten():
    progress = Progress()
    progress.delivered(("pictures", 0, 12))
    progress.keep([])
    progress.stored(("pictures", 0, 12))

    assert progress.take() == {}
    assert progress.next_offset(PARTITION) is None


# -- log lines --------------------------------------------------------------------------------


def test_lines_are_limited_and_what_is_left_out_is_counted():
    now, lines = [0.0], []
    limited = logs.Limited(lines.append, lines=2, seconds=10, clock=lambda: now[0])
    for number in range(5):
        limited(f"line {number}")
    now[0] = 11.0
    limited("later")

    assert lines == ["line 0", "line 1", "3 more of such lines were left out", "later"]


def test_an_outage_is_told_of_now_and_then(caplog):
    now = [0.0]
    outage = logs.Outage(logging.getLogger("test"), clock=lambda: now[0])
    with caplog.at_level(logging.INFO):
        outage.is_over()
        for now[0] in (0.0, 1.0, 4.9, 5.1, 6.0):
            outage.goes_on(Exception("the broker is away"))
        outage.is_over()
        outage.is_over()

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert "5 s so far" in caplog.messages[1]
