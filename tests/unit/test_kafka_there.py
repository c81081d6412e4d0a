"""What a host has of a broker, and what it may become without losing its topics."""

from __future__ import annotations

import pytest

from .plugins import load

there = load("roles/kafka/library/kafka_there.py")
ZOOKEEPER = "#\n#Mon Nov 30\ncluster.id=S8kV_abcQ6\nversion=0\nbroker.id=1002\n"
KRAFT = "node.id=1002\ndirectory.id=x\nversion=1\ncluster.id=0123456789012345678901\n"
WANT = {"host": "b", "mode": "zookeeper", "mode_change": False, "broker_id": 1002}
NAMES = ["a.test", "b.test", "c.test"]


def problems(found, **want) -> list[str]:
    return list(there.problems(found, {**WANT, "quorum": NAMES, **want}))


def test_the_modes_are_told_apart_by_the_data():
    assert there.of_data(ZOOKEEPER) == there.There("zookeeper", 1002, "S8kV_abcQ6")
    assert there.of_data(KRAFT) == there.There("kraft", 1002, "0123456789012345678901")
    assert there.of_data("") == there.There()


@pytest.mark.parametrize(
    ("mode", "compose", "members"),
    [
        (
            "zookeeper",
            "      ZOOKEEPER_SERVERS: a.test:2888:3888;b.test:1:2\n",
            ["a.test", "b.test"],
        ),
        ("zookeeper", "services:\n  zookeeper:\n    image: x\n", [""]),
        ("zookeeper", "services:\n  broker:\n    image: x\n", []),
        (
            "kraft",
            "      KAFKA_CONTROLLER_QUORUM_VOTERS: 3001@a.test:9093,3002@[::1]:9093\n",
            ["a.test", "::1"],
        ),
        ("kraft", "      KAFKA_CONTROLLER_QUORUM_VOTERS: 3001@controller:9093\n", [""]),
        ("", "  zookeeper:\n", []),
    ],
)
def test_the_members_of_the_quorum_by_the_folder(mode, compose, members):
    assert there.members(mode, compose) == members


def test_how_brokers_reach_each_other_by_the_folder():
    compose = (
        "      KAFKA_ADVERTISED_LISTENERS: INTERNAL://${BROKER_HOSTNAME:?}:9094,EXTERNAL://x:9092\n"
        "      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: INTERNAL:SASL_SSL,EXTERNAL:SASL_SSL\n"
    )
    assert there.inner_listener(compose) == "SASL_SSL://${BROKER_HOSTNAME:?}:9094"
    assert there.inner_listener("services: {}\n") == ""


def test_another_mode_is_refused_until_it_is_said_that_the_data_may_go():
    found = there.of_data(ZOOKEEPER)
    (said,) = problems(found, mode="kraft", broker_id=7)
    assert said.startswith(
        "kafka_mode: kraft, and b holds data of a broker with kafka_mode: zookeeper"
    )
    assert "kafka_mode_change=true" in said
    assert problems(found, mode="kraft", broker_id=7, mode_change=True) == []
    assert problems(there.There(), mode="kraft") == []


def test_a_broker_keeps_its_number():
    (said,) = problems(there.of_data(KRAFT), mode="kraft", broker_id=1001)
    assert said.startswith("kafka_broker_id: 1001, and b holds the data of broker 1002")
    assert said.endswith("kafka_broker_id: 1002")
    assert problems(there.of_data(KRAFT), mode="kraft") == []


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ([], NAMES, None),
        (NAMES, NAMES, None),
        ([""], ["a.test"], None),
        (["a.test"], ["b.test"], None),
        (NAMES, ["a.test", "d.test", "c.test"], None),
        ([""], NAMES, "kafka_quorum_hosts: [b]"),
        (NAMES, ["d.test", "e.test", "c.test"], "one member at a time"),
        (NAMES, ["b.test", "c.test", "d.test"], "Write the hosts in the places that they had"),
        (NAMES, ["a.test"], "one member at a time"),
    ],
)
def test_no_quorum_is_outvoted_by_those_that_know_nothing(old, new, refused):
    found = there.There("zookeeper", 1002, "x", old)
    said = problems(found, quorum=new)
    assert bool(said) == bool(refused)
    assert all(refused in text for text in said)
