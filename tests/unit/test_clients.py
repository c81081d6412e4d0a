"""What is written for clients that this project does not run, and that their libraries take it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import confluent_kafka
import pytest
import sinetstream
import yaml
from posestream.streams import plugin
from posestream.streams.opening import registry
from sinetstream.spi import PluginMessageReader, PluginMessageWriter

from .test_closed_broker import certificate
from .test_worker_environment import FILES, ROOT, shown

KINDS = {"camera": "pi 1", "viewer": "laptop", "reader": "notebook"}
USERS = {"camera": "camera-pi-1", "viewer": "viewer-laptop", "reader": "reader-notebook"}
SECURITIES = ("none", "tls", "sasl_tls")
PASSWORD = 'it\'s #1: {no} "yaml" \\n'
KEY = "of the messages"
SERVERS = "kafka.example.org:9092"
CASES = list(itertools.product(KINDS, SECURITIES))
BY_CASE = pytest.mark.parametrize(("kind", "security"), CASES)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return an authority's certificate, which clients load when they begin."""
    pem = certificate(tmp_path_factory.mktemp("authority"), "good", "127.0.0.1").read_text()
    return pem[pem.index("-----BEGIN CERTIFICATE") :]


@pytest.fixture(scope="module")
def written(authority, tmp_path_factory):
    """Return the variables of each client: by kind, security, and what else is different."""
    secrets = {"ca": authority, "passwords": dict.fromkeys(USERS.values(), PASSWORD)}
    hosts = {
        f"{kind} {security}": {
            "clients_entry": {"name": KINDS[kind], "kind": kind},
            "broker_security": security,
            "broker_secrets": {} if security == "none" else secrets,
        }
        for kind, security in CASES
    }
    closed = hosts["viewer sasl_tls"]
    hosts |= {
        "known authority": closed | {"broker_secrets": secrets | {"ca": ""}},
        "encrypted": closed | {"posestream_data_encryption_password": KEY},
        "no keypoints": closed | {"posestream_keypoints_topic": ""},
        "not deployed": closed | {"broker_secrets": secrets | {"passwords": {}}},
    }
    variables = {"broker_hostname": "kafka.example.org"}
    for file in [*FILES, *(f"roles/clients/{of}/main.yml" for of in ("defaults", "vars"))]:
        variables |= yaml.safe_load((ROOT / file).read_text())
    inventory = tmp_path_factory.mktemp("inventory") / "hosts.json"
    inventory.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))
    names = ["clients_files", "clients_folder"]
    # Where templates are found.
    said = shown(names, inventory, "--playbook-dir", "roles/clients")
    for host in said.values():
        host["files"] = {each["key"]: each["value"] for each in host["clients_files"]}
    return said


def services(files):
    return yaml.safe_load(files[".sinetstream_config.yml"])


def properties(files):
    lines = files["kcat.conf"].splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@BY_CASE
def test_each_client_has_a_folder_of_its_name_with_a_file_for_each_program(written, kind, security):
    host = written[f"{kind} {security}"]

    folder = Path(host["clients_folder"])
    assert (folder.name, folder.parent.name) == (USERS[kind].removeprefix(f"{kind}-"), "clients")
    certificates = set() if security == "none" else {"ca.pem"}
    assert set(host["files"]) - certificates == {
        *(".sinetstream_config.yml", "kcat.conf", "kafkajs.json", "README.md"),
    }


@BY_CASE
def test_each_program_is_told_the_same_broker_user_and_authority(
    written, authority, kind, security
):
    files, user = written[f"{kind} {security}"]["files"], USERS[kind]
    kcat, kafkajs = properties(files), json.loads(files["kafkajs.json"])
    own = {"client.id": user, "bootstrap.servers": SERVERS}
    tls = {"ssl.ca.location": "ca.pem"}
    sasl = {"mechanism": "SCRAM-SHA-512", "username": user, "password": PASSWORD}
    protocol = {
        "none": {},
        "tls": tls | {"security.protocol": "SSL"},
        "sasl_tls": tls
        | {"security.protocol": "SASL_SSL"}
        | {f"sasl.{name}": value for name, value in sasl.items()},
    }

    assert kcat == own | protocol[security]
    begins = {"clientId": user, "brokers": [SERVERS]}
    begins |= {} if security == "none" else {"ssl": {"ca": [authority]}}
    sasl["mechanism"] = "scram-sha-512"
    assert kafkajs == begins | ({"sasl": sasl} if security == "sasl_tls" else {})
    login = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": PASSWORD,
    }
    for service in services(files).values():
        assert (service["type"], service["brokers"]) == ("kafka", SERVERS)
        assert service.get("tls") == (None if security == "none" else {"ca_certs": "ca.pem"})
        said = {name: value for name, value in service.items() if name in login}
        assert said == (login if security == "sasl_tls" else {})
        assert not {"data_encryption", "crypto"} & service.keys()


