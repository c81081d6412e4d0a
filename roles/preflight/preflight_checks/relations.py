"""Variables of one host that contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from . import docker, gpus, kafka, streams, types
from . import values as forms
from .services import Values, catalogue, clients, meet, ports

MEMORY = "preflight_min_memory_bytes"
# Each of these images is another one.
IMAGES = (
    *("posestream_image", "posestream_cuda_image", "posestream_base_image"),
    *("kafka_image", "kafka_zookeeper_image"),
)


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what contradicts in the variables of a host that is in `groups`."""
    yield from kafka.problems(values, groups)
    yield from streams.problems(values)
    yield from docker.problems(values)
    if "openpose" in groups:
        yield from gpus.contradictions(values)
    yield from _figures(values)
    yield from _address(values, groups)
    yield from _folders(values)
    yield from _images(values)
    yield from _projects(values)
    yield from _ports(values, groups)


def _figures(values: Values) -> Iterator[str]:
    """Yield figures of memory for what is no service, and those that are no numbers."""
    names = (*catalogue(values), "cuda_worker")
    option = {"type": "dict", "options": {name: {"type": "int"} for name in names}}
    for text in types.mistakes(option, values.get(MEMORY) or {}):
        yield f"{MEMORY}: {text}"


def _address(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield an address of the broker that leads each container to itself."""
    found = forms.address(str(values.get("broker_address")))
    if found and (found.is_loopback or found.is_unspecified) and {*clients(values)} & {*groups}:
        yield (
            f"broker_address: {found} is, in a container, the container itself; write the Kafka "
            "host's address, for example 192.168.1.100"
        )


def _folders(values: Values) -> Iterator[str]:
    """Yield folders that have two owners: the same one twice, or one inside of another's data."""
    services = catalogue(values)
    data = [name for entry in services.values() for name in entry.get("data", [])]
    owned = {
        name: PurePosixPath(values[name])
        for name in [
            *(f"{service}_dir" for service in services),
            *data,
            "docker_data_root",
        ]
        if str(values.get(name, "")).startswith("/")
    }
    for one, other in itertools.combinations(owned, 2):
        if owned[one] == owned[other]:
            yield (
                f"{other}: is {owned[other]}, as {one} is: what one removes, the other needs; give "
                "each its own"
            )
            continue
        for inner, outer in ((one, other), (other, one)):
            if not outer.endswith("_dir") and owned[inner].is_relative_to(owned[outer]):
                yield (
                    f"{inner}: {owned[inner]} is inside of {outer}, {owned[outer]}, whose owner "
                    "takes all in it for its own; write a folder beside it"
                )


def _images(values: Values) -> Iterator[str]:
    """Yield two images of one name."""
    for one, other in itertools.combinations(IMAGES, 2):
        if values.get(one) and values.get(one) == values.get(other):
            yield f"{other}: is {values[other]}, as {one} is: each is another image; rename one"


def _projects(values: Values) -> Iterator[str]:
    """Yield Compose projects of one name."""
    names = [f"{service}_project" for service in catalogue(values)]
    for one, other in itertools.combinations(names, 2):
        if values.get(one) and values.get(one) == values.get(other):
            yield (
                f"{other}: is {values[other]}, as {one} is: Compose would take them for one; give "
                "each its own"
            )


def _ports(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield ports of a host that two services want."""
    for one, other in itertools.combinations(ports(values, groups), 2):
        if meet(one, other):
            yield (
                f"{other.variable}: {other.number} is the port of {one.variable} too, on the same "
                f"host; for example {other.number + 1}"
            )
