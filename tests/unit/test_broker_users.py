"""Which users a closed broker has, and what each kind of them may do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .plugins import ROOT, load

users = load("roles/broker/filter_plugins/broker_users.py")
rights = load("roles/kafka/filter_plugins/kafka_rights_of_users.py")
SERVICES = ["admin", "reader", "verify", "viewer", "worker"]
TABLE = yaml.safe_load(Path(ROOT, "roles/kafka/vars/main/security.yml").read_text())


def test_each_camera_and_each_client_has_one():
    hosts = [
        {"cameras": [{}, {"name": "hall"}], "camera_name": "street"},
        {"cameras": [{"name": "door 1"}], "camera_name": "street"},
    ]
    clients = [{"name": "pi1", "kind": "camera"}, {"name": "laptop", "kind": "viewer"}]
    assert users.broker_users(hosts, clients) == sorted(
        [
            *SERVICES,
            *("camera-street", "camera-hall", "camera-door-1", "camera-pi1", "viewer-laptop"),
        ]
    )
    assert users.broker_users([], []) == SERVICES


def test_a_name_of_another_script_is_a_user_of_its_own():
    one, other = (users.broker_user(name) for name in ("カメラ 1", "ドア 1"))
    assert one != other
    assert one.isascii()


@pytest.mark.parametrize(
    "user", [*SERVICES, "camera-street", "viewer-laptop", "reader-logger-2", "camera-worker"]
)
def test_every_user_has_the_rights_of_its_kind(user):
    given = rights.kafka_rights_of_users([user], TABLE["kafka_rights_of"])
    own = TABLE["kafka_rights_of"][user.split("-")[0]]
    assert given == [{"user": user, **right} for right in own]


def test_a_topic_that_is_not_wanted_is_nobodys():
    kinds = {"worker": [{"operation": "Write", "kind": "topic", "name": ""}]}
    assert rights.kafka_rights_of_users(["worker"], kinds) == []