def test_a_camera_writes_its_topic_and_each_message_is_stored(written):
    (service,) = services(written["camera none"]["files"]).values()
    assert service == {
        "type": "kafka",
        "brokers": SERVERS,
        "topic": "sinetstream.image.camera",
        "consistency": "AT_LEAST_ONCE",
        "max_request_size": 21 * 1024 * 1024,
    }


@pytest.mark.parametrize("kind", ["viewer", "reader"])
def test_who_reads_has_a_service_for_each_topic_and_a_group_that_it_may_use(written, kind):
    found = services(written[f"{kind} none"]["files"])
    assert {name: (each["topic"], each["value_type"]) for name, each in found.items()} == {
        "images": ("sinetstream.image.openpose", "image"),
        "image-src": ("sinetstream.image.camera", "image"),
        "keypoints-dest": ("sinetstream.keypoints.openpose", "text"),
    }
    for service in found.values():
        assert service["group_id"] == USERS[kind]
        assert service["max_partition_fetch_bytes"] == 21 * 1024 * 1024


def test_a_topic_that_is_not_wanted_is_no_service(written):
    assert services(written["no keypoints"]["files"]).keys() == {"images", "image-src"}


def test_an_authority_that_systems_know_is_not_written(written):
    files = written["known authority"]["files"]

    assert "ca.pem" not in files
    assert "ssl.ca.location" not in properties(files)
    assert properties(files)["security.protocol"] == "SASL_SSL"
    assert json.loads(files["kafkajs.json"])["ssl"] is True
    assert all(service["tls"] is True for service in services(files).values())


def test_encrypted_messages_are_sinetstreams_alone(written):
    files = written["encrypted"]["files"]
    key = {"algorithm": "AES", "key_length": 256, "mode": "GCM", "password": KEY}

    for service in services(files).values():
        assert (service["data_encryption"], service["crypto"]) == (True, key)
    for name in ("kcat.conf", "kafkajs.json", "README.md"):
        assert KEY not in files[name]


def test_a_user_that_is_not_deployed_has_no_password_yet(written):
    files = written["not deployed"]["files"]
    assert properties(files)["sasl.password"] == ""


@BY_CASE
def test_the_page_names_what_the_client_may_do_and_no_password(written, kind, security):
    page = written[f"{kind} {security}"]["files"]["README.md"]
    writes = kind == "camera"

    assert page.startswith(f"# {KINDS[kind]}, a {kind}\n")
    assert ("-P -t sinetstream.image.camera" in page, "producer()" in page) == (writes, writes)
    assert ("-C -t sinetstream.image.openpose" in page) is not writes
    assert (f"consumer({{groupId: '{USERS[kind]}'}})" in page) is not writes
    assert PASSWORD not in page


# -- what the libraries make of it ------------------------------------------------------------


@BY_CASE
def test_the_libraries_take_what_is_written(written, tmp_path, monkeypatch, kind, security):
    """In the folder that it is written to; no broker is there."""
    files = written[f"{kind} {security}"]["files"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    kcat = {"log_level": 0} | properties(files)
    client, spi, ours = (
        (sinetstream.MessageWriter, PluginMessageWriter, plugin.KafkaWriter)
        if kind == "camera"
        else (sinetstream.MessageReader, PluginMessageReader, plugin.KafkaReader)
    )
    monkeypatch.setattr(client, "registry", registry("none", spi, ours))

    confluent_kafka.Producer(kcat)
    for service in services(files):
        config = client(service)._plugin.config
        same = kcat.keys() - {"client.id", "log_level"}
        assert {name: config[name] for name in same} == {name: kcat[name] for name in same}
