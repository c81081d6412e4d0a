"""Records to messages, messages to records, and which offsets are committed.

The broker is librdkafka's own stand-in (`test.mock.num.brokers`), in this process but over real
connections; tests/system has a real one.
"""

import itertools
import logging
import time
from dataclasses import dataclass
from functools import partial

import confluent_kafka
import pytest
import sinetstream
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, TopicPartition
from posestream import client_settings, streams
from posestream.settings import SettingsError, Streams
from posestream.streams import plugin, reading, writing
from posestream.streams.decoding import TIME_END, RecordDecoder
from posestream.streams.opening import registry
from posestream.streams.progress import Progress
from sinetstream.spi import PluginMessageReader, PluginMessageWriter

BROKER = {"type": "kafka", "brokers": "kafka.example.org:9092"}
PLACE = ("pictures", 0)
CAPTURED = 1_700_000_000.123457  # to the microsecond
EARLIEST = {"type_spec": {"auto_offset_reset": "earliest"}}
CRYPTO = {"algorithm": "AES", "mode": "EAX", "password": "secret"}


@dataclass
class Record:
    """A Kafka record, as far as it is looked at."""

    payload: bytes | None
    at: int = 0
    name: bytes | None = b"camera"
    kind: int = TIMESTAMP_CREATE_TIME
    milliseconds: int = 1_600_000_000_500

    def value(self):
        return self.payload

    def key(self):
        return self.name

    def timestamp(self):
        return self.kind, self.milliseconds

    def topic(self):
        return "pictures"

    def partition(self):
        return 0

    def offset(self):
        return self.at


@pytest.fixture(scope="module")
def brokers():
    """Return the address of a cluster of one broker, in which topics come about by themselves."""
    quiet = logging.getLogger("librdkafka")
    quiet.setLevel(logging.CRITICAL)
    cluster = confluent_kafka.Producer(
        {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "logger": quiet}
    )
    (broker,) = cluster.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    cluster.flush(1)


@pytest.fixture
def lab(brokers):
    return Lab(brokers)


class Lab:
    """A topic of its own, and who reads and writes it."""

    numbers = itertools.count()

    def __init__(self, brokers):
        self.brokers = brokers
        self.topic = f"topic-{next(self.numbers)}"

    def streams(self, **more):
        spec = {"group_id": self.topic} | more.pop("type_spec", {})
        service = {"type": "kafka", "brokers": self.brokers, "topic": self.topic}
        return Streams({"it": service | {"type_spec": spec} | more})

    def writer(self, **more):
        return writing.Writer(self.streams(**more), "it")

    def store(self, *payloads, timestamp=CAPTURED, key=b"camera", **more):
        writer = self.writer(**more)
        for payload in payloads:
            writer.store(payload, key=key, timestamp=timestamp)
        writer.close()

    def reader(self, more=EARLIEST, **options):
        return reading.Reader(self.streams(**more), "it", **options)

    def records(self, count):
        """Return the topic's records, so many or more, as another client reads them."""
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": self.brokers, "group.id": "other", "log_level": 0}
        )
        numbers = consumer.list_topics(self.topic, timeout=5).topics[self.topic].partitions
        consumer.assign([TopicPartition(self.topic, number, 0) for number in numbers])
        found = []
        while (record := consumer.poll(1 if len(found) >= count else 10)) is not None:
            found.append(record)
        consumer.close()
        assert len(found) >= count
        return found


def until(reader, count, seconds=15.0):
    """Read so many messages."""
    messages, deadline = [], time.monotonic() + seconds
    while len(messages) < count:
        assert time.monotonic() < deadline, f"only {len(messages)} of {count} messages"
        messages += reader.poll(0.2)
    return messages


def decoder(kind=reading._Consumer, **more):
    arguments = Streams({"it": {**BROKER, "topic": "pictures", **more}}).arguments("it")
    return RecordDecoder(kind, arguments)


def encoded(payload, timestamp=CAPTURED, **more):
    """Return the bytes that SINETStream makes of a payload."""
    arguments = Streams({"it": {**BROKER, "topic": "out", **more}}).arguments("it")
    return writing._RecordEncoder(writing._Producer, arguments).encode(payload, timestamp)


# -- there and back ---------------------------------------------------------------------------


def test_what_is_written_is_read_as_it_was(lab):
    lab.store(b"picture")
    reader = lab.reader()
    (message,) = until(reader, 1)
    reader.close()

    assert message.payload == b"picture"
    assert message.key == b"camera"
    assert message.timestamp == CAPTURED  # the same number, not one a microsecond off
    assert message.position[0] == lab.topic
    assert message.published == pytest.approx(time.time(), abs=60)


