"""What a person reads at the end of a deployment."""

from __future__ import annotations

from .plugins import load

plugin = load("roles/summary/filter_plugins/summary.py")
summary_text = plugin.summary_text


def project(name, *services, ports=()):
    return {
        "name": name,
        "services": list(services),
        "dir": f"/opt/posestream/{name}",
        "ports": list(ports),
    }


BROKER = {"address": "kafka.example.org:9092", "names": {}}
COMMANDS = {"status": "make status", "stop": "make down"}
KAFKA = project("kafka", "zookeeper", "broker", ports=["0.0.0.0:9092:9092"])
WORKER = project("openpose", "openpose", "openpose-1", ports=["127.0.0.1:9095:9095", "[::1]:1:2"])
VIEWER = project("viewer", "viewer", ports=["0.0.0.0:8080:8080"])


def host(name, *projects, **pages):
    return {"name": name, "projects": list(projects), "pages": pages}


def test_one_host():
    hosts = [host("localhost", KAFKA, VIEWER, viewer="http://localhost:8080/")]

    assert summary_text(hosts, BROKER, COMMANDS).splitlines() == [
        "WHAT RUNS",
        "  host        services                   folder                   published",
        "  localhost   kafka: zookeeper, broker   /opt/posestream/kafka    0.0.0.0:9092",
        "  localhost   viewer                     /opt/posestream/viewer   0.0.0.0:8080",
        "",
        "WHERE TO LOOK",
        "  viewer               http://localhost:8080/",
        "  Kafka, for clients   kafka.example.org:9092",
        "",
        "WHAT NEXT",
        "  is all well?              make status",
        "  a camera of your own      docs/operating.md#add-a-camera",
        "  results in your program   docs/results.md",
        "  something is wrong        docs/troubleshooting.md",
        "  stop it                   make down",
    ]


def test_of_several_hosts_each_address_has_its_host():
    metrics = "http://127.0.0.1:9095/metrics"
    hosts = [
        host("kafka01", KAFKA),
        host("gpu01", WORKER, metrics=metrics),
        host("gpu02", WORKER, metrics=metrics),
    ]
    said = summary_text(hosts, BROKER, COMMANDS)

    assert f"metrics              {metrics} (gpu01)" in said
    assert f"metrics              {metrics} (gpu02)" in said
    assert "gpu02     openpose: openpose, openpose-1   /opt/posestream/openpose" in said
    assert "127.0.0.1:9095, [::1]:1\n" in said


def test_a_name_that_nobody_resolves_is_given_as_a_line():
    names = {"kafka.example.org": "192.0.2.10"}
    said = summary_text([host("kafka01", KAFKA)], BROKER | {"names": names}, COMMANDS)

    assert "192.0.2.10 kafka.example.org, a line for other machines' /etc/hosts" in said


def test_units_of_systemd_publish_nothing():
    cameras = {"name": "camera", "services": ["door"], "dir": "/opt/posestream/camera"}
    said = summary_text([host("pi01", cameras)], BROKER, COMMANDS)

    assert "  pi01   camera: door   /opt/posestream/camera\n" in said


def test_where_nothing_runs_that_is_to_be_seen():
    said = summary_text([host("kafka01")], BROKER, COMMANDS)

    assert "WHAT RUNS\n  host   services   folder   published\n\n" in said
