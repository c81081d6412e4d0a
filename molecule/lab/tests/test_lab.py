"""The lab of inventories/lab, deployed: each host has its part, and the name is found."""

import json

import pytest

NAME = "kafka.example.org"
FOLDERS = {"kafka01": ["kafka", "camera", "viewer"]}
METRICS = (
    "python3 -c 'from urllib.request import urlopen; "
    'print(urlopen("http://127.0.0.1:{}/metrics").read().decode())\''
)
REACHES = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 5)'"


@pytest.fixture
def folders(host):
    return FOLDERS.get(host.check_output("hostname"), ["openpose"])


def test_each_service_is_a_folder_in_which_compose_works_by_hand(host, folders):
    assert sorted(host.file("/opt/posestream").listdir()) == sorted(folders)
    for folder in folders:
        shown = host.check_output(
            "cd /opt/posestream/%s && docker compose ps --format '{{.Service}} {{.Status}}'", folder
        )
        states = shown.splitlines()
        assert states
        assert all("(healthy)" in state for state in states), shown


def test_a_name_that_no_one_resolves_leads_containers_to_the_broker(host, folders):
    assert host.run("getent hosts %s", NAME).rc != 0
    address = host.check_output("getent ahostsv4 kafka01 | awk 'NR == 1 {print $1}'")
    for folder in folders:
        file = host.file(f"/opt/posestream/{folder}/docker-compose.yml").content_string
        assert (f"{NAME}:{address}" in file) == (folder != "kafka")


def test_the_broker_is_reached_and_zookeeper_is_not_and_the_viewer_on_its_own_host_alone(
    host, folders
):
    assert host.run(REACHES.format("kafka01", 9092)).rc == 0
    assert (host.run(REACHES.format("localhost", 8080)).rc == 0) == ("viewer" in folders)
    for port in (2181, 29092, 8080):
        assert "ConnectionRefusedError" in host.run(REACHES.format("kafka01", port)).stderr


def test_each_worker_has_a_partition(host, folders):
    if "kafka" in folders:
        described = host.check_output(
            "cd /opt/posestream/kafka && docker compose exec -T broker kafka-topics "
            "--bootstrap-server broker:29092 --describe --topic sinetstream.image.camera"
        )
        assert "PartitionCount: 2" in described


def test_each_camera_is_a_service_of_its_own(host, folders):
    if "camera" in folders:
        ps = "cd /opt/posestream/camera && docker compose ps --services"
        assert host.check_output(ps).split() == ["camera", "the-yard"]
        for port, name in ((9195, "street"), (9196, "the yard")):
            metrics = host.check_output(METRICS.format(port))
            assert f'posestream_ready{{camera="{name}"}} 1.0' in metrics


def test_logs_are_bounded(host):
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["log-opts"] == {"max-size": "10m", "max-file": "3"}
