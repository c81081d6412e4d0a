"""What containers may take: the variable posestream_limits, against what their programs need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import types
from .services import Values, catalogue
from .values import heap_bytes

if TYPE_CHECKING:
    from .fitness import Host

NAME = "posestream_limits"
OPTION = {
    "type": "dict",
    "options": {"memory": {"type": "str"}, "cpus": {"type": "float"}, "pids": {"type": "int"}},
}
MIB = 1024 * 1024
# Beside its heap Java needs room for code, threads and buffers.
HEAPS = {
    "broker": ("kafka_heap", 512 * MIB),
    "zookeeper": ("kafka_zookeeper_heap", 128 * MIB),
    "controller": ("kafka_controller_heap", 128 * MIB),
}
PIDS_LEAST = 256  # a broker with few clients has 90 threads, a worker on two processors 26


def containers(values: Values) -> dict[str, int]:
    """Return the containers by their names in the variable, with the bytes that each needs."""
    found = {}
    for service, entry in catalogue(values).items():
        for name in entry.get("containers", [service]):
            variable, room = HEAPS.get(name, ("", 0))
            heap = heap_bytes(str(values.get(variable, "")))
            found[name] = heap + room if variable else entry.get("memory", 0)
    return found


def problems(values: Values) -> Iterator[str]:
    """Yield limits of no container, those that are none, and those that are too low."""
    needed = containers(values)
    option = {"type": "dict", "options": dict.fromkeys(needed, OPTION)}
    said = values.get(NAME) or {}
    mistakes = list(types.mistakes(option, said))
    yield from (f"{NAME}: {text}" for text in mistakes)
    for name, limits in {} if mistakes else said.items():
        yield from (f"{NAME}: {name}: {text}" for text in _low(limits, needed[name]))


def _low(limits: dict[str, Any], needed: int) -> Iterator[str]:
    memory, cpus, pids = (limits.get(key) for key in OPTION["options"])
    enough = f"write {-(-needed // MIB)}m or more, or leave it out"
    if memory is not None and not heap_bytes(memory):
        yield f"memory: {memory!r} is no size as Docker takes it, digits and k, m or g; {enough}"
    elif memory is not None and heap_bytes(memory) < needed:
        yield f"memory: {memory} is less than the program needs; {enough}"
    if cpus is not None and cpus < 0.1:
        yield f"cpus: {cpus} of a processor is too little to start with; write 0.1 or more"
    if pids is not None and pids < PIDS_LEAST:
        yield f"pids: {pids} is less than the program has threads; write {PIDS_LEAST} or more"


def beyond(host: Host) -> Iterator[str]:
    """Yield what a host cannot give, and what its workers on GPUs cannot do with."""
    said = host.values.get(NAME) or {}
    here = containers({**host.values, "posestream_services": host.in_containers})
    for name in here.keys() & said.keys():
        cpus = said[name].get("cpus") or 0
        if cpus > host.seen["processors"]:
            yield (
                f"{NAME}: {name}: cpus: {cpus} is more than {host.name} has processors; write "
                f"{host.seen['processors']} or less, or leave it out"
            )
