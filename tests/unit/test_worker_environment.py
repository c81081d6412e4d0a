"""From the inventory to the worker: what is written there is what SINETStream and OpenPose get."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from posestream import flags as table
from posestream import parameters, settings

ROOT = Path(__file__).parents[2]
ABSENT = Path("/there/is/no/such/file")
SECRET = 'it\'s $ecret: {no} # "yaml" \\n'
# Of all kinds of values, and of keys that no variable's name can say.
WRITTEN = {
    "common": {"consistency": "AT_LEAST_ONCE", "tls": {"check_hostname": False}},
    "source": {
        "data_compression": True,
        "type_spec": {
            "fetch_max_wait_ms": 100,
            "sasl_plain_password": SECRET,
            "sasl_plain_username": "0123",
            "ssl_ciphers": "a b # c $HOME ${HOME} 'd' \"e\"\nf\\",
        },
        "compression": {"some.odd-Name": [1, "1", 1.5, None, True, "yes", "2026-11-23"]},
    },
    "destination": {"type_spec": {"linger_ms": 5, "compression_type": "gzip"}},
    "keypoints": {"type_spec": {"compression_type": "null"}},
}


ROLES = ("camera", "openpose", "viewer")
FILTERS = ":".join(
    f"roles/{role}/filter_plugins" for role in ("broker", "compose_project", *ROLES[:2])
)


FILES = [
    *(
        f"playbooks/group_vars/all/{name}.yml"
        for name in ("broker", "brokers", "clients", "services", "shared")
    ),
    *(f"roles/{role}/{kind}/main.yml" for role in ROLES for kind in ("defaults", "vars")),
    "roles/workers/vars/main.yml",
]
# What role workers sets as facts.
FACTS = {f"workers_{of}": f"{{{{ workers_chosen_{of} }}}}" for of in ("engine", "devices")}


def evaluated(names: list[str], *more: str) -> dict:
    """Return what variables of the roles are, over the project's defaults and what `more` says."""
    files = (word for file in FILES for word in ("-e", f"@{file}"))
    facts = ("-e", json.dumps({"broker_hostname": "kafka.example.org"} | FACTS))
    said = shown(names, "localhost,", *facts, *files, *more)
    return said["localhost"]


def evaluated_on(folder: Path, hosts: dict[str, dict], names: list[str]) -> dict[str, dict]:
    """Return what variables are on hosts, by name, of which so much is said: in one go."""
    variables = {"broker_hostname": "kafka.example.org"} | FACTS
    for file in FILES:
        variables |= yaml.safe_load((ROOT / file).read_text())
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))
    return shown(names, inventory)


