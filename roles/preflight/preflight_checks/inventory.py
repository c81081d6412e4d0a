"""The variables of the inventory: evaluated, and kept where they are good."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.yaml import yaml_load

try:
    from ansible.template import trust_as_template
except ImportError:  # an ansible-core that is too old, which `versions` is to say

    def trust_as_template(value: str) -> str:
        """Return the text: every text was a template then."""
        return value


from . import misplaced, services, specs

# What the manual says in files that a person edited, and where it is said now.
OF_THE_MANUAL = {
    "SS_BROKERS": "broker_hostname",
    "SSDST_TOPIC": "posestream_result_topic",
    "SSKPT_TOPIC": "posestream_keypoints_topic",
    "SSSRC_GROUP_ID": "openpose_group_id",
    "SSSRC_TOPIC": "posestream_source_topic",
}
# What inventories called these before all shared variables had the project's prefix, and before a
# camera could be more than a video.
FORMER_NAMES = {
    "camera_video": "camera_source",
    "keypoints_topic": "posestream_keypoints_topic",
    "result_topic": "posestream_result_topic",
    "sinetstream_message_format": "posestream_message_format",
    "source_topic": "posestream_source_topic",
}
# Their defaults depend on all hosts, and are of use to the Kafka host alone.
OF_ALL_HOSTS = ("kafka_source_partitions", "kafka_topics")
VAULT = (
    "is encrypted, and there is no password for it that fits; run this with --ask-vault-pass or "
    "--vault-password-file"
)


class Variables:
    """A host's variables, each evaluated when it is asked for, as it will be in the roles."""

    def __init__(self, roles: Roles, templar: Any, hostvars: Any, host: str) -> None:
        """Take the host's variables as they are written."""
        self.roles = roles
        self.host = host
        self.given: dict[str, Any] = {**hostvars.raw_get(host), "hostvars": hostvars}
        self.templar = templar.copy_with_new_env(available_variables=roles.own | self.given)
        self.known: dict[str, tuple[Any, list[str]]] = {}

    def value(self, name: str) -> Any:
        """Return a variable's value, None where it has no good one."""
        return self._look(name)[0]

    def values(self) -> Mapping[str, Any]:
        """Return all good values of the roles' variables and the catalogue's, by name."""
        names = filter(self._matters, [*self.roles.specs, *self.roles.conditions])
        return Values(self, frozenset(names))

    def _matters(self, name: str) -> bool:
        """Say whether a default has to be known, which may take a look at every host."""
        if "kafka" in self.given["group_names"]:
            return True
        if name in self.roles.of_brokers:
            return not self._is_ours(name)
        return name in self.given or name not in (*OF_ALL_HOSTS, *self.roles.conditions)

    def _is_ours(self, name: str) -> bool:
        """Say whether a variable is as the project's own files have it."""
        given, ours = self.given.get(name), self.roles.ours.get(name)
        return ours is not None and isinstance(given, type(ours)) and given == ours

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with each variable by itself: its name, its absence, its value."""
        yield from self._unknown()
        yield from self._of_others()
        for name, option in self.roles.shared.items():
            if option.get("required") and name not in self.given and self._lacks(name):
                yield f"{name}: is missing. {option['description']}"
        yield from self.mistakes()

    def _lacks(self, name: str) -> bool:
        """Say whether a variable is missing: only Kafka hosts need their brokers' own names."""
        brokers = self.given["groups"].get("kafka", [])
        if name != "broker_hostname" or self.host in brokers:
            return True
        return not any(name in self.given["hostvars"].raw_get(host) for host in brokers)

    def mistakes(self) -> Iterator[str]:
        """Yield what is wrong with the values that are said."""
        formers = {FORMER_NAMES[name]: name for name in FORMER_NAMES if name in self.given}
        for name in sorted(self.roles.specs):
            if name in self.given and not self._is_ours(name):
                said = f"{formers[name]}, now " if name in formers else ""
                yield from (f"{said}{text}" for text in self._look(name)[1])

    def with_defaults(self, name: str) -> dict[str, Any]:
        """Return a mapping, with its default's entries where it leaves some out."""
        return self.roles.specs[name]["default"] | (self.value(name) or {})

    def _look(self, name: str) -> tuple[Any, list[str]]:
        """Return a variable's value, None where it is not good, and what is wrong with it."""
        if name not in self.known:
            self.known[name] = self._evaluate(name)
        return self.known[name]

    def _evaluate(self, name: str) -> tuple[Any, list[str]]:
        given = name in self.given
        raw = self.given.get(name) if given else self.roles.own.get(name)
        if raw is None and not given:
            return None, []
        try:
            value = self.templar.template(raw)
        except AnsibleError as error:
            return None, self._unevaluated(name, str(error)) if given else []
        option = self.roles.specs.get(name)
        problems = specs.wrong(name, option, value) if given and option else []
        return None if problems else value, problems

    def _unknown(self) -> Iterator[str]:
        """Yield the variables that look like ours and are not."""
        for name in sorted(self.given):
            meant = OF_THE_MANUAL.get(name, name.lower())
            if name in {**self.roles.specs, **FORMER_NAMES}:
                continue
            if name == "_raw_params":
                text = str(self.given[name])
                yield f"-e {text!r} sets nothing; write -e NAME=VALUE, without spaces"
            if name.startswith("ansible_"):
                near = "" if self.given.get("ansible_facts") else misplaced.of_ansible(name)
                yield from [f"{name}: Ansible does not know this variable{near}"] * bool(near)
            elif meant in self.roles.specs:
                yield f"{name}: is written {meant} here"
            elif place := misplaced.where(name, self.given.keys()):
                yield f"{name}: {place}"
            elif name.startswith(self.roles.prefixes) or self.roles.looks_like_ours(name):
                yield specs.unknown(name, self.roles.specs)

    def _of_others(self) -> Iterator[str]:
        """Yield what is not an inventory's to say, and what it says twice, by two names."""
        for name in sorted(self.roles.handed_on & self.given.keys()):
            yield f"{name}: is said by the roles that use it, not by inventories; leave it out"
        for name, value in self.roles.tables.items():
            if name in self.given and self.given[name] != value:
                yield (
                    f"{name}: is the project's own table, playbooks/group_vars/all/services.yml; "
                    "leave it out of the inventory"
                )
        for former, name in FORMER_NAMES.items():
            if former in self.given and self.given[former] != self.given.get(name):
                yield (
                    f"{former}: is the former name of {name}, which says something else; leave "
                    f"{former} out"
                )

    def _unevaluated(self, name: str, error: str) -> list[str]:
        """Return why a value cannot be evaluated, unless it lacks nothing but the host's facts."""
        if "vault" in error.lower():
            return [f"{name}: {VAULT}"]
        waits = any(sign in error for sign in ("ansible_", "has no attribute"))
        if waits and not self.given.get("ansible_facts"):
            return []
        error = re.sub(r"^hostvars\['(.*)'\]$", r"there is no host \1", error)
        return [f"{name}: cannot be evaluated: {error}"]


