#!/usr/bin/python
"""Where a cluster's partitions have their replicas: enough, on the right brokers, in sync."""

from __future__ import annotations

import json
import time
from collections import Counter

from ansible.module_utils import kafka_tools
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_replicas
short_description: Give partitions their replicas, and wait until these are in sync
description:
  - Adds replicas to partitions that have too few, and moves those that are on a broker which is to
    be empty. Without anything to do it only waits.
  - What is under way already is waited for.
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
  factors:
    description:
      - The least number of replicas by topic. Kafka's own topics, whose names begin with two
        underscores, go by C(__).
    type: dict
    default: {}
  empty:
    description: The number of a broker that is to have no partition any more.
    type: int
  spread:
    description: Whether brokers that have much less than others get some of theirs.
    type: bool
    default: false
  throttle:
    description: The bytes in a second that a move may take; 0 for as fast as can be.
    type: int
    default: 0
  lead:
    description: Whether the first of its replicas is to lead each partition, as before restarts.
    type: bool
    default: false
  timeout:
    description: The seconds to wait; 0 to say only what is left.
    type: int
    default: 600
author: posestream maintainers
"""

EXAMPLES = """
- name: Wait until every partition has all its replicas
  kafka_replicas:
    chdir: /opt/posestream/kafka
"""

RETURN = """
moves:
  type: dict
  returned: always
  description: The brokers that partitions have been given, or would be, by C(TOPIC-NUMBER).
waits:
  type: list
  elements: str
  returned: always
  description: The partitions that lack replicas still.
