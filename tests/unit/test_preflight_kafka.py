"""What preflight says of the broker's properties and environment, and of the topics."""

from __future__ import annotations

import pytest
from preflight_checks import kafka, kafka_topics, lab
from preflight_checks.properties import BROKER
from preflight_checks.sources import KAFKA_SETTINGS, kafka_variables

from .test_preflight_fitness import SERVICES

DEFAULTS = {
    "broker_message_max_bytes": 20971520,
    "kafka_image_retention_bytes": 2147483648,
    "kafka_image_segment_bytes": 134217728,
    "posestream_source_topic": "pictures",
    "posestream_result_topic": "results",
}
PICTURES = {
    "max.message.bytes": 20971520,
    "retention.bytes": 2147483648,
    "segment.bytes": 134217728,
}


def problems(groups=("kafka",), **values) -> list[str]:
    return list(kafka.problems(DEFAULTS | values, groups))


def the_problem(**values) -> str:
    found = problems(**values)
    assert len(found) == 1, found
    return found[0]


# -- properties -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto.create.topics.enable", True),
        ("auto.create.topics.enable", "false"),
        ("allow.everyone.if.no.acl.found", True),
        ("compression.gzip.level", -1),
        ("config.providers.vault.class", "org.example.Vault"),
        ("inter.broker.protocol.version", 3.9),
        ("listener.name.camera-net.max.connections", 100),
        ("listener.name.external.scram-sha-256.sasl.jaas.config", "a secret"),
        ("log.cleaner.io.buffer.load.factor", 0.8),
        ("log.cleanup.policy", "compact, delete"),
        ("log.cleanup.policy", ["compact", "delete"]),
        ("log.retention.hours", "5"),
        ("log.retention.ms", -1),
        ("min.insync.replicas", 1),
        ("ssl.key.password", 1234),
    ],
)
def test_what_kafka_takes_is_good(name, value):
    assert problems(kafka_properties={name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        # Names
        (
            "mesage.max.bytes",
            1,
            "is no property of Kafka's broker; did you mean message.max.bytes?",
        ),
        (
            "Message.Max.Bytes",
            1,
            "is no property of Kafka's broker; did you mean message.max.bytes?",
        ),
        (
            "blue.plugin",
            1,
            "is no property of Kafka's broker; a plugin's goes into kafka_properties_",
        ),
        (
            "listener.name.x.max.conections",
            1,
            "is no property of Kafka's broker; did you mean max.con",
        ),
        ("retention.ms", 1, "is a property of a topic; the broker's is log.retention.ms"),
        ("remote.log.copy.disable", True, "is a property of a topic; write it into kafka_topics"),
        ("listeners", "a", "is set by this role; use kafka_bind_address and broker_port"),
        ("zookeeper.clientCnxnSocket", "a", "cannot be said to Kafka's image"),
        (
            "KAFKA_MESSAGE_MAX_BYTES",
            1,
            "is an environment variable; write it into kafka_environment",
        ),
        # Types
        ("unclean.leader.election.enable", "yes", ": 'yes' is neither true nor false"),
        ("unclean.leader.election.enable", 0, ": 0 is neither true nor false"),
        ("num.io.threads", 8.0, ": 8.0 is not a whole number"),
        ("num.io.threads", " 8 ", ": ' 8 ' is not a whole number"),
        ("num.io.threads", "1_0", ": '1_0' is not a whole number"),
        (
            "num.io.threads",
            "\N{ARABIC-INDIC DIGIT FIVE}",
            ": '\N{ARABIC-INDIC DIGIT FIVE}' is not a",
        ),
        ("num.io.threads", True, ": true is not a whole number"),
        ("log.segment.bytes", "128 MiB", ": '128 MiB' is not a whole number; 128 MiB is 134217728"),
        ("log.cleaner.io.buffer.load.factor", "most", ": 'most' is not a number"),
        ("compression.type", ["gzip"], ": ['gzip'] is not a text; one of uncompressed, zstd"),
        ("log.cleanup.policy", None, "has no value; write a text"),
        ("log.cleanup.policy", {"compact": True}, "is a mapping; write a text"),
        # Values
        ("num.network.threads", 0, ": 0 is below 1"),
        ("num.io.threads", 2**31, ": 2147483648 is above 2147483647"),
        ("log.retention.ms", -5, ": -5 is below -1, where -1 means no limit"),
        ("log.retention.hours", 0, ": 0 is no time, and Kafka does not start"),
        ("log.cleaner.dedupe.buffer.size", 1000, ": 1000 is below 1048577"),
        ("replica.lag.time.max.ms", 100, "100: replica.fetch.wait.max.ms 500 has to be at most"),
        ("compression.gzip.level", 10, ": 10 is above 9; -1 is allowed too"),
        (
            "compression.type",
            "zip",
            ": 'zip' is none of uncompressed, zstd, lz4, snappy, gzip, prod",
        ),
        ("log.cleanup.policy", "compact,delte", ": 'compact,delte' has something that is none of"),
        (
            "default.replication.factor",
            3,
            ": 3 copies need as many brokers, and there is one; write 1",
        ),
        ("ssl.key.password", True, ": its value is not a text"),
    ],
)
def test_what_kafka_does_not_take_is_said(name, value, text):
    said = the_problem(kafka_properties={name: value})
    assert said.startswith(f"kafka_properties: {name}{text if text[0] == ':' else ' ' + text}")