def test_others_read_it_with_sinetstream_itself(lab):
    lab.store(b"picture")
    (record,) = lab.records(1)
    reader = sinetstream.MessageReader(no_config=True, value_type="byte_array", **BROKER)
    reader.debug_inject_msg_bytes = (record.value(), "out", record)
    message = next(reader)

    assert record.key() == b"camera"
    assert message.value == b"picture"
    assert message.timestamp == pytest.approx(CAPTURED)


def test_sinetstreams_own_readers_and_writers_find_the_plugin(lab, monkeypatch):
    """What the entry points of the image do; here they belong to SINETStream's own plugin."""
    for client, kind, ours in (
        (sinetstream.MessageReader, PluginMessageReader, plugin.KafkaReader),
        (sinetstream.MessageWriter, PluginMessageWriter, plugin.KafkaWriter),
    ):
        monkeypatch.setattr(client, "registry", registry("none", kind, ours))
    service = {"no_config": True, **lab.streams().services["it"]}
    with sinetstream.MessageWriter(consistency="AT_LEAST_ONCE", **service) as writer:
        writer.publish(b"one", CAPTURED)
        writer.publish(b"two", CAPTURED)
    spec = service.pop("type_spec") | EARLIEST["type_spec"]
    with sinetstream.MessageReader(receive_timeout_ms=5000, type_spec=spec, **service) as reader:
        assert {next(iter(reader)).value, next(iter(reader)).value} == {b"one", b"two"}


@pytest.mark.parametrize(
    "more",
    [
        {"data_encryption": True, "crypto": CRYPTO},
        {"data_compression": True},
        {"message_format": 2},
    ],
    ids=["encrypted", "compressed", "second format"],
)
def test_sinetstreams_own_features_go_on_working(more):
    value = encoded(b"picture" * 100, **more)

    assert b"picture" * 3 not in value or "message_format" in more
    assert decoder(**more).decode(Record(value)).payload == b"picture" * 100


def test_both_formats_are_read():
    assert decoder().decode(Record(encoded(b"picture", message_format=2))).payload == b"picture"


def test_what_is_not_encrypted_does_not_pass_where_it_has_to_be():
    encrypted = decoder(data_encryption=True, crypto=CRYPTO)

    assert encrypted.decode(Record(b"\xff\xd8 a raw picture")).payload is None
    assert encrypted.decode(Record(encoded(b"plain"))).payload is None


def test_no_trip_changes_a_time():
    encoder = writing._RecordEncoder(
        writing._Producer, Streams({"it": {**BROKER, "topic": "out"}}).arguments("it")
    )
    reader = decoder()
    for taken in (number / 1e6 for number in range(1_700_000_000_000_000, 1_700_000_000_001_000)):
        assert reader.decode(Record(encoder.encode(b"", taken))).timestamp == taken


# -- writing ----------------------------------------------------------------------------------


def test_the_producer_keeps_order_and_takes_20_mib():
    config = writing._RecordEncoder(
        writing._Producer, Streams({"it": {**BROKER, "topic": "out"}}).arguments("it")
    ).plugin.config

    assert config["acks"] == "all"
    assert config["enable.idempotence"] is True
    assert config["message.max.bytes"] > 20 * 2**20
    assert config["partitioner"] == "murmur2_random"  # as Java's and kafka-python's
    assert config["bootstrap.servers"] == BROKER["brokers"]


def test_nobody_waits_for_an_acknowledgement(lab):
    writer, answers = lab.writer(), []
    for number in range(200):
        writer.publish(b"%d" % number, key=b"one", timestamp=1.0, done=answers.append)
    deadline = time.monotonic() + 10
    while len(answers) < 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert answers == [None] * 200
    assert writer.away() == ""
    assert writer.holdup()[0] == 0
    writer.close()
    payloads = [decoder().decode(record).payload for record in lab.records(200)]
    assert payloads == [b"%d" % number for number in range(200)]  # one key, one partition


def test_a_message_that_is_too_large_is_refused_for_good(lab):
    writer = lab.writer(type_spec={"max_request_size": 2000})
    with pytest.raises(streams.Refused, match="bytes are too many"):
        writer.store(bytes(3000), key=None, timestamp=1.0)
    writer.store(b"two", key=None, timestamp=1.0)
    writer.close()


