"""The environment that the Kafka image takes becomes properties as in Confluent's images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from preflight_checks.properties import BROKER
from preflight_checks.sources import kafka_variables

ROOT = Path(__file__).parents[2]
BIN = ROOT / "files/kafka/bin"


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / program, *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def properties(service: str, **environment: str) -> dict[str, str]:
    result = run("properties", service, **environment)
    assert result.returncode == 0, result.stderr
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("KAFKA_MESSAGE_MAX_BYTES", "message.max.bytes"),
        ("KAFKA_SSL_KEY__PASSWORD", "ssl.key_password"),
        ("KAFKA_LISTENER_NAME_CLIENT___A_SASL_MECHANISM", "listener.name.client-a.sasl.mechanism"),
        ("KAFKA_A__B___C_D", "a_b-c.d"),
    ],
)
def test_underscores_stand_for_dots_underscores_and_hyphens(variable, name):
    assert properties("kafka", **{variable: "x"}) == {name: "x"}


def test_every_property_arrives_by_the_name_that_the_deployment_gives_its_variable():
    names = {name: "x" for name in BROKER if name == name.lower()}
    environment = kafka_variables.kafka_variables(names)
    assert properties("kafka", **environment) == names


@pytest.mark.parametrize(
    "variable",
    [
        "KAFKA_HEAP_OPTS",
        "KAFKA_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_JVM_PERFORMANCE_OPTS",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    ],
)
def test_settings_of_the_image_are_no_properties_of_the_broker(variable):
    assert properties("kafka", **{variable: "x", "KAFKA_BROKER_ID": "1"}) == {"broker.id": "1"}


def test_a_property_survives_the_trip_from_the_inventory_to_the_broker():
    written = {
        "message.max.bytes": 1,
        "listener.name.internal.scram-sha-256.sasl.jaas.config": "2",
        "some_plugin.max-poll_records": "3",
        "log.cleaner.enable": True,
        "log.cleaner.io.buffer.load.factor": 0.8,
        "log.cleanup.policy": ["compact", "delete"],
    }
    template = "roles/compose_project/templates/env.j2"
    variables = {
        "broker_message_max_bytes": 0,
        "kafka_cluster_properties": {},
        "compose_project_environment": "{{ kafka_all_properties | kafka_variables }}",
        "compose_project_files": {},
        "compose_project_name": "kafka",
        "kafka_properties": written,
        "kafka_properties_unchecked": {"a.plugin": "4"},
        "env_file": f"{{{{ lookup('ansible.builtin.template', '{template}') }}}}",
    }
    filters = (f"roles/{role}/filter_plugins" for role in ("kafka", "compose_project"))
    said = subprocess.run(
        [
            *("ansible", "localhost", "-i", "localhost,", "-m", "ansible.builtin.debug"),
            *(
                "-a",
                "var=env_file",
                "-e",
                "@roles/kafka/vars/main/main.yml",
                "-e",
                json.dumps(variables),
            ),
        ],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_FILTER_PLUGINS": ":".join(filters)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    rendered = yaml.safe_load(said.partition("=>")[2])["env_file"]
    environment = dict(line.split("=", 1) for line in rendered.splitlines() if "=" in line)
    arrived = properties("kafka", **environment)
    assert {name: arrived.get(name) for name in ("a.plugin", *written)} == {
        "a.plugin": "4",
        **{name: str(value) for name, value in written.items()},
        "log.cleaner.enable": "true",
        "log.cleanup.policy": "compact,delete",
    }


def test_a_value_may_hold_anything():
    value = "PLAINTEXT://broker:9092,EXTERNAL://a=b c"
    assert properties("kafka", KAFKA_LISTENERS=value) == {"listeners": value}


def test_the_kafka_service_takes_nothing_of_zookeepers_and_the_other_way_round():
    both = {"KAFKA_BROKER_ID": "1", "ZOOKEEPER_TICK_TIME": "2000", "HOME": "/"}
    assert properties("kafka", **both) == {"broker.id": "1"}
    assert properties("zookeeper", **both) == {"tickTime": "2000"}


def test_zookeepers_names_have_its_own_spelling():
    assert properties(
        "zookeeper",
        ZOOKEEPER_CLIENT_PORT="2181",
        ZOOKEEPER_MAX_CLIENT_CNXNS="0",
        ZOOKEEPER_AUTOPURGE_SNAP_RETAIN_COUNT="3",
        ZOOKEEPER_ADMIN_ENABLE_SERVER="false",
    ) == {
        "clientPort": "2181",
        "maxClientCnxns": "0",
        "autopurge.snapRetainCount": "3",
        "admin.enableServer": "false",
    }


def test_a_variable_that_zookeeper_does_not_know_is_named():
    result = run("properties", "zookeeper", ZOOKEEPER_CLIENT_PROT="2181")
    assert (result.returncode, result.stdout) == (0, "")
    assert "ZOOKEEPER_CLIENT_PROT" in result.stderr


ROLES = "KAFKA_PROCESS_ROLES"
NODE = {
    ROLES: "controller",
    "CLUSTER_ID": "0123456789012345678901",
    "KAFKA_NODE_ID": "3001",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "3001@controller:9093",
}


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "KAFKA_ZOOKEEPER_CONNECT"),
        ({"KAFKA_ZOOKEEPER_CONNECT": "zookeeper:2181"}, "KAFKA_ADVERTISED_LISTENERS"),
        (
            {"KAFKA_ZOOKEEPER_CONNECT": "zookeeper:2181", "ZOOKEEPER_CLIENT_PORT": "2181"},
            "ZOOKEEPER_CLIENT_PORT",
        ),
        ({"KAFKA_ZOOKEEPER_CONNECT": "zookeeper:2181", **NODE}, "KAFKA_PROCESS_ROLES"),
        ({"ZOOKEEPER_CLIENT_PORT": "2181", "ZOOKEEPER_SERVERS": "a:1:2"}, "ZOOKEEPER_SERVER_ID"),
        *(({**NODE, left_out: ""}, left_out) for left_out in NODE if left_out != ROLES),
        ({**NODE, ROLES: "broker"}, "KAFKA_ADVERTISED_LISTENERS"),
    ],
)
def test_a_start_that_cannot_succeed_ends_at_once_and_names_the_variable(environment, named):
    result = run("entrypoint", **environment)
    assert result.returncode == 2
    assert named in result.stderr


def start(tmp_path, **environment: str) -> tuple[list[str], dict[str, str]]:
    """Start with stand-ins for Java and the tools; return what was run, and the files by name."""
    here, programs = tmp_path / "share", tmp_path / "programs"
    programs.mkdir()
    for folder in ("etc", "data", "log"):
        (tmp_path / folder).mkdir(exist_ok=True)
    text = (BIN / "entrypoint").read_text()
    for place, other in {
        "/usr/local/share/kafka": here,
        "/etc/kafka": tmp_path / "etc",
        "/var/lib/kafka/data": tmp_path / "data",
        "/var/lib/zookeeper/data": tmp_path / "data",
        "/var/lib/zookeeper/log": tmp_path / "log",
    }.items():
        text = text.replace(place, str(other))
    shutil.copytree(BIN, here)
    (here / "entrypoint").write_text(text)
    for name in ("java", "kafka-storage"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/run\n')
        program.chmod(0o755)
    subprocess.run(
        [here / "entrypoint"],
        env={"PATH": f"{programs}:/usr/bin:/bin", **environment},
        timeout=20,
        check=True,
    )
    files = [path for path in tmp_path.glob("[de]*/*") if path.is_file()]
    return (tmp_path / "run").read_text().splitlines(), {p.name: p.read_text() for p in files}


def test_a_member_of_an_ensemble_knows_its_number_and_the_others(tmp_path):
    servers = "a.test:2888:3888;b.test:2888:3888"
    more = {"ZOOKEEPER_CLIENT_PORT": "2181", "ZOOKEEPER_QUORUM_LISTEN_ON_ALL_IPS": "true"}
    _, files = start(tmp_path, ZOOKEEPER_SERVERS=servers, ZOOKEEPER_SERVER_ID="2", **more)

    assert files["myid"] == "2\n"
    lines = files["zookeeper.properties"].splitlines()
    assert {"server.1=a.test:2888:3888", "server.2=b.test:2888:3888"} < {*lines}
    assert "quorumListenOnAllIPs=true" in lines


def test_a_node_without_zookeeper_formats_its_storage_once(tmp_path):
    run, files = start(tmp_path, **NODE)

    assert [line.split()[0] for line in run] == ["kafka-storage", "java"]
    assert "format --ignore-formatted --cluster-id=0123456789012345678901 --config " in run[0]
    assert "process.roles=controller" in files["kafka.properties"].splitlines()
    assert "cluster" not in files["kafka.properties"]

    again = tmp_path / "again"
    (again / "data").mkdir(parents=True)
    (again / "data/meta.properties").write_text("node.id=3001\n")
    run, _ = start(again, **NODE)
    assert [line.split()[0] for line in run] == ["java"]


# -- what a start waits for -------------------------------------------------------------------

KNOWN = "echo 'ephemeralOwner = 0x1000012'"
UNKNOWN = "echo 'Node does not exist: /brokers/ids/7' >&2; exit 1"


def obstacle(tmp_path, *files: str, zookeeper: str = KNOWN, room: str = "5000") -> str:
    """Ask with stand-ins for ZooKeeper's shell and for df; return what is said."""
    data, programs = tmp_path / "data", tmp_path / "bin"
    for folder in (data, programs):
        folder.mkdir()
    for name in files:
        (data / name).write_text("version=0\nbroker.id=7\n")
    for name, does in (("zookeeper-shell", zookeeper), ("df", f"echo Avail; echo {room}")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "KAFKA_ZOOKEEPER_CONNECT": "zookeeper:2181"}
    result = run("obstacle", "kafka", str(data), **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_broker_that_was_killed_waits_while_zookeeper_knows_it(tmp_path):
    said = obstacle(tmp_path, "meta.properties")
    assert "ZooKeeper has a broker 7 already" in said


@pytest.mark.parametrize(
    ("files", "zookeeper"),
    [
        ([], KNOWN),  # a first start
        (["meta.properties", ".kafka_cleanshutdown"], KNOWN),  # it took leave
        (["meta.properties"], UNKNOWN),
        (["meta.properties"], "exit 1"),  # Kafka itself says that there is no ZooKeeper
    ],
)
def test_nothing_else_is_waited_for(tmp_path, files, zookeeper):
    assert obstacle(tmp_path, *files, zookeeper=zookeeper) == ""


def test_a_full_volume_is_waited_for(tmp_path):
    said = obstacle(tmp_path, room="63")
    assert "is full, less than 64 MiB are free" in said
