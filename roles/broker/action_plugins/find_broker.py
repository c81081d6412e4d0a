"""Find out whether containers of a host can resolve the brokers' names, and to what."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

# Networks inside a host.
INNER_INTERFACES = ("docker", "br-", "veth", "lo")


def is_address(name: str) -> bool:
    """Say whether a name is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def reachable(facts: Mapping[str, Any], bound_to: str) -> list[str]:
    """Return the Kafka host's addresses, the best for others to reach it first.

    `bound_to` is where the broker's port is published. A host without a default route, as in a
    lab that is cut off, is best reached at its first address that is not one of Docker's bridges.
    """
    addresses = facts.get("all_ipv4_addresses", [])
    inner = [
        facts.get(name.replace("-", "_"), {}).get("ipv4", {}).get("address")
        for name in facts.get("interfaces", [])
        if name.startswith(INNER_INTERFACES)
    ]
    best = [bound_to] if bound_to != "0.0.0.0" else []
    best += [facts.get("default_ipv4", {}).get("address")]
    best += [address for address in addresses if address not in inner]
    return list(dict.fromkeys(filter(None, [*best, *addresses])))


def extra_hosts(
    name: str, known: list[str], seen: list[str], given: str, kafka: list[str]
) -> dict[str, str] | None:
    """Return what containers have to be told beside DNS: {} or {name: address}.

    None where nobody knows an address.

    Args:
        name: what the broker tells its clients.
        known: the addresses that containers on the host find for it.
        seen: those that the host itself finds.
        given: the address that the inventory gives, or "".
        kafka: the Kafka host's addresses, the best for others to reach it first; none of one
            that does not answer.

    Raises:
        ValueError: the name leads elsewhere.
    """
    wrong = [address for address in seen if kafka and address not in kafka]
    if wrong and not given:
        leads = "" if is_address(name) else f" is {' and '.join(wrong)} here, which"
        raise ValueError(
            f"{name}{leads} is not an address of the Kafka host, {kafka[0]}. Where the broker "
            f"is reached at {wrong[0]} all the same, say so: broker_address: {wrong[0]}. "
            "Else correct the name where it is resolved (DNS or /etc/hosts), or choose one that is "
            f"the Kafka host's, for example broker_hostname: {kafka[0]}"
        )
    if is_address(name) or (known and given in ("", *known)):
        return {}
    address = given or next(iter(kafka), "")
    return {name: address} if address else None


def found_by_each(names: list[str], said: str) -> dict[str, list[list[str]]]:
    """Return the addresses of each name by both of getent's services.

    Each answer is followed by a line `--`.
    """
    lines = said.splitlines()
    # Within a line it may be part of a name, as in xn--…
    ends = [number for number, line in enumerate(lines) if line == "--"]
    if len(ends) != 2 * len(names):
        raise AnsibleActionFail(f"{' and '.join(names)} could not be looked up: {said}")
    starts = [0, *(end + 1 for end in ends)]
    answers = [
        sorted({line.split()[0] for line in lines[start:end] if line})
        for start, end in zip(starts, ends, strict=False)
    ]
    return {name: answers[2 * number : 2 * number + 2] for number, name in enumerate(names)}


def unknown(name: str, silent: str) -> str:
    """Return what to do about a name that nobody knows; `silent` is a Kafka host, or ""."""
    if silent:
        reason, remedy = f"{silent}, the Kafka host, does not answer", "Start it, or say"
    else:
        reason, remedy = "there is no Kafka host whose address could be taken", "Say"
    return (
        f"broker_hostname: {name} cannot be resolved by containers here, and {reason}. {remedy} "
        "where the broker is, for example broker_address: 192.168.1.100"
    )


class ActionModule(ActionBase):
    """Return `extra_hosts`, or `problems`: the name, both addresses and what helps."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take `brokers`, as filter broker_entries returns them."""
        super().run(tmp, task_vars)
        brokers = self._task.args["brokers"]
        looked_up = self.look_up(
            [broker["name"] for broker in brokers if not is_address(broker["name"])], task_vars
        )
        told: dict[str, str] = {}
        problems = []
        for broker in brokers:
            name = broker["name"]
            kafka = reachable(broker["facts"], broker["bind_address"])
            known, seen = looked_up.get(name, ([name], [name]))
            try:
                found = extra_hosts(name, known, seen, broker["address"], kafka)
            except ValueError as error:
                problems.append(f"broker_hostname: {error}")
                continue
            if found is None:
                problems.append(unknown(name, broker["kafka"]))
            told |= found or {}
        if problems:
            return {"changed": False, "problems": problems}
        return {"changed": False, "extra_hosts": told, "problems": []}

    def look_up(
        self, names: list[str], task_vars: dict[str, Any]
    ) -> dict[str, tuple[list[str], list[str]]]:
        """Return by name the IPv4 addresses that containers find, and that the host finds.

        Containers ask the host's DNS servers and never see its /etc/hosts. A resolver on the host
        may answer from that file, though, or with the host itself for its own name (systemd's does
        both, and Docker goes past it): such a name counts as one that they do not find.
        """
        facts = task_vars["ansible_facts"]
        found = {}
        for name, (dns, files) in (self.getent(names) if names else {}).items():
            own = name in (facts.get("hostname"), facts.get("fqdn"))
            seen = [
                address
                for address in dict.fromkeys(dns + files)
                if not ipaddress.ip_address(address).is_loopback
            ]
            found[name] = ([] if files or own or seen != dns else dns), seen
        return found

    def getent(self, names: list[str]) -> dict[str, list[list[str]]]:
        """Return each name's IPv4 addresses by the host's services `dns` and `files`."""
        environment = self._compute_environment_string()
        asks = [
            f"{environment} getent ahostsv4 {shlex.quote(name)} -s hosts:{service}; echo --"
            for name in names
            for service in ("dns", "files")
        ]
        # One call for all, and no Python for it: this is asked in every run.
        said = self._low_level_execute_command("; ".join(asks))["stdout"]
        return found_by_each(names, said)
