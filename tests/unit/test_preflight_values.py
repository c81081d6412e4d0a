"""What preflight says of single values: what labs write is taken, and every number has its ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from preflight_checks import misplaced, specs, types, variables
from preflight_checks.inventory import Roles

ROLES = Roles(Path(__file__).parents[2] / "roles")
# Roles that others use: they say what their variables are.
OF_OTHERS = tuple(f"{role}_" for role in specs.HELPERS)


def wrong(name: str, value: object) -> list[str]:
    return specs.wrong(name, ROLES.specs[name], value)


def test_defaults_are_right():
    plain = {
        name: option["default"]
        for name, option in ROLES.specs.items()
        if option.get("default") is not None and "{{" not in str(option["default"])
    }
    assert len(plain) > 100
    assert [text for name, value in plain.items() for text in wrong(name, value)] == []


def test_every_number_has_its_ends():
    endless = [
        name
        for name, option in ROLES.specs.items()
        if option["type"] in ("int", "float")
        and name not in variables.CHECKS
        and "choices" not in option
        and not name.startswith(OF_OTHERS)
    ]
    assert endless == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("broker_address", "fe80::1"),
        ("broker_hostname", "kafka_01.lab"),
        ("camera_name", "カメラ 1"),
        ("docker_compose_version", "2.40.3"),
        ("docker_http_proxy", "http://lab:p%40ss@proxy.example.org:3128/"),
        ("docker_insecure_registries", ["lab", "lab:5000", "10.0.0.0/8", "[fe80::1]:5000"]),
        ("docker_no_proxy", "localhost, .example.org,10.0.0.0/8,*.lab,::1,registry:5000"),
        ("docker_registry_mirrors", ["https://mirror.example.org:5000/hub/"]),
        ("docker_repository_url", ""),
        ("docker_version", "26.1.5+dfsg1"),
        ("kafka_broker_data", "/dev/shm/kafka"),
        ("kafka_confluent_version", "7.9.4-1-ubi8.amd64"),
        ("openpose_cuda_pip_index_url", "https://lab:secret@pypi.example.org/simple"),
        ("openpose_image_reference", "registry.example.org:5000/lab/pose@sha256:" + "0" * 64),
        ("openpose_models_mirrors", ["http://[fe80::1]:8000/models", "http://mirror"]),
        ("posestream_registry", "registry.example.org:5000/lab/images"),
    ],
)
def test_what_labs_write_is_good(name, value):
    assert wrong(name, value) == []


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("camera_name", "street\n", "has a line break in it"),
        ("camera_name", "street\t", "has a character that nobody sees"),
        ("docker_insecure_registries", [""], "has '', which is not HOST:PORT"),
        ("docker_insecure_registries", ["registry/path"], "which is more than HOST:PORT"),
        ("docker_registry_mirrors", ["https://lab:secret@mirror"], "has an address with a user"),
        ("docker_registry_mirrors", ["https://mirror/?a=b"], "has a query in it"),
        ("openpose_metrics_bind", "127.0.0.1:९०९५", "is not ADDRESS:PORT"),
        ("kafka_metrics_bind", "9395", "is not ADDRESS:PORT"),
        ("kafka_metrics_agent", "/nowhere/agent.jar", "is no file on this machine"),
        ("monitoring_alert_skipped_share", 1.5, "is not between 0 and 1"),
        ("monitoring_alertmanagers", ["http://alerts:9093/"], "has 'http://alerts:9093/', which"),
        ("monitoring_retention_size", "4 GB", "is not a size as Prometheus takes it, as 4GB is"),
        ("monitoring_retention_time", "a month", "is not a time as Prometheus takes it, as 30d"),
        ("monitoring_retention_time", "", "is not a time as Prometheus takes it, as 30d"),
        ("monitoring_scrape_seconds", 0, "is not between 1 and 120"),
        ("posestream_registry", "registry:5000/", "write registry:5000"),
        ("posestream_source_topic", "x" * 300, f"{'x' * (types.LONGEST - 1)}… is not a"),
        ("viewer_port", 65536, "65536 is not between 1 and 65535"),
    ],
)
def test_what_is_wrong_is_said(name, value, text):
    (said,) = wrong(name, value)
    assert text in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CAMERA_FPS", "write it into camera_environment"),
        ("OPENPOSE_FACE", "write it into openpose_environment"),
        ("SS_BROKERS", "write it into the environment of a service"),
        ("KAFKA_LOG_RETENTION_HOURS", "write it into kafka_environment"),
        ("KAFKA_BROKER_ID", "write kafka_broker_id"),
        ("KAFKA_LISTENERS", "write kafka_bind_address and broker_port"),
        ("KAFKA_ZOOKEEPER_CONNECT", "leave it out"),
        ("message.max.bytes", "write it into kafka_properties"),
        ("retention.ms", "write it into kafka_topics"),
        ("number_people_max", "is written openpose_number_people_max here"),
        ("KAFKA_OF_OUR_OWN", ""),
        ("face", ""),
        ("lab_name", ""),
        ("listeners", ""),
    ],
)
def test_where_a_name_belongs(name, text):
    said = misplaced.where(name, set())
    assert said.endswith(text) or text in said
    assert bool(said) == bool(text)


def test_a_name_that_a_variable_is_made_of_is_a_persons_own():
    assert misplaced.where("net_resolution", {"openpose_net_resolution"}) == ""
