#!/usr/bin/python
"""Make a broker's users and their rights what they shall be, by Kafka's own tools."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from ansible.module_utils import kafka_tools
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_users
short_description: Make SCRAM users, their passwords and ACLs
description:
  - Asks once for all users and ACLs, then changes only what differs.
  - Kafka tells nobody a password. Salted hashes of those that were set are kept in a file of
    root's, and with them the users and ACLs that were made here. What is in the file and no longer
    wanted is removed; what others have made stays.
  - Passwords reach the broker's container by standard input alone.
options:
  chdir:
    description: The folder of the Compose project, with the service C(broker).
    type: path
    required: true
  tool_options:
    description: What Kafka's tools in the broker's container are told besides.
    type: list
    elements: str
    default: []
  users:
    description: The passwords, by user.
    type: dict
    required: true
  rights:
    description: What the users may do.
    type: list
    elements: dict
    required: true
    suboptions:
      user: {type: str, required: true, description: The user's name.}
      operation: {type: str, required: true, description: Kafka's name of it, as C(Read).}
      kind: {type: str, choices: [topic, group], required: true, description: What it is done to.}
      name: {type: str, required: true, description: The topic's or the group's name.}
      prefix: {type: bool, default: false, description: Whether all such names begin with it.}
  record:
    description: The file on the host with what was made here.
    type: path
    required: true
author: posestream maintainers
"""

EXAMPLES = """
- name: Make the users
  kafka_users:
    chdir: /opt/posestream/kafka
    tool_options: [--command-config, /run/kafka-secrets/admin.properties]
    users: {camera-street: "{{ password }}"}
    rights: [{user: camera-street, operation: Write, kind: topic, name: pictures}]
    record: /opt/posestream/kafka/secrets/users.json
"""

RETURN = """
added: {type: list, elements: str, returned: always, description: Users that are new.}
renewed: {type: list, elements: str, returned: always, description: Users with another password.}
removed: {type: list, elements: str, returned: always, description: Users that are gone.}
allowed: {type: list, elements: str, returned: always, description: Rights that were given.}
forbidden: {type: list, elements: str, returned: always, description: Rights that were taken.}
"""

RIGHT = {
    "user": {"type": "str", "required": True},
    "operation": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["topic", "group"], "required": True},
    "name": {"type": "str", "required": True},
    "prefix": {"type": "bool", "default": False},
}
MECHANISM = "SCRAM-SHA-512"
AT_ONCE = 4
# Both lists at once, as each starts Java; a mark says where the second begins.
MARK = "== rights"
LIST = f"""
users=$(mktemp) && trap 'rm -f "$users"' EXIT
kafka-configs "$@" --describe --entity-type users > "$users" & first=$!
rights=$(kafka-acls "$@" --list) || exit
wait "$first" && cat "$users" && printf '%s\\n' '{MARK}' "$rights"
"""
# Users by line of the input, with their passwords: some at once, for the same reason. `printf` is
# the shell's own, and so in no list of processes.
ADD = f"""
failed= started=()
finish() {{
  for pid in "${{started[@]}}"; do wait "$pid" || failed=1; done
  started=()
}}
while read -r name password; do
  printf '{MECHANISM}=iterations=8192,password=%s\\n' "$password" | kafka-configs "$@" --alter \\
    --entity-type users --entity-name "$name" --add-config-file /dev/stdin > /dev/null &
  started+=($!)
  [ "${{#started[@]}}" -lt {AT_ONCE} ] || finish
done
finish
[ -z "$failed" ]
"""
# scrypt's cost, block size and parallelism: 30 ms for each password.
SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Right(NamedTuple):
    """One ACL that allows something, from everywhere."""

    user: str
    operation: str
    kind: str
    name: str
    prefix: bool

    def __str__(self) -> str:
        """Return it as a person says it."""
        some = f"{self.name}…" if self.prefix else self.name
        return f"{self.user}: {self.operation.lower()} {self.kind} {some}"


def listed(text: str) -> tuple[set[str], set[Right]]:
    """Return the users and the rights in what `LIST` prints; denials and hosts are others'."""
    users, _, rights = text.partition(f"{MARK}\n")
    named = {user for user, said in kafka_tools.users(users).items() if MECHANISM in said}
    allowed = {
        Right(
            acl["principal"].removeprefix("User:"),
            acl["operation"].capitalize(),
            acl["resource_type"].lower(),
            acl["resource_name"],
            acl["pattern_type"] == "PREFIXED",
        )
        for acl in kafka_tools.acls(rights)
        if (acl["host"], acl["permission_type"]) == ("*", "ALLOW")
        and acl["resource_type"] in ("TOPIC", "GROUP")
        and acl["principal"].startswith("User:")
    }
    return named, allowed


def hashed(password: str, salt: bytes | None = None) -> str:
    """Return a salted hash of a password, as text."""
    salt = salt or secrets.token_bytes(16)
    derived = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
    return ":".join(base64.b64encode(part).decode() for part in (salt, derived))


def is_it(password: str, known: str) -> bool:
    """Say whether a password is the one of a hash."""
    salt = base64.b64decode(known.partition(":")[0])
    return secrets.compare_digest(hashed(password, salt), known)


class Plan(NamedTuple):
    """What is to be done."""

    added: list[str]
    renewed: list[str]
    removed: list[str]
    allowed: list[Right]
    forbidden: list[Right]

    @property
    def is_needed(self) -> bool:
        """Say whether there is anything to do."""
        return any(self)