def shown(names: list[str], inventory: Path | str, *more: str) -> dict[str, dict]:
    """Return variables of each host as Ansible has them."""
    said = subprocess.run(
        [
            *("ansible", "all", "-i", inventory, "-m", "ansible.builtin.debug"),
            *("-a", f"msg={{{{ {{ {', '.join(f'{name!r}: {name}' for name in names)} }} }}}}"),
            *more,
        ],
        cwd=ROOT,
        env=os.environ
        | {
            "ANSIBLE_FILTER_PLUGINS": FILTERS,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout
    (task,) = json.loads(said)["plays"][0]["tasks"]
    return {host: result["msg"] for host, result in task["hosts"].items()}


@pytest.fixture(scope="module")
def defaults() -> dict:
    """Return the environment that the roles give their containers where nothing else is said."""
    names = [f"{role}_sinetstream_environment" for role in ROLES]
    return evaluated([*names, "camera_entries", "openpose_flags", "viewer_flags"])


@pytest.fixture(scope="module")
def vaulted(tmp_path_factory) -> Callable[[dict], tuple[str, ...]]:
    """Return what makes Ansible's arguments of variables, with each `SECRET` in them vaulted."""
    folder = tmp_path_factory.mktemp("inventory")
    (folder / "key").write_text("of the vault")
    vault = ("--vault-password-file", str(folder / "key"))
    encrypted = subprocess.run(
        ["ansible-vault", "encrypt_string", *vault],
        input=SECRET,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.strip() for line in encrypted.strip().splitlines()]

    def arguments(variables: dict) -> tuple[str, ...]:
        text = yaml.safe_dump(variables, width=1000)
        written = yaml.safe_dump(SECRET, width=1000).strip()
        assert written in text
        path = folder / "variables.yml"
        path.write_text(text.replace(written, f"\n{' ' * 20}".join(lines)))
        return ("-e", f"@{path}", *vault)

    return arguments


def test_what_is_written_is_what_sinetstream_gets(vaulted):
    name = "openpose_sinetstream_environment"
    environment = evaluated([name], *vaulted({"openpose_sinetstream": WRITTEN}))[name]
    read = {
        name: parameters.from_environment(environment, prefix)
        for name, prefix in {
            "common": "SS_",
            "source": "SSSRC_",
            "destination": "SSDST_",
            "keypoints": "SSKPT_",
        }.items()
    }
    limits = read["common"].pop("type_spec")
    own = {
        "common": {"brokers": "kafka.example.org:9092"},
        "source": {
            "topic": "sinetstream.image.camera",
            "group_id": "openpose-001",
            "type_spec": {"auto_offset_reset": "latest"},
        },
        "destination": {"topic": "sinetstream.image.openpose", "message_format": 3},
        "keypoints": {"topic": "sinetstream.keypoints.openpose", "message_format": 3},
    }

    assert limits.keys() == {
        "max_request_size",
        "max_partition_fetch_bytes",
        "receive_message_max_bytes",
    }
    assert read == parameters.merge(own, WRITTEN)


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_are_taken_by_the_program(defaults, role):
    command = {"openpose": "worker"}.get(role, role)
    loaded = settings.load(command, defaults[f"{role}_sinetstream_environment"], ABSENT)

    (limit,) = {
        params["type_spec"]["max_partition_fetch_bytes"]
        for params in loaded.streams.services.values()
    }
    assert limit == 20971520 + 1024 * 1024


SECRETS = {"ca": "-----BEGIN CERTIFICATE-----\n", "passwords": {"worker": "w", "viewer": "v"}}
CLOSED = {"broker_security": "sasl_tls", "posestream_data_encryption_password": "of messages"}


def test_a_closed_brokers_clients_are_told_where_their_files_are():
    secrets = {"passwords": SECRETS["passwords"] | {"camera-hall": "h", "camera-the-door": "d"}}
    cameras = [{"name": "hall"}, {"name": "the door", "source": "/srv/door.avi"}]
    told = CLOSED | {"broker_secrets": SECRETS | secrets, "cameras": cameras}
    names = [
        *(f"{role}_sinetstream_environment" for role in ROLES),
        *("openpose_files", "openpose_mounts", "viewer_broker_files", "viewer_services"),
        *("camera_entries", "camera_broker_files", "camera_services"),
    ]
    values = evaluated(names, "-e", json.dumps(told))

    shared = {"broker-ca.pem": SECRETS["ca"], "broker-data-key": "of messages"}
    assert values["openpose_files"] == shared | {"broker-password": "w"}
    assert values["viewer_broker_files"] == shared | {"broker-password": "v"}
    assert values["camera_broker_files"] == shared | {
        "broker-password-hall": "h",
        "broker-password-the-door": "d",
    }
    mounts = [f"./broker-{name}:/run/broker/{name}:ro" for name in ("ca.pem", "data-key")]
    own = "./broker-password:/run/broker/password:ro"
    state = "cache:/var/cache/posestream"
    assert sorted(values["openpose_mounts"]) == sorted([*mounts, own, state])
    assert sorted(values["viewer_services"]["viewer"]["volumes"]) == sorted([*mounts, own])
    assert sorted(values["camera_services"]["the-door"]["volumes"]) == sorted(
        [
            *mounts,
            "./broker-password-the-door:/run/broker/password:ro",
            "/srv/door.avi:/srv/door.avi:ro",
        ]
    )
    files = {
        "SS_TLS__CA_CERTS": "/run/broker/ca.pem",
        "SS_TYPE_SPEC__SASL_PLAIN_PASSWORD_FILE": "/run/broker/password",
        "SS_CRYPTO__PASSWORD__PATH": "/run/broker/data-key",
    }
    user = "SS_TYPE_SPEC__SASL_PLAIN_USERNAME"
    plain = {
        "SS_TYPE_SPEC__SECURITY_PROTOCOL": "SASL_SSL",
        "SS_TYPE_SPEC__SASL_MECHANISM": "SCRAM-SHA-512",
        "SS_DATA_ENCRYPTION": "true",
        "SS_CRYPTO__MODE": "GCM",
    }
    for role, name in (("openpose", "worker"), ("viewer", "viewer")):
        environment = values[f"{role}_sinetstream_environment"]
        assert (files | plain | {user: name}).items() <= environment.items()
    environment = values["camera_sinetstream_environment"]
    assert (files | plain).items() <= environment.items()
    assert user not in environment
    users = [camera["environment"][user] for camera in values["camera_entries"]]
    assert users == ["camera-hall", "camera-the-door"]
    assert not any(secret in str(values["camera_services"]) for secret in ("of messages", "BEGIN"))


@pytest.mark.parametrize(
    ("security", "protocol", "files"),
    [("none", None, set()), ("tls", "SSL", {"broker-ca.pem"})],
)
def test_a_broker_without_users_needs_no_password(security, protocol, files):
    told = {"broker_security": security, "broker_secrets": SECRETS if security == "tls" else {}}
    names = ["openpose_sinetstream_environment", "openpose_files", "camera_broker_files"]
    values = evaluated(names, "-e", json.dumps(told))

    environment = values["openpose_sinetstream_environment"]
    assert environment.get("SS_TYPE_SPEC__SECURITY_PROTOCOL") == protocol
    assert not any("SASL" in name or "CRYPTO" in name for name in environment)
    assert set(values["openpose_files"]) == set(values["camera_broker_files"]) == files


def test_what_an_inventory_says_goes_over_it():
    told = CLOSED | {
        "broker_secrets": SECRETS,
        "openpose_sinetstream": {"common": {"type_spec": {"sasl_plain_username": "other"}}},
        "camera_sinetstream": {"common": {"tls": {"ca_certs": "/etc/ssl/lab.pem"}}},
    }
    names = ["openpose_sinetstream_environment", "camera_shared_environment"]
    values = evaluated(names, "-e", json.dumps(told))

    user = values["openpose_sinetstream_environment"]["SS_TYPE_SPEC__SASL_PLAIN_USERNAME"]
    assert user == "other"
    assert values["camera_shared_environment"]["SS_TLS__CA_CERTS"] == "/etc/ssl/lab.pem"


def test_a_topic_that_is_not_wanted_is_no_service_and_not_made():
    names = ["openpose_sinetstream_environment", "viewer_sinetstream_environment", "kafka_topics"]
    topics = [
        "@roles/kafka/defaults/main.yml",
        "@roles/kafka/vars/main/main.yml",
        "posestream_keypoints_topic=''",
    ]
    said = evaluated(names, *(word for each in topics for word in ("-e", each)))

    for name, command in zip(names, ("worker", "viewer"), strict=False):
        assert "keypoints-dest" not in settings.load(command, said[name], ABSENT).streams
    made = [topic["name"] for topic in said["kafka_topics"]]
    assert made == ["sinetstream.image.camera", "sinetstream.image.openpose"]


def test_a_whole_file_takes_the_place_of_all_variables(vaulted):
    source = {"topic": "a", "tls": True, "type_spec": {"sasl_plain_password": SECRET}}
    config = {"header": {"version": 3}, "config": {"image-src": source, "image-dest": {}}}
    said = evaluated(
        ["openpose_sinetstream_environment", "openpose_files"],
        *vaulted({"openpose_sinetstream_config": config}),
    )

    assert said["openpose_sinetstream_environment"] == {}
    (text,) = said["openpose_files"].values()
    assert yaml.safe_load(text) == config


def test_every_flag_is_a_variable_with_the_programs_default(defaults):
    """The ports inside of the containers are fixed; *_metrics_bind and viewer_port publish them.

    Each worker's name is in docker-compose.yml, and the viewer's secrets are in files. What a
    camera keeps, the program alone bounds.
    """
    (camera,) = defaults["camera_entries"]
    flags = defaults["openpose_flags"] | camera["environment"] | defaults["viewer_flags"]
    program = {name: entry.metadata["default"] for name, entry in table.TABLE.items()}

    assert flags.keys() == program.keys() - {
        *("WORKER_METRICS_PORT", "WORKER_NAME"),
        *("CAMERA_BUFFER_BYTES", "CAMERA_METRICS_ADDRESS", "CAMERA_METRICS_PORT"),
        *("VIEWER_PORT", "VIEWER_METRICS_PORT", "VIEWER_PASSWORD", "VIEWER_TOKEN"),
    }
    differing = {name for name, value in flags.items() if str(value) != program[name]}
    differing -= {name for name, value in flags.items() if str(value).lower() == program[name]}
    assert differing == {"CAMERA_NAME", "CAMERA_FPS", "VIEWER_HOSTS"}


def test_the_viewer_is_told_where_its_secrets_are_and_by_what_it_is_asked_for():
    said = {
        "viewer_password": "open sesame",
        "viewer_tls_certificate": "/etc/ssl/viewer.pem",
        "viewer_tls_key": "/etc/ssl/viewer.key",
        "viewer_hosts": ["viewer.example.org"],
        "viewer_bind_address": "0.0.0.0",
        "viewer_tls_read": {"results": [{"content": "YQ=="}, {"content": "Yg=="}]},
        "ansible_host": "192.0.2.7",
        "ansible_facts": {"hostname": "Lab7", "default_ipv4": {"address": "192.0.2.8"}},
    }
    names = ["viewer_flags", "viewer_services", "viewer_tls_texts", "viewer_secrets"]
    found = evaluated([*names, "viewer_where"], "-e", json.dumps(said))

    loaded = table.read(found["viewer_flags"], [])["viewer"]
    assert loaded.password_file == "/run/viewer/password"
    assert loaded.token_file == ""
    assert (loaded.tls_certificate, loaded.tls_key) == (
        "/run/viewer/certificate.pem",
        "/run/viewer/key.pem",
    )
    assert {*loaded.hosts} == {
        *("192.0.2.7", "192.0.2.8", "lab7", "localhost", "viewer.example.org"),
    }
    assert found["viewer_secrets"] == {"password": "open sesame"}
    assert found["viewer_tls_texts"] == {"certificate.pem": "a", "key.pem": "b"}
    assert "open sesame" not in json.dumps([found["viewer_flags"], found["viewer_services"]])
    assert found["viewer_services"]["viewer"]["volumes"] == [
        "./password:/run/viewer/password:ro",
        "./certificate.pem:/run/viewer/certificate.pem:ro",
        "./key.pem:/run/viewer/key.pem:ro",
    ]
    assert found["viewer_where"] == "https://192.0.2.7:8080/"


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"ansible_connection": "local"}, "http://localhost:8080/"),
        (
            {"ansible_host": "192.0.2.7"},
            "http://localhost:8080/ on localhost alone; it is there too where you are once this "
            "runs: ssh -L 8080:localhost:8080 192.0.2.7",
        ),
        ({"viewer_bind_address": "192.0.2.9", "viewer_port": 80}, "http://192.0.2.9:80/"),
        ({"viewer_bind_address": "2001:db8::1"}, "http://[2001:db8::1]:8080/"),
    ],
)
def test_where_the_viewer_is(said, where):
    assert evaluated(["viewer_where"], "-e", json.dumps(said))["viewer_where"] == where