class Values(Mapping[str, Any]):
    """A host's good values, by name; each is evaluated once it is asked for."""

    def __init__(self, variables: Variables, names: frozenset[str]) -> None:
        """Take the names of those that there may be."""
        self._variables, self._names = variables, names

    def __getitem__(self, name: str) -> Any:
        """Return a value; raises KeyError where there is no good one."""
        value = self._variables.value(name) if name in self._names else None
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        """Return the names of those that have one."""
        return (name for name in self._names if name in self)

    def __len__(self) -> int:
        """Return how many they are."""
        return sum(1 for _ in self)


@dataclass(frozen=True)
class Inventory:
    """All hosts: their groups, and their variables by host."""

    roles: Roles
    templar: Any
    task_vars: dict[str, Any]
    known: dict[str, Variables] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Return the hosts of each group."""
        return self.task_vars["groups"]

    def of(self, host: str) -> Variables:
        """Return a host's variables."""
        if host not in self.known:
            hostvars = self.task_vars["hostvars"]
            self.known[host] = Variables(self.roles, self.templar, hostvars, host)
        return self.known[host]

    def value(self, host: str, name: str) -> Any:
        """Return a variable of any host, None where it has no good value."""
        return self.of(host).value(name)


@cache
class Roles:
    """What the roles in a folder say of variables: specs, defaults, and what follows from them.

    Read once a run: vars_plugins/typed_vars.py does that before tasks are forked.
    """

    def __init__(self, folder: Path) -> None:
        """Read the specs, and the files of defaults and of further variables."""
        self.folder = folder
        self.specs = specs.read(folder)
        self.shared = specs.read(folder, "preflight")
        table = folder.parent / "playbooks/group_vars/all/services.yml"
        own = {path.stem: yaml_load(path.read_text()) for path in table.parent.glob("*.yml")}
        self.tables = own.get("services", {})
        self.of_brokers = own.get("brokers", {})
        # Of these the defaults stand in files that every inventory has read.
        self.ours = {name: value for values in own.values() for name, value in values.items()}
        self.conditions = services.conditions(self.tables.get("posestream_services", {}))
        self.handed_on = specs.handed_on(folder)
        # Each role's name is the prefix of its variables.
        self.prefixes = ("posestream_", *(f"{role.name}_" for role in folder.iterdir()))
        self.own: dict[str, Any] = {}
        for kind in ("defaults", "vars"):
            for path in sorted(
                [*folder.glob(f"*/{kind}/main.yml"), *folder.glob(f"*/{kind}/main/*")]
            ):
                self.own |= trusted(yaml_load(path.read_text()) or {})

    @cache  # noqa: B019 (there is one for a whole run)
    def looks_like_ours(self, name: str) -> bool:
        """Say whether a name is nearly that of a variable of the roles."""
        names = {**self.specs, **FORMER_NAMES}
        return bool(difflib.get_close_matches(name, names, 1, 0.9))


def trusted(value: Any) -> Any:
    """Return a value of the project's own files, the texts in it as templates."""
    if isinstance(value, dict):
        return {key: trusted(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [trusted(entry) for entry in value]
    return trust_as_template(value) if isinstance(value, str) else value
