"""What a cluster is for: a broker goes, and nothing is lost, and results go on.

`make cluster` runs the long form: ten kills, a full disk, a host made anew, an upgrade.
"""

from __future__ import annotations

import random
import re
import shutil
import time

import pytest
from cluster import (
    FOLDER,
    HOSTS,
    KILLS,
    OF_BROKERS,
    Brokers,
    kill,
    long_form,
    make_host,
    playbook,
    run,
    state,
    wait_until,
)
from flow import RESULT_SECONDS, under_load

from tests.system import lab

PATIENCE_SECONDS = 180.0  # until the tests give up: how long it took is judged afterwards
SETTLE_SECONDS = 25.0  # for so long after a kill they are watched, whatever else is well again
ANEW_SECONDS = 60.0  # RESULT_SECONDS, where a whole deployment shares the brokers' cores
OLDER = "3.8.1"  # Kafka's version that the upgrade begins with


@pytest.fixture
def brokers() -> Brokers:
    them = Brokers()
    them.wait_until_whole()
    return them


def test_every_topic_has_three_replicas(brokers):
    replicas = brokers.replicas()
    assert {"load", lab.SOURCE_TOPIC, lab.RESULT_TOPIC, "__consumer_offsets"} <= replicas.keys()
    assert set(replicas.values()) == {3}


def test_any_broker_is_killed(brokers):
    choice = random.Random(12)
    pauses = []
    with under_load() as ledger:
        for _ in range(KILLS):
            host = choice.choice(list(HOSTS))
            begun = time.monotonic()
            kill(host)
            time.sleep(SETTLE_SECONDS)
            whole = SETTLE_SECONDS + brokers.wait_until_whole()
            ledger.flows_again(PATIENCE_SECONDS)
            pauses.append(ledger.longest_pause(begun))
            print(f"{host}: {pauses[-1]:.1f} s without results, in step after {whole:.1f} s")
    assert max(pauses) <= RESULT_SECONDS


@long_form
def test_one_disk_is_full(brokers):
    with under_load() as ledger:
        begun = time.monotonic()
        run("kafka2", "cat /dev/zero > /srv/small/filling || true")
        wait_until(lambda: brokers.out_of_step("kafka2"), lambda: "the broker to fail", 120)
        time.sleep(SETTLE_SECONDS)
        ledger.flows_again(PATIENCE_SECONDS)
        pause = ledger.longest_pause(begun)
        print(f"disk full: {pause:.1f} s without results; the broker is {state('kafka2')}")
        run("kafka2", "rm /srv/small/filling")
        back = brokers.wait_until_whole(PATIENCE_SECONDS)
        print(f"room made: in step after {back:.1f} s")
    assert pause <= RESULT_SECONDS


@long_form
def test_a_host_is_made_anew(brokers):
    with under_load() as ledger:
        begun = time.monotonic()
        name = "molecule-cluster-kafka3"
        assert lab.run("docker", "rm", "--force", "--volumes", name).returncode == 0
        assert lab.run("docker", "volume", "rm", "molecule-cluster_kafka3").returncode == 0
        make_host("kafka3")
        playbook("site.yml")
        whole = time.monotonic() - begun + brokers.wait_until_whole(2 * PATIENCE_SECONDS)
        pause = ledger.longest_pause(begun)
        print(f"made anew: {pause:.1f} s without results, in step after {whole:.0f} s")
    assert pause <= ANEW_SECONDS


@long_form
def test_brokers_are_upgraded(tmp_path):
    older = tmp_path / "older"
    kept = shutil.ignore_patterns(".*", "__pycache__", "tests")
    shutil.copytree(lab.ROOT, older, ignore=kept)
    pom = older / "files/kafka/pom.xml"
    pom.write_text(re.sub(r"(<kafka.version>)[^<]*", rf"\g<1>{OLDER}", pom.read_text()))
    playbook("playbooks/teardown.yml", "--extra-vars", "teardown_data=true")
    playbook("site.yml", cwd=older)
    brokers = Brokers()
    brokers.wait_until_whole()
    assert versions() == {OLDER}
    with under_load() as ledger:
        begun = time.monotonic()
        playbook(*OF_BROKERS)
        took = time.monotonic() - begun
        brokers.wait_until_whole()
        time.sleep(SETTLE_SECONDS)
        pause = ledger.longest_pause(begun)
        print(f"upgraded from {OLDER} in {took:.0f} s, {pause:.1f} s without results")
    (version,) = versions()
    assert version != OLDER
    assert pause <= RESULT_SECONDS


def versions() -> set[str]:
    """Return which versions of Kafka the brokers say that they are."""
    said = [
        run(host, f"cd {FOLDER} && docker compose logs --no-log-prefix broker") for host in HOSTS
    ]
    return {re.findall(r"Kafka version: (\S+)", log)[-1] for log in said}