"""

PAUSE = 3
INTERNAL = "__"
THROTTLED = {f"{end}.replication.throttled.replicas" for end in ("leader", "follower")}

Partitions = dict[tuple[str, int], kafka_tools.Partition]
Moves = dict[tuple[str, int], list[int]]


def least(topic: str, factors: dict[str, int]) -> int:
    """Return the least number of replicas of a topic."""
    return int(factors.get(topic, factors.get(INTERNAL, 0) if topic.startswith(INTERNAL) else 0))


def moves(there: Partitions, brokers: list[int], factors: dict[str, int], *, spread: bool) -> Moves:
    """Return the replicas of the partitions that are to have others.

    Of `brokers` those with the fewest replicas get the new ones; what is elsewhere goes. A
    partition that changes is led by whoever leads the fewest.

    Raises:
        ValueError: there are too few brokers.
    """
    now = {key: list(partition["replicas"]) for key, partition in there.items()}
    load = Counter(dict.fromkeys(brokers, 0))
    leads = Counter(dict.fromkeys(brokers, 0))
    for replicas in now.values():
        load.update(broker for broker in replicas if broker in load)
        leads.update(broker for broker in replicas[:1] if broker in leads)
    found: Moves = {}
    for key, replicas in sorted(now.items()):
        stay = [broker for broker in replicas if broker in load]
        count = max(len(replicas), least(key[0], factors))
        if count > len(brokers):
            raise ValueError(
                f"{key[0]} is to have {count} replicas, and there are {len(brokers)} brokers for "
                "them; leave it more brokers, or give the topic fewer replicas"
            )
        for _ in range(count - len(stay)):
            other = min((b for b in brokers if b not in stay), key=lambda b: (load[b], b))
            stay.append(other)
            load[other] += 1
        if stay != replicas:
            found[key] = stay
    if spread:
        _spread(now | found, brokers, load, found)
    for key, replicas in found.items():
        before = now[key][:1]
        leads.subtract(broker for broker in before if broker in leads)
        first = min(replicas, key=lambda b: (leads[b], b not in before, b))
        leads[first] += 1
        found[key] = [first, *(broker for broker in replicas if broker != first)]
    return found


def _spread(now: Moves, brokers: list[int], load: Counter[int], found: Moves) -> None:
    """Let the broker with the fewest replicas take one from that with the most, until even."""
    while True:
        low = min(brokers, key=lambda b: (load[b], b))
        high = max(brokers, key=lambda b: (load[b], -b))
        able = [key for key, held in sorted(now.items()) if high in held and low not in held]
        if load[high] - load[low] < 2 or not able:
            return
        replicas = [low if broker == high else broker for broker in now[able[0]]]
        now[able[0]] = found[able[0]] = replicas
        load[high] -= 1
        load[low] += 1


def lacking(there: Partitions) -> list[str]:
    """Return the partitions that lack replicas, are on their way, or have nobody who leads them."""
    return [
        f"{topic}-{number} ({len(partition['in_sync'])} of {len(partition['replicas'])})"
        for (topic, number), partition in sorted(there.items())
        if partition["leader"] is None
        or partition["moves"]
        or len(partition["in_sync"]) < len(partition["replicas"])
    ]


def as_json(wanted: Moves) -> str:
    """Return moves as `kafka-reassign-partitions` reads them."""
    partitions = [
        {"topic": topic, "partition": number, "replicas": replicas}
        for (topic, number), replicas in wanted.items()
    ]
    return json.dumps({"version": 1, "partitions": partitions})


class Cluster:
    """The cluster, by the tools."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module's parameters."""
        self.module = module
        self.tools = kafka_tools.Tools(module)

    def partitions(self, *, check: bool = True) -> Partitions:
        """Return all partitions."""
        _, said, _ = self.tools.run("kafka-topics", "--describe", check=check)
        return kafka_tools.partitions(said)

    def brokers(self) -> list[int]:
        """Return the brokers that are there."""
        _, said, _ = self.tools.run("kafka-log-dirs", "--describe")
        return kafka_tools.brokers(said)

    def reassign(self, wanted: Moves, *arguments: str) -> str:
        """Run the tool that moves, and return what it says."""
        file = ("--reassignment-json-file", "/dev/stdin")
        _, said, _ = self.tools.run(
            "kafka-reassign-partitions", *file, *arguments, data=as_json(wanted)
        )
        return said

    def wait(self, until: float) -> list[str]:
        """Wait until all replicas are there; return the partitions that lack some when time is up.

        A broker that is about to answer again, as after its restart, is waited for too.
        """
        while True:
            status, said, _ = self.tools.run("kafka-topics", "--describe", check=False)
            there = kafka_tools.partitions(said)
            waits = lacking(there) if status == 0 else ["the brokers, which do not answer"]
            if not waits:
                self.release(said)
            if not waits or time.monotonic() >= until:
                return waits
            time.sleep(PAUSE)

    def release(self, said: str) -> None:
        """Take the throttle away that a move has left, which would slow down replicas for good."""
        slow = {
            name
            for name, topic in kafka_tools.topics(said).items()
            if THROTTLED & {*topic["config"]}
        }
        there = kafka_tools.partitions(said)
        if slow:
            self.reassign(
                {key: part["replicas"] for key, part in there.items() if key[0] in slow}, "--verify"
            )

    def lead(self) -> bool:
        """Have each partition led by the first of its replicas; say whether one was not."""
        astray = [
            partition
            for partition in self.partitions().values()
            if partition["replicas"][0] != partition["leader"]
        ]
        if astray and not self.module.check_mode:
            self.tools.run(
                "kafka-leader-election", "--election-type", "preferred", "--all-topic-partitions"
            )
        return bool(astray)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            **kafka_tools.OPTIONS,
            "factors": {"type": "dict", "default": {}},
            "empty": {"type": "int"},
            "spread": {"type": "bool", "default": False},
            "throttle": {"type": "int", "default": 0},
            "lead": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    given = module.params
    cluster = Cluster(module)
    wanted: Moves = {}
    there = cluster.partitions(check=not module.check_mode)
    short = any(len(p["replicas"]) < least(key[0], given["factors"]) for key, p in there.items())
    leaving = any(given["empty"] in p["replicas"] for p in there.values())
    if short or leaving or given["spread"]:
        brokers = [broker for broker in cluster.brokers() if broker != given["empty"]]
        try:
            wanted = moves(there, brokers, given["factors"], spread=given["spread"])
        except ValueError as error:
            module.fail_json(msg=str(error))
    told = {f"{topic}-{number}": replicas for (topic, number), replicas in wanted.items()}
    if module.check_mode:
        module.exit_json(changed=bool(wanted), moves=told, waits=lacking(there))
    if wanted:
        throttle = ["--throttle", str(given["throttle"])] if given["throttle"] else []
        cluster.reassign(wanted, "--execute", "--additional", *throttle)
    waits = cluster.wait(time.monotonic() + given["timeout"])
    if waits and given["timeout"]:
        module.fail_json(
            msg=f"After {given['timeout']} s replicas are missing of {'; '.join(waits[:10])}"
            f"{f' and {len(waits) - 10} more' if len(waits) > 10 else ''}. See that all brokers "
            "run (playbooks/status.yml) and have room on their disks, and run this again",
            moves=told,
            waits=waits,
        )
    led = given["lead"] and not waits and cluster.lead()
    module.exit_json(changed=bool(wanted) or bool(led), moves=told, waits=waits)


if __name__ == "__main__":
    main()
