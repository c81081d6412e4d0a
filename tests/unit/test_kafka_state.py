"""What Kafka's tools print of topics, users and ACLs, and how an ACL is made again."""

from __future__ import annotations

import pytest
from ansible.module_utils import kafka_tools

from .plugins import load

# As Kafka 3.9 prints them.
DESCRIBED = (
    "Topic: mine\tTopicId: ulKj8PyKQGuiGNrxOpG67w\tPartitionCount: 3\tReplicationFactor: 2\t"
    "Configs: cleanup.policy=compact,delete,max.message.bytes=20971520\n"
    "\tTopic: mine\tPartition: 0\tLeader: 1001\tReplicas: 1001,1002\tIsr: 1001,1002\tElr: N/A\n"
    "Topic: bare\tTopicId: 7VhRSkMsSYqVc6hqJtli8g\tPartitionCount: 1\tReplicationFactor: 1\t"
    "Configs: max.message.bytes=20971520\n"
)
CONFIGS = (
    "Dynamic configs for topic mine are:\n"
    "  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy"
    "=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}\n"
    "  retention.ms=12345 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=12345}\n"
    "Dynamic configs for topic bare are:\n"
)
ACLS = (
    "Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=mi, patternType=PREFIXED)"
    "`: \n"
    " \t(principal=User:guest, host=*, operation=READ, permissionType=ALLOW)\n"
    "\t(principal=User:guest, host=*, operation=DESCRIBE_CONFIGS, permissionType=ALLOW) \n\n"
    "Current ACLs for resource `ResourcePattern(resourceType=CLUSTER, name=kafka-cluster, "
    "patternType=LITERAL)`: \n"
    " \t(principal=User:CN=bad, O=x, host=192.0.2.1, operation=ALL, permissionType=DENY) \n\n"
)


@pytest.fixture(scope="module")
def module():
    return load("roles/kafka/library/kafka_state.py")


def test_a_topic_has_what_was_set_of_it_and_not_what_the_broker_says(module):
    bare, mine = module.topics(DESCRIBED, CONFIGS)
    assert bare == {"name": "bare", "partitions": 1, "replication_factor": 1, "config": {}}
    assert mine["config"] == {"cleanup.policy": "compact,delete", "retention.ms": "12345"}
    assert (mine["partitions"], mine["replication_factor"]) == (3, 2)


def test_acls_are_read_whatever_principals_are_called(module):
    cluster, *guest = kafka_tools.acls(ACLS)
    assert cluster["principal"] == "User:CN=bad, O=x"
    assert cluster["host"] == "192.0.2.1"
    assert [acl["operation"] for acl in guest] == ["DESCRIBE_CONFIGS", "READ"]
    assert {acl["pattern_type"] for acl in guest} == {"PREFIXED"}


def test_an_acl_is_made_again_as_it_was(module):
    cluster, guest, _ = kafka_tools.acls(ACLS)
    assert module.added(cluster) == [
        *("kafka-acls", "--add", "--force", "--deny-principal", "User:CN=bad, O=x"),
        *("--deny-host", "192.0.2.1", "--operation", "All", "--cluster"),
        *("--resource-pattern-type", "literal"),
    ]
    assert module.added(guest)[-7:] == [
        *("*", "--operation", "DescribeConfigs", "--topic", "mi"),
        *("--resource-pattern-type", "prefixed"),
    ]


def test_a_cluster_that_lets_everybody_in_has_no_acls(module):
    assert kafka_tools.acls("") == []
    assert module.topics("", "") == []
