"""What is done about users and rights that are missing, differ, or are no longer wanted."""

from __future__ import annotations

import subprocess

import pytest

from .plugins import load

module = load("roles/kafka/library/kafka_users.py")
Right = module.Right
# As the tools of Kafka 3.9 print it.
PRINTED = """\
SCRAM credential configs for user-principal 'camera-street' are SCRAM-SHA-512=iterations=8192
SCRAM credential configs for user-principal 'old' are SCRAM-SHA-256=iterations=4096
Quota configs for the default client-id are consumer_byte_rate=1.0
SCRAM credential configs for user-principal 'somebody' are SCRAM-SHA-256=iterations=4096, \
SCRAM-SHA-512=iterations=8192
== rights
Current ACLs for resource `ResourcePattern(resourceType=TOPIC, name=pictures, \
patternType=LITERAL)`: 
 \t(principal=User:camera-street, host=*, operation=WRITE, permissionType=ALLOW)
\t(principal=User:somebody, host=192.0.2.1, operation=WRITE, permissionType=ALLOW)
\t(principal=User:somebody, host=*, operation=WRITE, permissionType=DENY) 

Current ACLs for resource `ResourcePattern(resourceType=GROUP, name=reader-, \
patternType=PREFIXED)`: 
 \t(principal=User:reader, host=*, operation=READ, permissionType=ALLOW) 
"""  # noqa: W291 (the tool's own)
WRITES = Right("camera-street", "Write", "topic", "pictures", False)
READS = Right("reader", "Read", "group", "reader-", True)
PASSWORD = "a password of many letters"


def planned(users, rights, made=None, there=None) -> dict[str, list]:
    there = module.listed(PRINTED) if there is None else there
    plan = module.planned(users, set(rights), there, made or {})
    return {name: value for name, value in plan._asdict().items() if value}


def record(users=(), rights=()) -> dict:
    return {
        "users": {name: module.hashed(PASSWORD) for name in users},
        "rights": [list(right) for right in rights],
    }


def test_what_kafka_prints():
    assert module.listed(PRINTED) == ({"camera-street", "somebody"}, {WRITES, READS})
    assert module.listed("== rights\n") == (set(), set())


def test_what_is_right_is_left_alone():
    made = record(["camera-street"], [WRITES])
    assert planned({"camera-street": PASSWORD}, [WRITES, READS], made) == {}


def test_what_is_missing_is_made():
    plan = planned({"new": PASSWORD}, [WRITES._replace(user="new")])
    assert plan == {"added": ["new"], "allowed": [WRITES._replace(user="new")]}


@pytest.mark.parametrize("made", [record(["camera-street"]), record()])
def test_another_password_is_set_and_one_that_is_not_known(made):
    plan = planned({"camera-street": f"{PASSWORD}!"}, [WRITES], made)
    assert plan == {"renewed": ["camera-street"]}


def test_who_was_made_here_and_is_not_wanted_goes_with_all_its_rights():
    more = WRITES._replace(name="by hand")
    there = ({"camera-street", "somebody"}, {WRITES, READS, more})
    plan = planned({}, [], record(["camera-street"]), there)
    assert plan == {"removed": ["camera-street"], "forbidden": sorted([WRITES, more])}


def test_what_others_have_made_stays():
    assert planned({}, [], record()) == {}


def test_a_right_that_is_not_wanted_any_more_goes():
    plan = planned({"camera-street": PASSWORD}, [], record(["camera-street"], [WRITES]))
    assert plan == {"forbidden": [WRITES]}


def test_one_command_gives_a_right_to_all_who_have_it():
    rights = [
        Right(user, "Read", "topic", topic, False) for user in ("a", "b") for topic in ("s", "r")
    ]
    assert module.grouped([*rights, READS]) == [
        (
            [
                *("--operation", "Read", "--topic", "s", "--topic", "r"),
                *("--resource-pattern-type", "literal"),
            ],
            ["a", "b"],
        ),
        (
            ["--operation", "Read", "--group", "reader-", "--resource-pattern-type", "prefixed"],
            ["reader"],
        ),
    ]


def test_a_hash_knows_its_password_alone():
    known = module.hashed(PASSWORD)
    assert module.is_it(PASSWORD, known)
    assert not module.is_it(f"{PASSWORD}.", known)
    assert PASSWORD not in known
    assert module.hashed(PASSWORD) != known


@pytest.mark.parametrize(("refused", "status"), [("nobody", 0), ("u2", 1), ("u6", 1)])
def test_all_passwords_are_set_and_a_failure_is_one(tmp_path, refused, status):
    log = tmp_path / "log"
    tool = tmp_path / "kafka-configs"
    tool.write_text(
        '#!/bin/bash\nread -r text\necho "$* $text" >> "$LOG"\n[ "$7" != "$REFUSED" ]\n'
    )
    tool.chmod(0o755)
    said = subprocess.run(
        ["bash", "-c", module.ADD, "add", "--to", "broker"],
        input="".join(f"u{number} pass\\word={number}\n" for number in range(7)),
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "REFUSED": refused},
        text=True,
        check=False,
        timeout=20,
    )
    assert said.returncode == status
    about = "--to broker --alter --entity-type users"
    assert sorted(log.read_text().splitlines()) == [
        f"{about} --entity-name u{number} --add-config-file /dev/stdin "
        f"SCRAM-SHA-512=iterations=8192,password=pass\\word={number}"
        for number in range(7)
    ]
