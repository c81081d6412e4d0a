"""What Prometheus asks for figures follows from the inventory, and where it has to ask."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from preflight_checks import lab, services
from preflight_checks.services import Metrics, Port

from .plugins import load

ROOT = Path(__file__).parents[2]
CATALOGUE = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())


find = load("roles/monitoring/action_plugins/monitoring_targets.py")
kafka = load("roles/kafka/filter_plugins/kafka_with_metrics.py")

EVERYWHERE = {
    "posestream_services": CATALOGUE["posestream_services"],
    "openpose_metrics_bind": "0.0.0.0:9095",
    "camera_metrics_bind": "127.0.0.1:9195",
    "viewer_metrics_bind": "127.0.0.1:9295",
    "kafka_metrics_bind": "127.0.0.1:9395",
    "kafka_has_zookeeper": True,
    "node_exporter_metrics_bind": "0.0.0.0:9100",
    "monitoring_bind_address": "127.0.0.1",
    "monitoring_port": 9090,
    "cameras": [{"name": "door"}, {}],
    "camera_name": "street",
}
GROUPS = {
    "kafka": ["kafka01"],
    "openpose": ["gpu01", "kafka01"],
    "camera": ["kafka01"],
    "viewer": ["kafka01"],
    "node_exporter": ["kafka01", "gpu01"],
    "monitoring": ["kafka01"],
}
OWN = {
    "kafka01": {"posestream_address": "192.0.2.10", "workers_devices": ["cpu"]},
    "gpu01": {
        "posestream_address": "192.0.2.21",
        "workers_devices": [0, 1],
        "workers_engine": "onnx",
    },
}


def inventory(groups=GROUPS, **more):
    """Return an inventory of two hosts, as far as targets ask it."""
    said = {host: EVERYWHERE | own | more for host, own in OWN.items()}
    return SimpleNamespace(
        groups=groups,
        value=lambda host, name: said[host].get(name),
        of=lambda host: SimpleNamespace(values=lambda: dict(said[host])),
    )


def shown(targets):
    return {
        (target["labels"].pop("job"), target["targets"][0]): target["labels"] for target in targets
    }


def test_every_process_of_the_lab_is_a_target():
    assert shown(find.of_lab(inventory(), "kafka01")) == {
        ("broker", "127.0.0.1:9395"): {"host": "kafka01"},
        ("zookeeper", "127.0.0.1:9396"): {"host": "kafka01"},
        ("worker", "192.0.2.21:9095"): {"host": "gpu01", "worker": "gpu01"},
        ("worker", "192.0.2.21:9096"): {"host": "gpu01", "worker": "gpu01-1"},
        ("worker", "127.0.0.1:9095"): {"host": "kafka01", "worker": "kafka01"},
        ("camera", "127.0.0.1:9195"): {"host": "kafka01", "camera": "door"},
        ("camera", "127.0.0.1:9196"): {"host": "kafka01", "camera": "street"},
        ("viewer", "127.0.0.1:9295"): {"host": "kafka01"},
        ("host", "127.0.0.1:9100"): {"host": "kafka01"},
        ("host", "192.0.2.21:9100"): {"host": "gpu01"},
        ("prometheus", "127.0.0.1:9090"): {"host": "kafka01"},
    }


def test_a_broker_without_figures_is_none():
    found = shown(find.of_lab(inventory(kafka_metrics_bind=""), "kafka01"))
    assert not {"broker", "zookeeper"} & {job for job, _ in found}


@pytest.mark.parametrize(
    ("has", "jobs"),
    [
        ({"kafka_has_controller": True}, [("broker", 9395), ("controller", 9396)]),
        ({"kafka_is_outside_quorum": True}, [("broker", 9395)]),
    ],
)
def test_a_broker_is_shown_with_its_part_in_the_quorum(has, jobs):
    found = services.metrics(EVERYWHERE | {"kafka_has_zookeeper": False} | has, "kafka")
    assert [(each.job, each.port.number) for each in found] == jobs


def test_gpus_are_asked_where_workers_have_them():
    assert shown(find.of_gpus(inventory(), 9400)) == {("gpu", "192.0.2.21:9400"): {"host": "gpu01"}}


@pytest.mark.parametrize(
    ("address", "is_here", "asked"),
    [
        ("127.0.0.1", True, "127.0.0.1:1"),
        ("0.0.0.0", True, "127.0.0.1:1"),
        ("192.0.2.5", True, "192.0.2.5:1"),
        ("::1", True, "[::1]:1"),
        ("0.0.0.0", False, "host:1"),
        ("192.0.2.5", False, "host:1"),
    ],
)
def test_it_is_asked_where_it_can_be_reached(address, is_here, asked):
    assert find.where(Port("bind", address, 1), "host", is_here) == asked


def test_ports_of_figures_count_as_the_services_own():
    ports = services.ports(EVERYWHERE | OWN["gpu01"], ["kafka", "openpose", "camera"])
    assert [port.number for port in ports] == [9395, 9396, 9095, 9096, 9195, 9196]


def test_a_service_without_a_list_has_jobs():
    found = list(services.metrics(EVERYWHERE, "kafka"))
    assert found == [
        Metrics("broker", Port("kafka_metrics_bind", "127.0.0.1", 9395), None),
        Metrics("zookeeper", Port("kafka_metrics_bind", "127.0.0.1", 9396), None),
    ]


def problems(host, **more):
    asked = inventory(**more)
    return list(lab._metrics(lab.Lab(host, asked.groups, asked.value)))


def test_figures_that_prometheus_cannot_reach_are_refused():
    assert problems("kafka01") == []
    assert problems("gpu01") == []
    (problem,) = problems("gpu01", openpose_metrics_bind="127.0.0.1:9095")
    assert problem == (
        "openpose_metrics_bind: 127.0.0.1:9095 is reached from this host alone, and Prometheus is "
        "on kafka01; write an address that it reaches, for example 0.0.0.0:9095"
    )
    nowhere = GROUPS | {"monitoring": []}
    assert problems("gpu01", groups=nowhere, openpose_metrics_bind="127.0.0.1:9095") == []


def test_prometheus_is_on_one_host():
    groups = GROUPS | {"monitoring": ["kafka01", "gpu01"]}
    said = list(lab.group_problems(lab.Lab("kafka01", groups, inventory().value)))
    assert said == ["group monitoring: is for one host, and has kafka01, gpu01; leave one of them"]


def test_kafka_shows_figures_by_an_agent():
    bare = {
        "zookeeper": {"environment": {"A": 1}, "volumes": ["data:/d"]},
        "broker": {"environment": {"B": 2}, "volumes": ["data:/d"], "ports": ["9092:9092"]},
    }
    found = kafka.kafka_with_metrics(bare, "[::1]:9395", False)
    assert list(found) == ["zookeeper", "broker"]
    assert found["broker"]["ports"] == ["9092:9092", "[::1]:9395:9404"]
    assert found["zookeeper"]["ports"] == ["[::1]:9396:9404"]
    assert found["zookeeper"]["environment"]["A"] == 1
    assert found["broker"]["volumes"] == ["data:/d", "./metrics.yml:/etc/kafka-metrics.yml:ro"]
    assert bare["broker"]["ports"] == ["9092:9092"]
    brought = kafka.kafka_with_metrics(bare, "[::1]:9395", True)["broker"]["volumes"]
    assert brought[-1].startswith("./jmx_prometheus_javaagent.jar:")
