"""Which brokers partitions are given, and when they have all that they are to have."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible.module_utils import kafka_tools

from .plugins import load

replicas = load("roles/kafka/library/kafka_replicas.py")
# As Kafka 3.9 prints it, one of three brokers away; a partition that nobody leads says none.
PRINTED = (
    "Topic: a\tTopicId: x\tPartitionCount: 2\tReplicationFactor: 3\tConfigs: \n"
    "\tTopic: a\tPartition: 0\tLeader: 1002\tReplicas: 1001,1002,1003\tIsr: 1002,1003\tElr: N/A\n"
    "\tTopic: a\tPartition: 1\tLeader: none\tReplicas: 1001\tIsr: \tElr: N/A\n"
)
BROKERS = [1001, 1002, 1003]


def there(**replicas_of: list[int]) -> dict:
    return {
        (topic, 0): {"leader": held[0], "replicas": held, "in_sync": held, "moves": False}
        for topic, held in replicas_of.items()
    }


def test_what_kafka_prints():
    found = kafka_tools.partitions(PRINTED)
    assert found["a", 0] == {
        "leader": 1002,
        "replicas": BROKERS,
        "in_sync": [1002, 1003],
        "moves": False,
    }
    assert found["a", 1] == {"leader": None, "replicas": [1001], "in_sync": [], "moves": False}
    assert replicas.lacking(found) == ["a-0 (2 of 3)", "a-1 (0 of 1)"]
    assert replicas.lacking(there(a=BROKERS)) == []
    said = "Querying brokers\nReceived log directory information from brokers 1001,7\n{}\n"
    assert kafka_tools.brokers(said) == [7, 1001]
    assert kafka_tools.brokers("") == []


def test_a_partition_on_its_way_is_where_it_goes_to_and_waited_for():
    line = (
        "\tTopic: a\tPartition: 0\tLeader: 1\tReplicas: 4,1,3\tIsr: 1,3,4\tElr: \tLastKnownElr: "
        "\tAdding Replicas: 4\tRemoving Replicas: 3\n"
    )
    found = kafka_tools.partitions(line)
    assert found["a", 0]["replicas"] == [4, 1]
    assert replicas.moves(found, [1, 2, 4], {}, spread=False) == {}
    assert replicas.lacking(found) == ["a-0 (2 of 2)"]


def test_a_topic_of_a_broker_that_was_alone_gets_replicas_on_the_others():
    alone = there(a=[1001], b=[1001], c=[1001], foreign=[1001], __offsets=[1001])
    found = replicas.moves(alone, BROKERS, {"a": 3, "b": 2, "c": 3, "__": 3}, spread=False)

    assert {key[0] for key in found} == {"a", "b", "c", "__offsets"}
    assert sorted(found["a", 0]) == sorted(found["c", 0]) == BROKERS
    assert len(found["b", 0]) == 2
    assert 1001 in found["b", 0]
    leads = Counter(held[0] for held in found.values())
    assert max(leads.values()) <= 2  # not all led by the first


def test_what_has_enough_stays_where_it_is():
    assert replicas.moves(there(a=[3, 1, 2]), [1, 2, 3], {"a": 3}, spread=False) == {}
    assert replicas.moves(there(a=[3, 1, 2]), [1, 2, 3], {"a": 3}, spread=True) == {}


def test_a_broker_that_leaves_is_emptied():
    full = there(a=[1, 2, 3], b=[2, 3, 1], c=[3, 1, 2])
    found = replicas.moves(full, [1, 2, 4], {}, spread=False)

    assert all(sorted(held) == [1, 2, 4] for held in found.values())
    assert len(found) == 3
    with pytest.raises(ValueError, match="a is to have 3 replicas, and there are 2 brokers"):
        replicas.moves(full, [1, 2], {}, spread=False)


def test_a_broker_that_comes_takes_its_share():
    full = {
        ("a", number): {"leader": 1, "replicas": [1, 2, 3], "in_sync": [1, 2, 3], "moves": False}
        for number in range(8)
    }
    found = replicas.moves(full, [1, 2, 3, 4], {}, spread=True)

    after = {key: found.get(key, partition["replicas"]) for key, partition in full.items()}
    assert Counter(b for held in after.values() for b in held) == dict.fromkeys((1, 2, 3, 4), 6)
    assert all(len({*held}) == 3 for held in after.values())
    assert len(found) <= 6  # no partition is moved without need
