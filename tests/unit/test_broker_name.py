"""What containers are told of the broker's name, and which names are refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from .plugins import load

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "roles/broker/action_plugins/find_broker.py"
NAME, KAFKA, OTHER = "kafka.example.org", "192.168.1.100", "192.168.1.77"


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location("find_broker", PLUGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "known", "seen", "given", "kafka", "told"),
    [
        pytest.param(NAME, [], [], "", [KAFKA], {NAME: KAFKA}, id="nobody resolves it"),
        pytest.param(NAME, [KAFKA], [KAFKA], "", [KAFKA], {}, id="in DNS"),
        pytest.param(NAME, [OTHER], [OTHER], "", [KAFKA, OTHER], {}, id="its second address"),
        pytest.param(NAME, [], [KAFKA], "", [KAFKA], {NAME: KAFKA}, id="in /etc/hosts alone"),
        pytest.param(NAME, [], [], OTHER, [KAFKA], {NAME: OTHER}, id="an address by hand"),
        pytest.param(NAME, [KAFKA], [KAFKA], OTHER, [KAFKA], {NAME: OTHER}, id="by hand over DNS"),
        pytest.param(NAME, [OTHER], [OTHER], OTHER, [KAFKA], {}, id="elsewhere, and said so"),
        pytest.param(KAFKA, [KAFKA], [KAFKA], "", [KAFKA], {}, id="an address"),
        pytest.param(OTHER, [OTHER], [OTHER], OTHER, [KAFKA], {}, id="a foreign address, said so"),
        pytest.param(NAME, [OTHER], [OTHER], "", [], {}, id="a broker elsewhere, in DNS"),
        pytest.param(NAME, [], [], OTHER, [], {NAME: OTHER}, id="a broker elsewhere, by hand"),
        pytest.param(NAME, [], [OTHER], OTHER, [], {NAME: OTHER}, id="elsewhere, /etc/hosts alone"),
    ],
)
def test_what_containers_are_told(plugin, *, name, known, seen, given, kafka, told):
    assert plugin.extra_hosts(name, known, seen, given, kafka) == told


@pytest.mark.parametrize(
    ("name", "known", "seen", "kafka", "said"),
    [
        pytest.param(
            NAME, [OTHER], [OTHER], [KAFKA], (NAME, f"is {OTHER} here", KAFKA), id="another machine"
        ),
        pytest.param(NAME, [], [OTHER], [KAFKA], (OTHER, "/etc/hosts"), id="by /etc/hosts"),
        pytest.param(
            NAME, [OTHER, KAFKA], [OTHER, KAFKA], [KAFKA], (OTHER,), id="one of two addresses"
        ),
        pytest.param(
            OTHER, [OTHER], [OTHER], [KAFKA], (f"{OTHER} is not an address of",), id="an address"
        ),
    ],
)
def test_what_is_refused(plugin, *, name, known, seen, kafka, said):
    with pytest.raises(ValueError, match="broker_address: ") as caught:
        plugin.extra_hosts(name, known, seen, "", kafka)
    for text in said:
        assert text in str(caught.value)


def test_a_name_that_nobody_knows(plugin):
    assert plugin.extra_hosts(NAME, [], [], "", []) is None
    assert "there is no Kafka host" in plugin.unknown(NAME, "")
    said = plugin.unknown(NAME, "kafka01")
    assert "kafka01, the Kafka host, does not answer. Start it, or say where the broker is" in said
    assert said.endswith("for example broker_address: 192.168.1.100")


def test_the_answers_of_getent_are_told_apart_by_a_line_of_its_own(plugin):
    dns = "192.0.2.9 STREAM xn--bcher-kva.example\r\n192.0.2.9 DGRAM\r\n192.0.2.1 STREAM\r\n"
    found = plugin.found_by_each(["x", "y"], f"{dns}--\r\n--\r\n--\r\n10.0.0.1 RAW\r\n--\r\n")
    assert found == {"x": [["192.0.2.1", "192.0.2.9"], []], "y": [[], ["10.0.0.1"]]}
    with pytest.raises(plugin.AnsibleActionFail, match="x and y could not be looked up: sh: no"):
        plugin.found_by_each(["x", "y"], "sh: no")


def test_each_broker_of_a_cluster_has_its_own_address():
    entries = load("roles/broker/filter_plugins/broker_entries.py").broker_entries
    hosts = [
        {"inventory_hostname": "a", "broker_hostname": "a.test", "broker_address": "192.0.2.1"},
        {"inventory_hostname": "b", "broker_hostname": "b.test", "ansible_facts": FACTS},
    ]
    cluster = entries(hosts, {"b.test": "192.0.2.2"}, None)
    assert [entry["address"] for entry in cluster] == ["192.0.2.1", "192.0.2.2"]
    assert [entry["facts"] for entry in cluster] == [{}, FACTS]
    # What a client says of a broker that is alone goes over all else.
    assert entries(hosts[:1], {}, "10.0.0.1")[0]["address"] == "10.0.0.1"


FACTS = {
    "interfaces": ["br-0a1b", "docker0", "eno1", "eno2", "lo"],
    "all_ipv4_addresses": ["172.18.0.1", "172.17.0.1", "10.0.0.5", "192.168.1.100"],
    "br_0a1b": {"ipv4": {"address": "172.18.0.1"}},
    "docker0": {"ipv4": {"address": "172.17.0.1"}},
    "eno1": {"ipv4": {"address": "10.0.0.5"}},
    "eno2": {"ipv4": {"address": "192.168.1.100"}},
    "default_ipv4": {"address": "192.168.1.100", "interface": "eno2"},
}


@pytest.mark.parametrize(
    ("facts", "bound_to", "best"),
    [
        pytest.param(FACTS, "0.0.0.0", "192.168.1.100", id="of the default route"),
        pytest.param(FACTS | {"default_ipv4": {}}, "0.0.0.0", "10.0.0.5", id="no route out"),
        pytest.param(FACTS, "10.0.0.5", "10.0.0.5", id="where the port is published"),
    ],
)
def test_the_best_address_comes_first(plugin, facts, bound_to, best):
    found = plugin.reachable(facts, bound_to)

    assert found[0] == best
    assert sorted(found) == sorted(FACTS["all_ipv4_addresses"])


def test_without_a_kafka_host_there_is_no_address(plugin):
    assert plugin.reachable({}, "0.0.0.0") == []