def test_a_producer_that_is_broken_is_replaced_and_nothing_is_lost(lab):
    writer = lab.writer()
    before = writer._io
    with writer._lock:  # what librdkafka says after it was told that there is no such topic
        writer.publish(b"one", key=b"k", timestamp=1.0, done=lambda error: None)
        number = next(iter(writer._pending))
        error = confluent_kafka.KafkaError(confluent_kafka.KafkaError._UNKNOWN_TOPIC)
        writer._settle(number, error)
    writer.store(b"two", key=b"k", timestamp=1.0)
    assert writer._io is not before
    writer.close()
    payloads = {decoder().decode(record).payload for record in lab.records(2)}
    assert payloads == {b"one", b"two"}


def test_what_expires_is_given_up(lab):
    gone = Lab("127.0.0.1:9")
    writer = writing.Writer(lab.streams(), "it", expire=0.5)
    fresh = writing._RecordEncoder(
        type("_Expiring", (writing._Producer,), {"expire": 0.5}), gone.streams().arguments("it")
    )
    fresh.plugin.client = confluent_kafka.Producer(fresh.plugin.config)
    writer._io = fresh
    with pytest.raises(streams.BrokerAway):
        writer.store(b"late", key=None, timestamp=1.0)
    assert not writer._pending
    writer.close()


# -- reading ----------------------------------------------------------------------------------


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
    ],
)
def test_other_records_are_taken_as_they_are(value):
    message = decoder().decode(Record(value, at=7))

    moment = 1_600_000_000.5
    assert message == streams.Message(
        value, b"camera", moment, ("pictures", 0, 7), published=moment
    )


def test_a_truncated_message_is_taken_as_it_is():
    value = encoded(b"picture" * 100)[:200]

    assert decoder().decode(Record(value)).payload == value


@pytest.mark.parametrize("count", [200, 20 * 2**20])
def test_numbers_without_end_are_no_message(count):
    value = saying(1)[:16] + b"\xff" * count + b"\0\0"
    begun = time.monotonic()

    assert decoder().decode(Record(value)).payload == value
    assert time.monotonic() - begun < 5


def test_values_are_bytes_whatever_the_file_says():
    value = encoded(b"\xff\xd8", value_type="text")

    assert decoder(value_type="image").decode(Record(value)).payload == b"\xff\xd8"


def saying(microseconds):
    """Return a SINETStream message that says a time."""
    return sinetstream.packet.Packet.pack(
        sinetstream.marshal.Marshaller().marshal(b"picture", microseconds), 0
    )


@pytest.mark.parametrize(
    "record",
    [
        Record(saying(2**63 - 1)),
        Record(saying(-5)),
        Record(saying(int(TIME_END * 1e6))),
    ],
)
def test_an_impossible_time_gives_way_to_the_records(record):
    message = decoder().decode(record)

    assert message.time_replaced
    assert message.timestamp == 1_600_000_000.5


@pytest.mark.parametrize("milliseconds", [1_700_000_000_000_000_000, 1_700_000_000_000_000, 0, -1])
def test_an_impossible_time_of_the_record_gives_way_to_the_present(milliseconds):
    message = decoder().decode(Record(b"raw", milliseconds=milliseconds))

    assert message.time_replaced
    assert message.timestamp == pytest.approx(time.time(), abs=5)
    encoded(message.payload)  # and can be written


def test_no_time_at_all_is_the_present_and_no_mistake():
    message = decoder().decode(Record(b"raw", kind=TIMESTAMP_NOT_AVAILABLE))

    assert not message.time_replaced
    assert message.timestamp == pytest.approx(time.time(), abs=5)


def test_a_time_of_zero_says_none():
    message = decoder().decode(Record(saying(0)))

    assert (message.timestamp, message.time_replaced) == (1_600_000_000.5, False)


def test_the_consumer_commits_what_it_is_told_alone():
    for consistency in ("AT_MOST_ONCE", "AT_LEAST_ONCE"):
        spec = {"enable_auto_commit": True, "auto_offset_reset": "earliest", "linger_ms": 1}
        config = decoder(consistency=consistency, type_spec=spec).plugin.config
        assert config["enable.auto.offset.store"] is False
        assert config["group.id"] == "openpose"
        assert "linger.ms" not in config


def test_the_consumer_takes_20_mib():
    config = decoder().plugin.config

    assert config["max.partition.fetch.bytes"] > 20 * 2**20
    # librdkafka fetches fetch.max.bytes, and one message in any case; all of it is one response.
    assert config["receive.message.max.bytes"] > 52428800 + 20 * 2**20