@pytest.mark.parametrize(
    ("properties", "refused"),
    [
        ({}, False),
        ({"group.max.session.timeout.ms": 9000}, True),
        ({"group.min.session.timeout.ms": 30000}, True),
        ({"group.min.session.timeout.ms": 8000}, False),
    ],
)
def test_a_broker_takes_the_sessions_of_its_workers(properties, refused):
    values = {
        "kafka01": {"kafka_properties": properties},
        "openpose01": {},
    }
    services = SERVICES["posestream_services"]
    own = lab.Lab(
        "kafka01",
        {"kafka": ["kafka01"], "openpose": ["openpose01"]},
        lambda host, name: {"posestream_services": services, **values[host]}.get(name),
    )
    assert len(list(lab.sessions(own))) == refused


def test_what_is_unchecked_is_not_checked():
    unknown = {"mesage.max.bytes": "many", "num.network.threads": 0}
    assert problems(kafka_properties_unchecked=unknown) == []
    said = the_problem(kafka_properties_unchecked={"broker.id": 1})
    assert said == "kafka_properties_unchecked: broker.id is set by this role; use kafka_broker_id"
    twice = {"num.io.threads": 8}
    said = the_problem(kafka_properties=twice, kafka_properties_unchecked=twice)
    assert said.startswith("kafka_properties_unchecked: num.io.threads is said by kafka_properties")


# -- environment ------------------------------------------------------------------------------


def test_a_property_is_its_variables_property():
    names = [*filter(str.islower, BROKER), "listener.name.client-a.a_b.sasl.mechanism"]
    there_and_back = [kafka_variables.property_of(kafka_variables.variable(n)) for n in names]
    assert there_and_back == names


def test_the_images_own_variables_and_others_are_good():
    said = dict.fromkeys(set(KAFKA_SETTINGS), "-Da=b")
    for name in [name for name in said if name.startswith("ZOOKEEPER_") or name.endswith("_OPTS")]:
        del said[name]
    said |= {"KAFKA_OPTS": "-Da=b", "KAFKA_JMX_PORT": 9999, "KAFKA_LOG4J_ROOT_LOGLEVEL": "warn"}
    said |= {"TZ": "Asia/Tokyo", "HTTP_PROXY": "http://a:1", "KAFKA_NUM_IO_THREADS": "4"}
    assert problems(kafka_environment=said) == []


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "KAFKA_MESAGE_MAX_BYTES",
            1,
            " sets mesage.max.bytes, which is no property of Kafka's broker; did you mean "
            "KAFKA_MESSAGE_MAX_BYTES?",
        ),
        (
            "KAFKA_RETENTION_MS",
            1,
            " sets retention.ms, a property of a topic; the broker's is KAFKA_LOG",
        ),
        ("KAFKA_NUM_IO_THREADS", "many", ": 'many' is not a whole number"),
        (
            "KAFKA_LOG_SEGMENT_BYTES",
            "1g",
            ": '1g' is not a whole number; 1g is 1073741824 (or 1000000000) in",
        ),
        ("KAFKA_DEFAULT_REPLICATION_FACTOR", 3, ": 3 copies need as many brokers"),
        ("KAFKA_JMX_PORT", 99999, ": 99999 is above 65535"),
        (
            "KAFKA_LOG4J_ROOT_LOGLEVEL",
            "WARNN",
            ": 'WARNN' is none of ALL, TRACE, DEBUG, INFO, WARN",
        ),
        ("KAFKA_LISTENERS", "a", " is set by this role; use kafka_bind_address and broker_port"),
        ("KAFKA_HEAP_OPTS", "-Xmx1g", " is set by this role; use kafka_heap"),
        ("BROKER_HOSTNAME", "a", " is set by this role; use broker_hostname"),
        ("KAFAK_HEAP_OPTS", "a", " is no variable of Kafka's image; did you mean KAFKA_HEAP_OPTS?"),
        ("ZOOKEEPER_TICK_TIME", 1, " is ZooKeeper's, and this is the broker's environment"),
    ],
)
def test_what_the_image_does_not_take_is_said(name, value, text):
    assert the_problem(kafka_environment={name: value}).startswith(
        f"kafka_environment: {name}{text}"
    )


# -- sizes ------------------------------------------------------------------------------------