def planned(
    users: dict[str, str],
    rights: set[Right],
    there: tuple[set[str], set[Right]],
    made: dict[str, Any],
) -> Plan:
    """Return what is to be done.

    Args:
        users: passwords that are wanted, by user.
        rights: those that are wanted.
        there: the users and rights that there are.
        made: the record of former runs: `users`, hashes by name, and `rights`, a list.
    """
    named, allowed = there
    known = made.get("users", {})
    gone = sorted((known.keys() & named) - users.keys())
    ours = {Right(*right) for right in made.get("rights", [])}
    # One who is gone keeps no right, whoever has given it.
    lost = (allowed & ours - rights) | {right for right in allowed if right.user in gone}
    return Plan(
        sorted(users.keys() - named),
        sorted(
            name
            for name in users.keys() & named
            if name not in known or not is_it(users[name], known[name])
        ),
        gone,
        sorted(rights - allowed),
        sorted(lost),
    )


def grouped(rights: list[Right]) -> list[tuple[list[str], list[str]]]:
    """Return what rights are about, as kafka-acls takes it, each with the users that have them.

    Each command starts Java: as many rights as possible go into one.
    """
    users: dict[Right, list[str]] = defaultdict(list)
    for right in rights:
        users[right._replace(user="")].append(right.user)
    names: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for right, having in users.items():
        names[(right.operation, right.kind, right.prefix, *having)].append(right.name)
    found = []
    for (operation, kind, prefix, *having), places in names.items():
        pattern = ["--resource-pattern-type", "prefixed" if prefix else "literal"]
        about = [word for name in places for word in (f"--{kind}", name)]
        found.append((["--operation", operation, *about, *pattern], list(having)))
    return found


class Broker:
    """The broker's container, and the tools in it."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module, whose parameters say where it is."""
        self.module = module
        self.options = [*kafka_tools.SERVER, *module.params["tool_options"]]

    def run(self, *command: str, text: str | None = None, **options: bool) -> tuple[int, str, str]:
        """Run a command in the container, `text` as its input."""
        return self.module.run_command(
            [*kafka_tools.INSIDE, *command], cwd=self.module.params["chdir"], data=text, **options
        )

    def listed(self, *, may_be_away: bool) -> tuple[set[str], set[Right]]:
        """Return the users and rights that there are; nothing of a broker that may be away."""
        command = ["bash", "-c", LIST, "list", *self.options]
        rc, out, _ = self.run(*command, check_rc=not may_be_away)
        return listed(out) if rc == 0 else (set(), set())

    def carry_out(self, plan: Plan, passwords: dict[str, str]) -> None:
        """Do what is to be done, what is taken away first."""
        alter = ["kafka-configs", *self.options, "--alter", "--entity-type", "users"]
        for place, users in grouped(plan.forbidden):
            self.change_rights("--remove", place, users)
        for name in plan.removed:
            delete = ["--entity-name", name, "--delete-config", MECHANISM]
            self.run(*alter, *delete, check_rc=True)
        if new := [*plan.added, *plan.renewed]:
            # Ansible ends the last line.
            text = "\n".join(f"{name} {passwords[name]}" for name in new)
            self.run("bash", "-c", ADD, "add", *self.options, text=text, check_rc=True)
        for place, users in grouped(plan.allowed):
            self.change_rights("--add", place, users)

    def change_rights(self, change: str, place: list[str], users: list[str]) -> None:
        """Give users a right, or take it from them."""
        principals = [word for user in users for word in ("--allow-principal", f"User:{user}")]
        force = ["--force"] if change == "--remove" else []
        command = ["kafka-acls", *self.options, change, *principals, *place, *force]
        self.run(*command, check_rc=True)


def read(path: Path) -> dict[str, Any]:
    """Return the record; an empty one where it is missing, or damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def write(module: AnsibleModule, path: Path, record: dict[str, Any]) -> None:
    """Write the record, for root alone."""
    handle, new = tempfile.mkstemp(dir=module.tmpdir)  # mode 0600
    with os.fdopen(handle, "w") as stream:
        json.dump(record, stream, indent=1)
    module.atomic_move(new, str(path))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            **kafka_tools.OPTIONS,
            "users": {"type": "dict", "required": True, "no_log": True},
            "rights": {"type": "list", "elements": "dict", "required": True, "options": RIGHT},
            "record": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    passwords = {str(name): str(password) for name, password in given["users"].items()}
    rights = {Right(**right) for right in given["rights"]}
    record, broker = Path(given["record"]), Broker(module)
    # A dry run may find no broker that could be asked: before the first deployment, or stopped.
    there: tuple[set[str], set[Right]] = (set(), set())
    if not module.check_mode or Path(given["chdir"]).is_dir():
        there = broker.listed(may_be_away=module.check_mode)
    made = read(record)
    plan = planned(passwords, rights, there, made)
    if plan.is_needed and not module.check_mode:
        known = made.get("users", {})
        fresh = {name: hashed(passwords[name]) for name in [*plan.added, *plan.renewed]}
        broker.carry_out(plan, passwords)
        users = {name: fresh.get(name) or known[name] for name in sorted(passwords)}
        ours = {Right(*right) for right in made.get("rights", [])} & rights
        write(module, record, {"users": users, "rights": sorted(ours | {*plan.allowed})})
    module.exit_json(
        changed=plan.is_needed,
        added=plan.added,
        renewed=plan.renewed,
        removed=plan.removed,
        allowed=[str(right) for right in plan.allowed],
        forbidden=[str(right) for right in plan.forbidden],
    )


if __name__ == "__main__":
    main()
