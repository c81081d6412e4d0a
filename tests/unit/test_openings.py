"""What preflight says of ports: who can reach each, and what stands before it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from preflight_checks.openings import openings, to_whom
from preflight_checks.services import Port

from .plugins import load

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())
VALUES = {
    "posestream_services": SERVICES["posestream_services"],
    "broker_port": 9092,
    "kafka_bind_address": "0.0.0.0",
    "kafka_metrics_bind": "127.0.0.1:9395",
    "kafka_has_zookeeper": True,
    "viewer_port": 8080,
    "viewer_bind_address": "192.0.2.7",
    "viewer_metrics_bind": "[::1]:9295",
    "openpose_metrics_bind": "0.0.0.0:9095",
    "workers_devices": [0, 1],
}
plugin = load("roles/preflight/filter_plugins/preflight.py")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", "the host alone"),
        ("::1", "the host alone"),
        ("0.0.0.0", "everyone who reaches the host"),
        ("::", "everyone who reaches the host"),
        ("192.0.2.7", "everyone who reaches 192.0.2.7"),
    ],
)
def test_the_address_says_who(address, expected):
    assert to_whom(Port("kafka_bind_address", address, 9092)) == expected


def rows(groups, **said) -> list[tuple]:
    return [tuple(row.values()) for row in openings(VALUES | said, groups)]


def test_every_port_of_the_hosts_services_is_there():
    assert rows(["kafka", "openpose", "elsewhere"]) == [
        ("kafka", 9092, "0.0.0.0", "everyone who reaches the host", "nothing (broker_security)"),
        ("kafka", 9395, "127.0.0.1", "the host alone", "nothing; figures alone"),
        ("kafka", 9396, "127.0.0.1", "the host alone", "nothing; figures alone"),
        ("openpose", 9095, "0.0.0.0", "everyone who reaches the host", "nothing; figures alone"),
        ("openpose", 9096, "0.0.0.0", "everyone who reaches the host", "nothing; figures alone"),
    ]


@pytest.mark.parametrize(
    ("group", "said", "expected"),
    [
        ("kafka", {"broker_security": "none"}, "nothing (broker_security)"),
        ("kafka", {"broker_security": "tls"}, "encryption; no password"),
        ("kafka", {"broker_security": "sasl_tls"}, "a user's password and rights, encryption"),
        ("viewer", {}, "nothing (viewer_password)"),
        ("viewer", {"viewer_password": "secret"}, "a password"),
        (
            "viewer",
            {"viewer_token": "t", "viewer_tls_certificate": "/c"},
            "a password and encryption",
        ),
    ],
)
def test_what_stands_before_it(group, said, expected):
    first, *_ = rows([group], **said)

    assert first[-1] == expected
    assert "secret" not in str(first)


def test_hosts_that_are_alike_are_in_one_line():
    def host(name, *groups):
        opens = openings(VALUES, groups)
        return {"inventory_hostname": name, "preflight_host": {"opens": opens}}

    here = [host("kafka01", "kafka"), host("gpu01", "openpose"), host("gpu02", "openpose")]
    lines = plugin.preflight_openings([*here, {"inventory_hostname": "away"}]).splitlines()

    assert [line.split("   ")[0] for line in lines] == [
        "hosts",
        *["kafka01"] * 3,
        *["gpu01, gpu02"] * 2,
    ]
    assert lines[4].split() == [
        *("gpu01,", "gpu02", "openpose", "9095", "0.0.0.0"),
        *("everyone", "who", "reaches", "the", "host", "nothing;", "figures", "alone"),
    ]


def test_where_nothing_is_open():
    assert plugin.preflight_openings([{"inventory_hostname": "pi01"}]) == ""
