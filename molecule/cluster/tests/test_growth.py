"""Brokers come and go while frames flow: nothing is lost by that either."""

from __future__ import annotations

import time
from pathlib import Path

from cluster import HOSTS, OF_BROKERS, Brokers, further_host, inventory, long_form, playbook
from flow import RESULT_SECONDS, under_load

FOURTH = 1004  # the number of a fourth host's broker


@long_form
def test_a_fourth_broker_takes_its_share_and_leaves(tmp_path: Path):
    grown = inventory(tmp_path / "grown", HOSTS | {"kafka4": "172.30.77.34"})
    brokers = Brokers()
    with further_host(grown, "kafka4"), under_load() as ledger:
        begun = time.monotonic()
        playbook(*OF_BROKERS, inventory=grown)
        assert not brokers.held_by(FOURTH)
        playbook("playbooks/kafka_spread.yml", inventory=grown)
        assert brokers.held_by(FOURTH)
        assert not brokers.missing()
        playbook("playbooks/kafka_remove.yml", "-e", "kafka_host=kafka4", inventory=grown)
        assert not brokers.held_by(FOURTH)
        assert set(brokers.replicas().values()) == {len(HOSTS)}
        playbook(*OF_BROKERS)
        pause = ledger.longest_pause(begun)
        print(f"a fourth broker came and went: {pause:.1f} s without results")
    assert pause <= RESULT_SECONDS


@long_form
def test_one_broker_becomes_three(tmp_path: Path):
    playbook("playbooks/teardown.yml", "--extra-vars", "teardown_data=true")
    playbook("site.yml", inventory=inventory(tmp_path / "alone", dict([*HOSTS.items()][:1])))
    brokers = Brokers()
    assert set(brokers.replicas().values()) == {1}
    grown = inventory(tmp_path / "grown", HOSTS, kafka_quorum_hosts=["kafka1"])
    with under_load(may_refuse=True) as ledger:
        begun = time.monotonic()
        playbook(*OF_BROKERS, inventory=grown)
        brokers.wait_until_whole()
        pause = ledger.longest_pause(begun)
        print(f"one broker became three: {pause:.1f} s without results")
    assert set(brokers.replicas().values()) == {len(HOSTS)}
