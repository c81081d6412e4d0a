"""The folder kafka/ by hand: the manual's two lines in .env, a killed broker, a full volume."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from posestream.settings import Streams
from posestream.streams import BrokerAway, Reader, Writer

from . import lab

PROJECT, PORT, JMX_PORT = "test-kafka-by-hand", 19292, 19293
# The deployment's, and what stands for them here.
PORTS = {"19192": str(PORT), "19395": "19294", "19396": "19296"}
TOPIC = "by.hand"
SIZE = 400  # MiB on the broker's volume
FLOW_SECONDS = 30.0


class Folder:
    """A copy of the deployment's folder, with a port, a project and volumes of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "broker-data"
        self.data.mkdir()
        text = (lab.DIRECTORY / "kafka/docker-compose.yml").read_text()
        for theirs, ours in PORTS.items():
            text = text.replace(theirs, ours)
        text = text.replace("broker-data:/var", f"{self.data}:/var")
        (path / "docker-compose.yml").write_text(text)
        (path / "metrics.yml").write_text((lab.DIRECTORY / "kafka/metrics.yml").read_text())
        (path / ".env").write_text(
            f"COMPOSE_PROJECT_NAME={PROJECT}\n"
            "BROKER_HOSTNAME=localhost\nKAFKA_MESSAGE_MAX_BYTES=20971520\n"
            f"KAFKA_JMX_PORT={JMX_PORT}\n"
        )

    def compose(self, *arguments: str) -> str:
        result = lab.run("docker", "compose", *arguments, cwd=self.path)
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    @property
    def broker(self) -> str:
        return self.compose("ps", "--all", "--quiet", "broker").strip()

    def restarts(self) -> int:
        return lab.inspect(self.broker)["RestartCount"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Iterator[Folder]:
    """Bring the folder up; its broker has a small volume."""
    folder = Folder(tmp_path_factory.mktemp("kafka"))
    options = f"size={SIZE}m,uid=1000,gid=1000,mode=0750"
    mount = lab.run("mount", "-t", "tmpfs", "-o", options, PROJECT, str(folder.data))
    assert mount.returncode == 0, mount.stderr
    try:
        folder.compose("up", "--detach", "--wait")
        yield folder
    finally:
        folder.compose("down", "--volumes", "--timeout", "5")
        lab.run("umount", str(folder.data))
        shutil.rmtree(folder.path)


@pytest.fixture
def streams() -> Streams:
    service = {"type": "kafka", "brokers": f"localhost:{PORT}", "topic": TOPIC}
    spec = {"group_id": "by-hand", "auto_offset_reset": "earliest"}
    return Streams({"it": service | {"type_spec": spec}})


def store(streams: Streams, payload: bytes, seconds: float) -> None:
    """Have a message stored, however often that has to be tried."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with contextlib.closing(Writer(streams, "it")) as writer:
                writer.store(payload, key=b"k", timestamp=time.time())
                return
        except BrokerAway:
            assert time.monotonic() < deadline, f"not stored within {seconds} s"
            time.sleep(0.2)


def store_much(streams: Streams) -> None:
    """Store more than the volume has room for."""
    for _ in range(50):
        store(streams, bytes(1_000_000), 15)


def read_until(streams: Streams, payload: bytes, seconds: float) -> None:
    """Read as a consumer group until a message comes."""
    deadline = time.monotonic() + seconds
    with contextlib.closing(Reader(streams, "it")) as reader:
        found: list[bytes | None] = []
        while payload not in found:
            assert time.monotonic() < deadline, f"not read within {seconds} s"
            with contextlib.suppress(BrokerAway):
                found += [message.payload for message in reader.poll(0.5)]


def test_a_consumer_group_works_with_two_lines_in_env(folder, streams):
    folder.compose(
        *("exec", "-T", "broker", "kafka-topics", "--bootstrap-server", "broker:29092"),
        *("--create", "--topic", TOPIC),
    )
    store(streams, b"first", 30)
    read_until(streams, b"first", 30)


def test_the_jmx_port_is_open_to_the_containers_and_to_nobody_else(folder):
    asked = f"exec 3<>/dev/tcp/$(hostname -i)/{JMX_PORT}"
    folder.compose("exec", "-T", "broker", "bash", "-c", asked)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", JMX_PORT), timeout=2)


def test_a_killed_broker_waits_quietly_for_its_own_session(folder, streams):
    since = time.time()
    lab.kill(folder.broker)
    restarts = folder.restarts()
    store(streams, b"second", 60)
    read_until(streams, b"second", 30)
    said = folder.compose("logs", "--no-log-prefix", "--since", f"{since:.0f}", "broker")
    assert folder.restarts() == restarts
    assert said.count("The start waits") == 1
    assert "its session runs out" in said


def test_a_full_volume_is_said_and_made_up_for(folder, streams):
    fill = folder.data / "fill"
    room = shutil.disk_usage(folder.data).free
    with fill.open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(room))
    since, restarts = time.time(), folder.restarts()
    with pytest.raises(AssertionError, match="not stored"):
        store_much(streams)

    def words() -> str:
        return folder.compose("logs", "--no-log-prefix", "--since", f"{since:.0f}", "broker")

    lab.wait_until(lambda: "is full" in words(), words, 60)
    time.sleep(10)
    assert folder.restarts() <= restarts + 1
    assert words().count("The start waits") == 1
    fill.unlink()
    begun = time.monotonic()
    store(streams, b"third", 60)
    read_until(streams, b"third", 60)
    seconds = time.monotonic() - begun
    print(f"flows {seconds:.1f} s after there is room again")
    assert seconds <= FLOW_SECONDS