# -- looking on -------------------------------------------------------------------------------


def test_who_looks_on_sees_what_comes_from_then_on(lab):
    lab.store(b"before", b"before")
    watcher = reading.Watcher(lab.streams(), "it")
    lab.store(b"after")

    assert [message.payload for message in until(watcher, 1)] == [b"after"]
    assert sum(end - start for start, end in watcher.edges().values()) == 3
    assert set(watcher.committed().values()) == {None}
    watcher.close()


def test_who_looks_on_may_begin_in_the_past(lab, monkeypatch):
    """The stand-in of a broker knows no times: this knows them for it, as Kafka would say them."""
    asked = []

    class Consumer(reading.Consumer):
        def offsets_for_times(self, places, timeout):
            asked.extend(places)
            there = [1 if self.get_watermark_offsets(place)[1] else -1 for place in places]
            return [
                TopicPartition(p.topic, p.partition, at)
                for p, at in zip(places, there, strict=True)
            ]

    monkeypatch.setattr(reading, "Consumer", Consumer)
    lab.store(b"one", b"two", b"three")
    watcher = reading.Watcher(lab.streams(), "it", past=5.0)
    ends = watcher.edges()

    assert not watcher.has_read(ends)
    assert [message.payload for message in until(watcher, 2)] == [b"two", b"three"]
    assert watcher.has_read(ends)
    watcher.close()
    assert asked[0].offset == pytest.approx((time.time() - 5) * 1000, abs=60_000)


def test_the_newest_message_of_a_topic(lab):
    lab.store(b"before", timestamp=1.0)
    lab.store(b"newest", timestamp=2.0)
    watcher = reading.Watcher(lab.streams(), "it")
    assert [message.timestamp for message in watcher.newest(10)] == [2.0]
    watcher.close()


# -- opening ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [reading.Watcher, reading.Reader, writing.Writer])
def test_a_broker_that_is_away(monkeypatch, kind):
    monkeypatch.setattr(plugin, "WAIT_SECONDS", 0.5)

    with pytest.raises(streams.BrokerAway, match=r"topic-\d+ on 127\.0\.0\.1:9"):
        kind(Lab("127.0.0.1:9").streams(), "it")


@pytest.mark.parametrize(
    "more",
    [
        {"data_encryption": True},
        {"type_spec": {"acks": 1}},
        {"type_spec": {"queue.buffering.max.ms.typo": 1}},
        {"type_spec": {"linger.ms": "soon"}},
        {"data_compression": True, "compression": {"algorithm": "none such"}},
    ],
)
def test_what_the_libraries_refuse_is_a_setting(more):
    with pytest.raises(SettingsError, match="topic-"):
        Lab("127.0.0.1:9").writer(**more)


# -- the client's settings --------------------------------------------------------------------


def test_kafka_pythons_names_are_translated():
    spec = {
        "fetch_max_wait_ms": 100,
        "ssl_check_hostname": False,
        "linger_ms": 3,
        "ssl_cafile": "/c",
    }

    assert client_settings.translate(spec, client_settings.READER) == {
        "fetch.wait.max.ms": 100,
        "ssl.endpoint.identification.algorithm": "none",
        "ssl.ca.location": "/c",
    }
    assert client_settings.translate(spec, client_settings.WRITER)["linger.ms"] == 3


def test_librdkafkas_own_names_are_taken():
    spec = {"socket.nagle.disable": True, "debug": "broker"}

    assert client_settings.translate(spec, client_settings.WRITER) == spec


@pytest.mark.parametrize(
    ("name", "hint"),
    [("max_block_ms", "leave it out"), ("ssl_truststore_location", "PEM"), ("acked", "no setting")],
)
def test_what_has_no_counterpart_is_refused_by_name(name, hint):
    with pytest.raises(ValueError, match=f"{name}.*{hint}|{hint}.*{name}"):
        client_settings.translate({name: 1}, client_settings.WRITER)


