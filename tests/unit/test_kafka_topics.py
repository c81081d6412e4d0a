"""What is run for topics that are missing or differ, from what Kafka's tool prints."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible.module_utils import kafka_tools

MODULE = Path(__file__).parents[2] / "roles/kafka/library/kafka_topics.py"
# As `kafka-topics --describe` of Kafka 3.9 prints it.
PRINTED = (
    "Topic: pictures\tTopicId: 4e8Q6ZBdRDS5Fm3Wyk9kvQ\tPartitionCount: 2\tReplicationFactor: 1\t"
    "Configs: cleanup.policy=compact,delete,max.message.bytes=20971520\n"
    "\tTopic: pictures\tPartition: 0\tLeader: 1001\tReplicas: 1001\tIsr: 1001\tElr: \t"
    "LastKnownElr: \n"
    "\tTopic: pictures\tPartition: 1\tLeader: 1001\tReplicas: 1001\tIsr: 1001\tElr: \t"
    "LastKnownElr: \n"
    "Topic: plain\tTopicId: sWwdRDwpTmuQJPFDYkvLmg\tPartitionCount: 1\tReplicationFactor: 1\t"
    "Configs: \n"
    "\tTopic: plain\tPartition: 0\tLeader: 1001\tReplicas: 1001\tIsr: 1001\tElr: \t"
    "LastKnownElr: \n"
)


@pytest.fixture(scope="module")
def module():
    spec = importlib.util.spec_from_file_location("kafka_topics", MODULE)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def commands(module, topic: dict) -> list[str]:
    there = kafka_tools.topics(PRINTED).get(topic["name"])
    want = module.wanted([topic])[topic["name"]]
    return [" ".join(command) for command in module.commands(topic["name"], want, there)]


def test_what_kafka_prints():
    assert kafka_tools.topics(PRINTED) == {
        "pictures": {
            "partitions": 2,
            "replicas": 1,
            "config": {"cleanup.policy": "compact,delete", "max.message.bytes": "20971520"},
        },
        "plain": {"partitions": 1, "replicas": 1, "config": {}},
    }
    assert kafka_tools.topics("") == {}


@pytest.mark.parametrize(
    "topic",
    [
        {"name": "plain"},
        {"name": "plain", "partitions": None, "config": None},
        {"name": "pictures", "partitions": 1, "config": {"max.message.bytes": 20971520}},
        {"name": "pictures", "partitions": "2", "config": {"cleanup.policy": "compact,delete"}},
    ],
)
def test_a_topic_that_is_right_is_left_alone(module, topic):
    assert commands(module, topic) == []


def test_a_missing_topic_is_made_as_a_whole(module):
    topic = {"name": "new", "partitions": 3, "config": {"retention.ms": 1, "preallocate": True}}

    assert commands(module, topic) == [
        "kafka-topics --create --if-not-exists --replication-factor 1 --topic new --partitions 3 "
        "--config=retention.ms=1 --config=preallocate=true"
    ]


def test_partitions_are_added_and_differing_properties_set(module):
    topic = {
        "name": "pictures",
        "partitions": 4,
        "config": {"max.message.bytes": 20971520, "cleanup.policy": "delete,compact", "a.b": 1},
    }

    assert commands(module, topic) == [
        "kafka-topics --alter --topic pictures --partitions 4",
        "kafka-configs --alter --entity-type topics --entity-name pictures "
        "--add-config cleanup.policy=[delete,compact],a.b=1",
    ]