def test_a_message_has_to_fit_into_a_request():
    said = the_problem(broker_message_max_bytes=134217728)
    assert said.startswith(
        "broker_message_max_bytes: 134217728 is more than the broker takes in one request, "
        "socket.request.max.bytes 104857600; write less, or kafka_properties: "
        "{socket.request.max.bytes: 135266304}"
    )
    raised = {"socket.request.max.bytes": 135266304}
    assert problems(broker_message_max_bytes=134217728, kafka_properties=raised) == []
    assert problems(groups=["openpose"], broker_message_max_bytes=134217728) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"kafka_properties": {"message.max.bytes": 1000000}},
            "kafka_properties: message.max.bytes 1000000 does nothing for the pictures",
        ),
        (
            {"kafka_environment": {"KAFKA_MESSAGE_MAX_BYTES": "1000000"}},
            "kafka_environment: KAFKA_MESSAGE_MAX_BYTES 1000000 does nothing for the pictures",
        ),
        (
            {"kafka_properties": {"message.max.bytes": 31457280}},
            "kafka_properties: message.max.bytes 31457280 is above broker_message_max_bytes",
        ),
        (
            {"kafka_properties": {"replica.fetch.max.bytes": 1048576}},
            "kafka_properties: replica.fetch.max.bytes 1048576 is below the largest message",
        ),
        (
            {"kafka_image_retention_bytes": 1000},
            "kafka_image_retention_bytes: 1000 is below one segment of 134217728 bytes",
        ),
        (
            {"kafka_image_segment_bytes": 1048576},
            "kafka_image_segment_bytes: 1048576 is below broker_message_max_bytes 20971520",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_said(values, text):
    assert the_problem(**values).startswith(text)


# -- topics -----------------------------------------------------------------------------------


def test_the_default_topics_are_good():
    default = [
        {"name": "pictures", "partitions": 2, "config": PICTURES},
        {"name": "results", "config": PICTURES},
        {"name": "people", "partitions": None, "config": {"retention.ms": "3600000"}},
    ]
    assert problems(kafka_topics=default) == []
    assert kafka_topics.limits(default) == {"pictures": 20971520, "results": 20971520}


def test_no_retention_is_below_a_segment_and_said_once():
    default = [{"name": name, "config": PICTURES | {"retention.bytes": 1000}} for name in "ab"]
    said = the_problem(kafka_topics=default, kafka_image_retention_bytes=1000)
    assert said.startswith("kafka_image_retention_bytes: 1000 is below one segment")
    unlimited = [{"name": "a", "config": PICTURES | {"retention.bytes": -1}}]
    assert problems(kafka_topics=unlimited, kafka_image_retention_bytes=-1) == []


def test_a_broker_that_makes_topics_needs_none():
    made = {"auto.create.topics.enable": "true"}
    assert problems(kafka_topics=[], kafka_properties=made) == []
    assert the_problem(kafka_topics=[]).startswith(
        "kafka_topics: is empty, and the broker makes no"
    )


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        ([None], "entry 1 is no topic; write {name: TOPIC}"),
        (["pictures"], "entry 1 is no topic; write {name: TOPIC}"),
        ([{"name": None, "partitions": 1}], "entry 1 has no name; write {name: TOPIC}"),
        ([{"name": "my camera"}], "'my camera' is not a topic's name"),
        ([{"name": "a"}, {"name": "a"}], "a stands there twice; leave one out"),
        ([{"name": "a.b"}, {"name": "a_b"}], "a_b and a.b are one name to Kafka"),
        ([{"name": "a", "partitions": "2 "}], "a: '2 ' is no number of partitions"),
        ([{"name": "a", "partitions": 0}], "a: 0 partitions are not between 1 and 1000"),
    ],
)
def test_topics_that_cannot_be_made_are_said(topics, text):
    assert the_problem(kafka_topics=topics).startswith(f"kafka_topics: {text}")


@pytest.mark.parametrize(
    ("name", "config", "text"),
    [
        (
            "a",
            {"cleanup.policy": "delte"},
            "cleanup.policy: 'delte' is none of compact, delete; did",
        ),
        ("a", {"segment.bytes": 1}, "segment.bytes: 1 is below 14"),
        ("a", {"preallocate": "no"}, "preallocate: 'no' is neither true nor false"),
        (
            "a",
            {"retention.msec": 1},
            "retention.msec is not a property of a topic; did you mean reten",
        ),
        (
            "a",
            {"log.retention.ms": 1},
            "log.retention.ms is a property of the broker; a topic's is re",
        ),
        ("a", {"min.insync.replicas": 2}, "min.insync.replicas: 2 copies need as many brokers"),
        ("a", {"retention.bytes": 1000}, "retention.bytes 1000 is below one segment of 1073741824"),
        ("a", {"retention.ms": None}, "retention.ms has no value"),
        (
            "results",
            {"max.message.bytes": 1000},
            "max.message.bytes 1000 is below broker_message_max",
        ),
        (
            "pictures",
            {"segment.bytes": 1000},
            "segment.bytes 1000 is below the largest message of 20",
        ),
    ],
)
def test_properties_that_a_topic_cannot_have_are_said(name, config, text):
    said = the_problem(kafka_topics=[{"name": name, "config": config}])
    assert said.startswith(f"kafka_topics: {name}: {text}")
