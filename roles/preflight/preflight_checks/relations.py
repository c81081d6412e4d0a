"""Variables of one host that contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from . import cameras, docker, gpus, kafka, security, streams, types, viewer
from . import values as forms
from .limits import problems as of_limits
from .services import Values, catalogue, clients, meet, ports

# What counts with one value of another variable alone, and that variable's other value by default.
COUNTS_WITH = {
    "docker_repository_key_url": ("docker_source", "docker", "distribution"),
    "docker_repository_url": ("docker_source", "docker", "distribution"),
    "nvidia_driver_repository_fingerprint": ("nvidia_driver_source", "nvidia", "distribution"),
    "nvidia_driver_repository_key_url": ("nvidia_driver_source", "nvidia", "distribution"),
    "nvidia_driver_repository_url": ("nvidia_driver_source", "nvidia", "distribution"),
}
# Sources that need another variable to say where.
NEEDED = {"archive": "archive", "registry": "reference"}
MEMORY = "preflight_min_memory_bytes"
# Each of these images is another one.
IMAGES = (
    *("posestream_image", "posestream_onnx_image", "posestream_cuda_image"),
    *("posestream_base_image", "kafka_image", "kafka_zookeeper_image"),
    *("monitoring_image", "node_exporter_image"),
)
# What images are built from.
BASES = tuple(f"{role}_base_image" for role in ("kafka", "openpose", "monitoring", "node_exporter"))


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what contradicts in the variables of a host that is in `groups`."""
    yield from kafka.problems(values, groups)
    yield from security.problems(values, groups)
    yield from streams.problems(values)
    yield from docker.problems(values)
    yield from cameras.problems(values, groups)
    yield from viewer.problems(values, groups)
    if "openpose" in groups:
        yield from gpus.contradictions(values)
    yield from _figures(values)
    yield from of_limits(values)
    yield from _address(values, groups)
    yield from _folders(values)
    yield from _images(values)
    yield from _sources(values)
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
    for service in {*clients(values)} & {*groups}:
        name = values.get("broker_hostname")
        told = (values.get(f"{service}_extra_hosts") or {}).get(name)
        found = forms.address(str(told))
        if found and (found.is_loopback or found.is_unspecified):
            yield (
                f"{service}_extra_hosts: {name} is {found}, which is, in a container, the "
                "container itself; leave it out, it is wired by itself"
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
    volumes = {name: values[name] for name in data if values.get(name) and name not in owned}
    for one, other in itertools.combinations(volumes, 2):
        if volumes[one] == volumes[other]:
            yield f"{other}: is the volume of {one} too, {volumes[one]}; give each its own"
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
    for base in BASES:
        for other in IMAGES:
            own = values.get(base)
            if own == values.get(other) and own != values.get("posestream_base_image"):
                yield (
                    f"{base}: is {values[base]}, as {other} is, which is built from another; "
                    "write the image of a bare Debian"
                )


def _sources(values: Values) -> Iterator[str]:
    """Yield what does nothing with the chosen source, and sources without their place."""
    for name, (source, counts, otherwise) in COUNTS_WITH.items():
        if values.get(name) and values.get(source) == otherwise:
            yield f"{name}: does nothing, {source} is {otherwise}; write {source}: {counts}"
    for image in ("openpose_image", "openpose_onnx_image", "openpose_cuda_image"):
        source = values.get(f"{image}_source")
        place = f"{image}_{NEEDED.get(source, 'source')}"
        if values.get(place) == "":
            yield f"{image}_source: {source} needs {place}, which says where; write it too"


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
