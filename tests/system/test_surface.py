"""The inventory's own words, in the containers: Kafka's properties and SINETStream's parameters."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from . import lab

SECRET = 'it\'s $ecret: # "one" \\n\nof two lines'
NESTED = {
    "common": {"consistency": "AT_LEAST_ONCE"},
    "source": {"type_spec": {"ssl_password": SECRET, "fetch_max_wait_ms": 100}},
    "destination": {"type_spec": {"compression_type": "gzip"}},
}
WHOLE = {
    "image-src": {
        "type": "kafka",
        "brokers": lab.BROKERS,
        "topic": lab.SOURCE_TOPIC,
        "ssl_password": SECRET,
    },
    "image-dest": {"type": "kafka", "brokers": lab.BROKERS, "topic": lab.RESULT_TOPIC},
}
PARAMETERS = (
    "import json; from posestream import settings; "
    "print(json.dumps(settings.load('worker').streams.services))"
)


def restarted(before: dict, after: dict) -> set[str]:
    """Return the containers (project and service) that are not the same as before."""
    different = {line for lines in after.values() for line in lines}
    different -= {line for lines in before.values() for line in lines}
    return {line.split()[0].removeprefix("/test-") for line in different}


@pytest.fixture(scope="module", autouse=True)
def restored():
    yield
    for name in ("kafka", "openpose"):
        status, report = lab.playbook(f"playbooks/{name}.yml")
        assert status == 0, lab.failures(report)


@pytest.fixture
def tell_worker(tmp_path):
    """Return what deploys the worker with a variable whose `SECRET` is vaulted."""
    (tmp_path / "key").write_text("of the vault")
    vault = ("--vault-password-file", str(tmp_path / "key"))
    encrypted = subprocess.run(
        ["ansible-vault", "encrypt_string", *vault],
        input=SECRET,
        cwd=lab.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.strip() for line in encrypted.strip().splitlines()]

    def deploy(variable: str, value: dict) -> dict:
        text = yaml.safe_dump({variable: value}, width=1000, default_style='"')
        secret = yaml.safe_dump(SECRET, width=1000, default_style='"').strip()
        assert secret in text
        path = tmp_path / "variables.yml"
        path.write_text(text.replace(secret, f"\n{' ' * 20}".join(lines)))
        inventories = ("-i", "inventories/local", "-i", "tests/system/inventory")
        shown = ("--extra-vars", f"@{path}", *vault, "--diff", "-vv")
        result = lab.run("ansible-playbook", "playbooks/openpose.yml", *inventories, *shown)
        assert result.returncode == 0, result.stdout
        assert "$ecret" not in result.stdout + result.stderr
        return json.loads(
            lab.compose("openpose", "exec", "-T", "openpose", "python3", "-c", PARAMETERS)
        )

    return deploy


def test_a_property_restarts_the_broker_alone_and_once():
    before = lab.containers()
    wanted = {"log.cleaner.enable": True, "log.cleaner.io.buffer.load.factor": 0.8}
    changed = ("--extra-vars", json.dumps({"kafka_properties": wanted}))
    status, report = lab.playbook("site.yml", *changed)
    assert status == 0, lab.failures(report)
    assert restarted(before, lab.containers()) == {"kafka-broker-1"}
    logged = lab.compose("kafka", "logs", "--no-log-prefix", "broker")
    assert logged.count("KafkaConfig values:") == 1
    assert "log.cleaner.enable = true\n" in logged
    assert "log.cleaner.io.buffer.load.factor = 0.8\n" in logged

    status, report = lab.playbook("playbooks/kafka.yml", *changed)
    assert status == 0
    assert report["stats"]["localhost"]["changed"] == 0


def test_nested_parameters_arrive_as_they_are_written(tell_worker):
    before = lab.containers()
    arrived = tell_worker("openpose_sinetstream", NESTED)

    source = arrived["image-src"]
    assert source["consistency"] == "AT_LEAST_ONCE"
    assert source["type_spec"]["ssl_password"] == SECRET
    assert source["type_spec"]["fetch_max_wait_ms"] == 100
    assert arrived["image-dest"]["type_spec"]["compression_type"] == "gzip"
    assert restarted(before, lab.containers()) == {"openpose-openpose-1"}


def test_a_whole_file_is_mounted_and_a_change_of_it_restarts_the_worker(tell_worker):
    arrived = tell_worker("openpose_sinetstream_config", WHOLE)
    assert arrived["image-src"]["type_spec"] == {"ssl_password": SECRET}
    environment = (lab.DIRECTORY / "openpose/.env").read_text()
    assert "\nSS" not in environment
    mode = (lab.DIRECTORY / "openpose/.sinetstream_config.yml").stat().st_mode
    assert mode & 0o777 == 0o640

    before = lab.containers()
    other = {**WHOLE, "image-src": {**WHOLE["image-src"], "client_id": "another"}}
    arrived = tell_worker("openpose_sinetstream_config", other)
    assert arrived["image-src"]["client_id"] == "another"
    assert restarted(before, lab.containers()) == {"openpose-openpose-1"}