@pytest.mark.parametrize("client", [client_settings.READER, client_settings.WRITER])
def test_every_translation_is_a_setting_of_librdkafkas(client, tmp_path):
    """With a value of its kind; librdkafka itself says whether it knows the name."""
    kind = confluent_kafka.Producer
    if client == client_settings.READER:
        kind = partial(confluent_kafka.Consumer, **{"group.id": "g"})
    kinds = {"boolean": True, "whole": 60000, "number": 1, "text": "text", "names": ["range"]}
    kinds["file"] = tmp_path / "password"
    kinds["file"].write_text("a password")
    for name, setting in client_settings.SETTINGS.items():
        if not setting.name or setting.client not in (client, client_settings.BOTH):
            continue
        value = setting.kind[-1] if isinstance(setting.kind, tuple) else kinds[setting.kind]
        config = client_settings.translate({name: value}, client)
        made = {"bootstrap.servers": "127.0.0.1:9", "log_level": 0} | config
        assert "No such configuration property" not in refusal(kind, made), name


def refusal(kind, config):
    """Return what librdkafka dislikes: a value perhaps, or that another one is missing."""
    try:
        kind(config)
    except confluent_kafka.KafkaException as error:
        return error.args[0].str()
    return ""


def test_strategies_by_any_name():
    for value in ("range,roundrobin", ["RangePartitionAssignor", "x.y.RoundRobinAssignor"]):
        spec = {"partition_assignment_strategy": value}
        assert client_settings.translate(spec, client_settings.READER) == {
            "partition.assignment.strategy": "range,roundrobin"
        }


# -- commits ----------------------------------------------------------------------------------


def test_an_offset_is_committed_when_all_before_it_are_stored():
    progress = Progress()
    for offset in (10, 11, 12, 15):  # offsets may have gaps
        progress.delivered((*PLACE, offset))
    progress.stored((*PLACE, 11))
    assert progress.take([PLACE]) == {}
    progress.stored((*PLACE, 10))
    assert progress.take([PLACE]) == {PLACE: 12}
    assert progress.take([PLACE]) == {}
    progress.stored((*PLACE, 15))
    progress.stored((*PLACE, 12))
    assert progress.take([PLACE]) == {PLACE: 16}


def test_partitions_do_not_wait_for_each_other():
    progress = Progress()
    for partition in (0, 1):
        progress.delivered(("pictures", partition, 5))
    progress.stored(("pictures", 1, 5))

    assert progress.take([PLACE, ("pictures", 1)]) == {("pictures", 1): 6}


def test_gaps_are_committed_too():
    """Aborted transactions take up offsets and are never delivered."""
    progress = Progress()
    progress.delivered((*PLACE, 5))
    progress.reached(PLACE, 9)
    assert progress.take([PLACE]) == {}
    progress.stored((*PLACE, 5))
    assert progress.take([PLACE]) == {PLACE: 9}
    progress.reached(PLACE, 12)
    assert progress.take([PLACE]) == {PLACE: 12}


def test_what_was_on_its_way_to_the_broker_is_owed_again():
    progress = Progress()
    for offset in (1, 2):
        progress.delivered((*PLACE, offset))
    progress.stored((*PLACE, 1))
    assert progress.take([PLACE]) == {PLACE: 2}
    progress.owe(PLACE)
    assert progress.take([PLACE]) == {PLACE: 2}


def test_a_topic_that_was_made_anew_starts_from_nothing():
    progress = Progress()
    for offset in (500, 0):
        progress.delivered((*PLACE, offset))
        progress.stored((*PLACE, offset))

    assert progress.take([PLACE]) == {PLACE: 1}


def test_what_is_given_up_is_neither_waited_for_nor_committed():
    progress = Progress()
    for offset in (1, 2, 3):
        progress.delivered((*PLACE, offset))
    progress.given_up((*PLACE, 2))
    assert progress.is_pending([PLACE])
    for offset in (1, 3):
        progress.stored((*PLACE, offset))
    assert not progress.is_pending([PLACE])
    assert progress.take([PLACE]) == {PLACE: 2}


def test_what_is_not_dealt_with_is_behind():
    progress = Progress()
    assert progress.behind(PLACE, 9) == 0  # where to start is not known yet
    progress.starts(PLACE, 3)
    assert progress.behind(PLACE, 9) == 6
    for offset in (3, 4):
        progress.delivered((*PLACE, offset))
    progress.stored((*PLACE, 4))
    assert progress.behind(PLACE, 9) == 6
    progress.stored((*PLACE, 3))
    assert progress.behind(PLACE, 9) == 4
    assert progress.behind(PLACE, 5) == 0


def test_a_partition_that_others_have_is_forgotten():
    progress = Progress()
    progress.delivered((*PLACE, 12))
    progress.forget([PLACE])
    progress.stored((*PLACE, 12))

    assert progress.take([PLACE]) == {}
    assert progress.next_offset(PLACE) is None
