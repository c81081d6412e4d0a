"""Every container of the deployment can do little, as SECURITY.md says."""

from __future__ import annotations

import secrets

import pytest
import testinfra
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests import docker_bench

from . import lab

PROJECTS = ("kafka", "openpose", "camera", "viewer", "node-exporter", "monitoring")
# Names in posestream_limits of what Compose calls otherwise.
NAMES = {"prometheus": "monitoring"}


@pytest.fixture(scope="module")
def containers() -> list[tuple[str, docker_bench.Container]]:
    """Return the containers, each with the name that it has in SECURITY.md."""
    host = testinfra.get_host("local://")

    def run(*arguments: str) -> str:
        return host.check_output("docker" + " %s" * len(arguments), *arguments)

    found = docker_bench.of_deployment(run, [f"test-{project}" for project in PROJECTS])
    return [(name_of(container), container) for container in found]


def name_of(container: docker_bench.Container) -> str:
    """Return what a container is called in posestream_limits: cameras have names of their own."""
    project = container.said["Config"]["Labels"]["com.docker.compose.project"]
    if project == "test-camera":
        return "camera"
    return NAMES.get(container.service, container.service)


def test_each_does_what_docker_bench_asks_but_for_what_the_page_says(containers):
    assert {name for name, _ in containers} >= {"broker", "zookeeper", "openpose", "viewer"}
    page = docker_bench.deviations(docker_bench.PAGE.read_text())
    unsaid, untrue = docker_bench.surprises(containers, page)

    assert not unsaid, {number: docker_bench.CHECKS[number][0] for number, _ in unsaid}
    assert not untrue


def test_limits_are_at_work(containers):
    """What `docker inspect` says is what the kernel does: Java's memory is counted against it."""
    for name, container in containers:
        inside = lab.run("docker", "exec", container.said["Name"].strip("/"), "cat", *CGROUP)
        figures = inside.stdout.split()
        assert str(container.host["Memory"]) in figures, (name, inside)
        assert str(container.host["PidsLimit"]) in figures, (name, inside)


# Of control groups of both versions; `cat` goes on where one is not there.
CGROUP = (
    *("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max"),
    *("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/pids.max"),
)


def test_nothing_writes_where_it_would_be_lost(containers):
    """The root cannot be written: what is there lies in volumes, or in memory and small."""
    for _, container in containers:
        assert lab.run("docker", "exec", container.said["Id"], "touch", "/here").returncode != 0
        for options in container.host["Tmpfs"].values():
            assert "size=" in options


@pytest.mark.parametrize("compression", ["snappy", "lz4", "zstd"])
def test_the_broker_runs_libraries_that_java_unpacks(compression):
    """The broker compresses anew for a topic with a compression of its own, by code in /tmp."""
    name = f"test-{secrets.token_hex(4)}"
    admin = AdminClient({"bootstrap.servers": lab.BROKERS})
    new = NewTopic(name, 1, 1, config={"compression.type": compression})
    admin.create_topics([new])[name].result(30)
    errors = []
    producer = Producer(
        {
            "bootstrap.servers": lab.BROKERS,
            "compression.type": "gzip",
            "message.timeout.ms": 10000,
        }
    )
    try:
        producer.produce(name, b"x" * 5000, on_delivery=lambda error, _: errors.append(error))
        assert producer.flush(15) == 0
    finally:
        admin.delete_topics([name])[name].result(30)

    assert errors == [None]


def test_a_worker_keeps_what_outlives_its_container():
    """The frames with which it has died are noted in a volume: it can write there, and nowhere."""
    lab.compose("openpose", "exec", "-T", "openpose", "python3", "-c", KEEP)


def test_the_image_has_the_jars_that_make_audit_asks_about():
    """scripts/jars.sh writes the list; the agent that shows figures lies elsewhere in the image."""
    image = ("posestream-kafka:3.9", "/usr/share/java/kafka")
    there = lab.run("docker", "run", "--rm", "--entrypoint", "ls", *image).stdout.split()
    listed = [line.split(":") for line in (lab.ROOT / "files/kafka/jars.txt").read_text().split()]
    names = {f"{artifact}-{version}.jar" for _, artifact, version in listed}

    assert {name for name in names if not name.startswith("jmx_")} == set(there)


KEEP = """
from posestream.guardian import Record, record_file
path = record_file()
assert str(path.parent) == "/var/cache/posestream", path
Record(path.with_suffix(".test")).count([("topic", 0, 1)])
path.with_suffix(".test").unlink()
"""
