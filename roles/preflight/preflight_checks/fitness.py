"""Whether a host can take what the inventory puts on it: release, GPUs, memory, disks and ports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import cameras, limits
from .services import Port, Values, on_host, projects
from .sources import cameras as program
from .values import heap_bytes
from .versions import parts

GIB = 1024**3
# What OpenVINO runs on.
ARCHITECTURES = ("x86_64", "aarch64")
CUDA_WORKER = 3 * GIB  # memory of the host for a worker on a GPU
# Of each engine on GPUs, the figures for its image on a host that builds it, and on any other.
OF_ENGINES = {"onnx": ("onnx_image", "onnx_image"), "pyopenpose": ("cuda_build", "cuda_image")}
IMAGES = {"onnx": "posestream_onnx_image", "pyopenpose": "posestream_cuda_image"}


@dataclass(frozen=True)
class Needs:
    """What a deployment asks of every host: figures in bytes, versions, and known platforms."""

    free: dict[str, int]
    memory: dict[str, int]
    platforms: Collection[str]
    engine: str
    compose: str


@dataclass(frozen=True)
class Host:
    """A host as it is: groups, variables, Ansible's facts, and what inspect_host saw.

    `seen["nvidia"]` is all that nvidia_look saw, where a worker may use a GPU. `platform` is what
    role platform has found: its name (empty for one that is not known), and whether a bundle has
    packages for it.
    """

    name: str
    groups: Collection[str]
    values: Values
    facts: dict[str, Any]
    seen: dict[str, Any]
    platform: str
    bundled: bool
    gpus: list[dict[str, Any]] = field(default_factory=list)  # as role nvidia has found them
    builds: Collection[str] = ()  # the engines on GPUs whose images it builds

    @property
    def in_containers(self) -> dict[str, dict[str, Any]]:
        """The services of the host that run as containers."""
        return {
            name: entry
            for name, entry in on_host(self.values, self.groups).items()
            if self.values.get(entry.get("way", "")) != "systemd"
        }

    @property
    def engine_on_gpus(self) -> str | None:
        """The engine of the host's workers, where they run on GPUs."""
        engine = self.values.get("workers_engine") if "openpose" in self.groups else None
        return engine if engine in IMAGES else None

    @property
    def workers_on_gpus(self) -> int:
        """How many workers run on GPUs of the host."""
        return len(self.values["workers_devices"]) if self.engine_on_gpus else 0

    @property
    def has_networks(self) -> bool:
        """Whether the host's workers run networks of OpenPose's."""
        values = self.values
        by_name = values.get("openpose_model_pose") and values.get("openpose_license_accepted")
        return bool("openpose" in self.groups and (self.engine_on_gpus or by_name))

    def has_image(self, variable: str) -> bool:
        """Say whether the image that a variable names is on the host."""
        name = str(self.values.get(variable))
        return (name if ":" in name.rsplit("/", maxsplit=1)[-1] else f"{name}:latest") in self.seen[
            "docker"
        ]["images"]


def problems(host: Host, needs: Needs, wanted: list[Port]) -> list[str]:
    """Return everything that keeps the host from taking its services."""
    return [
        *release(host, needs),
        *gpus(host),
        *memory(host, needs),
        *limits.beyond(host),
        *disk(host, needs),
        *ports(host, wanted),
        *sources(host),
        *units(host),
    ]


def release(host: Host, needs: Needs) -> Iterator[str]:
    """Yield a machine or platform that nothing here was made for, and what its Docker lacks."""
    machine = host.facts["architecture"]
    if machine not in ARCHITECTURES:
        known = " and ".join(ARCHITECTURES)
        yield f"{host.name} is a machine of the kind {machine}; OpenVINO runs on {known}"
    elif host.facts["userspace_bits"] != "64":
        yield (
            f"{host.name} runs a system of {host.facts['userspace_bits']} bit, for which there are "
            "neither Docker's packages nor OpenVINO's; install the one of 64 bit"
        )
    docker = host.seen["docker"]
    if not host.in_containers:
        return
    if docker["version"] and parts(docker["version"]) < parts(needs.engine):
        yield (
            f"{host.name} runs Docker engine {docker['version']}; {needs.engine} or newer is "
            "needed: upgrade it"
        )
        return
    lacking = list(lacks(docker, needs))
    by_hand = f"install {' and '.join(lacking)} on it by hand" if lacking else ""
    name = f"{host.facts['distribution']} {host.facts['distribution_version']}"
    if host.values.get("docker_source", "distribution") == "none":
        if lacking:
            yield f"{host.name} lacks {' and '.join(lacking)}, and docker_source is none: {by_hand}"
    elif not host.platform:
        yield (
            f"{host.name} runs {name}; packages are installed on {', '.join(needs.platforms)} "
            f"alone. Use one of those, or {by_hand + ' and ' if by_hand else ''}write "
            "docker_source: none for this host"
        )
    elif lacking and host.values.get("posestream_bundle") and not host.bundled:
        yield (
            f"posestream_bundle: a bundle has packages for Debian alone, and {host.name} runs "
            f"{name}; {by_hand} and write docker_source: none for this host"
        )


def lacks(docker: dict[str, Any], needs: Needs) -> Iterator[str]:
    """Yield what a host's Docker lacks of what containers and Ansible's modules need."""
    if not docker["installed"]:
        yield f"Docker engine {needs.engine} or newer"
    if parts(docker["compose"]) < parts(needs.compose):
        yield f"Compose {needs.compose} or newer"
    if not docker["requests"]:
        yield "Python's module requests"


def gpus(host: Host) -> Iterator[str]:
    """Yield what keeps driver and container toolkit from the host's GPUs."""
    for problem in host.seen.get("nvidia", {}).get("problems", []):
        own = problem.startswith("nvidia_")
        yield problem if own else f"{host.name} cannot use its GPU: {problem}"


def memory(host: Host, needs: Needs) -> Iterator[str]:
    """Yield too little memory for the groups that the host is in, and heaps beyond it."""
    has = host.seen["memory"]
    here = on_host(host.values, host.groups)
    asked = {name: needs.memory.get(name, entry.get("memory", 0)) for name, entry in here.items()}
    if count := host.workers_on_gpus:
        asked["openpose"] = count * needs.memory.get("cuda_worker", CUDA_WORKER)
    limit = heap_bytes(str((host.values.get(limits.NAME) or {}).get("openpose", {}).get("memory")))
    if count and limit and limit < asked["openpose"] // count:
        yield (
            f"{limits.NAME}: openpose: memory: is less than a worker on a GPU needs; write "
            f"{asked['openpose'] // count // limits.MIB}m or more, or leave it out"
        )
    need = sum(asked.values())
    if has < need:
        yield (
            f"{host.name} has {size(has)} of memory, and {size(need)} are needed for "
            f"{' and '.join(asked)}; "
            "give it more, move a group to another host, or lower preflight_min_memory_bytes"
        )
    if "kafka" in host.groups:
        for variable in ("kafka_heap", "kafka_zookeeper_heap", "kafka_controller_heap"):
            asked = heap_bytes(str(host.values.get(variable, "0")))
            if asked > has:
                yield (
                    f"{variable}: {host.values[variable]} is more than the memory of "
                    f"{host.name}, {size(has)}"
                )


def disk(host: Host, needs: Needs) -> Iterator[str]:
    """Yield file systems that are too full, by what is still to come onto them."""
    wanted: dict[int, list[tuple[str, str]]] = {}
    for purpose, folder in places(host):
        wanted.setdefault(host.seen["disks"][folder]["filesystem"], []).append((purpose, folder))
    for asked in wanted.values():
        seen = host.seen["disks"][asked[0][1]]
        need = sum(needs.free[purpose] for purpose, _ in asked)
        if seen["free"] < need:
            folders = " and ".join(dict.fromkeys(folder for _, folder in asked))
            yield (
                f"{host.name} has {size(seen['free'])} free below {seen['mount']}, and "
                f"{size(need)} are needed "
                f"for {folders}; make room, or lower preflight_min_free_bytes"
            )


def places(host: Host) -> Iterator[tuple[str, str]]:
    """Yield what is still to come, each with its folder."""
    root = host.seen["docker"]["root"]
    groups = host.groups
    missing = {
        host.values.get(entry["images"][0])
        for name, entry in host.in_containers.items()
        if not (name == "openpose" and host.workers_on_gpus)
        and not host.has_image(entry["images"][0])
    }
    yield from [("images", root)] * len(missing)
    for engine, (built, taken) in OF_ENGINES.items():
        if engine in host.builds and not host.has_image(IMAGES[engine]):
            yield built, root
        elif engine == host.engine_on_gpus and not host.has_image("openpose_image"):
            yield taken, root
    running = host.seen["docker"]["projects"]
    if host.has_networks and host.values.get("openpose_project") not in running:
        yield "models", str(host.values["openpose_models_dir"])
    if "kafka" in groups and host.values.get("kafka_project") not in running:
        data = str(host.values.get("kafka_broker_data", ""))
        yield "pictures", data if data.startswith("/") else root
    yield "projects", str(host.values["posestream_dir"])


def ports(host: Host, wanted: list[Port]) -> Iterator[str]:
    """Yield the ports that something else has, and who; what runs of ours may have them."""
    ours = projects(host.values, host.groups).values()
    for port, seen in zip(wanted, host.seen["ports"], strict=True):
        if seen["state"] == "no such address":
            yield f"{port.variable}: {port.address} is no address of {host.name}"
        elif seen["state"] == "used" and seen["project"] not in ours:
            yield (
                f"{port.variable}: port {port.number} of {host.name} is in use by {seen['owner']}; "
                f"stop that, or write another port"
            )


def sources(host: Host) -> Iterator[str]:
    """Yield cameras' devices, videos and folders that are not on the host."""
    by_systemd = host.values.get("camera_way") == "systemd"
    for camera in cameras.of(host.values.get) if "camera" in host.groups else []:
        source, place = str(camera.said.get("source")), camera.place("source")
        there = host.seen["files"].get(source)
        if camera.kind == "device" and there != "device":
            yield (
                f"{place}: {host.name} has no device {source}; plug the camera in, and look which "
                "there are with ls /dev/v4l/by-id"
            )
        elif camera.kind == "file" and source == program.STREET and by_systemd:
            yield (
                f"{place}: the street is in the image, and the cameras of {host.name} run without "
                "one; write another source, for example picamera or /dev/video0"
            )
        elif camera.kind == "file" and source != program.STREET and not there:
            yield (
                f"{place}: {host.name} has no file or folder {source}; put it there, or leave "
                "the source out for the street of the image"
            )
        elif camera.kind == "picamera" and not by_systemd:
            yield (
                f"{place}: {source} is for Raspberry Pi OS, and {host.name} runs its cameras as "
                "containers; write another source, or camera_runs: systemd"
            )


def units(host: Host) -> Iterator[str]:
    """Yield what keeps cameras from being units of systemd."""
    if "camera" not in host.groups or host.values.get("camera_way") != "systemd":
        return
    if host.facts["service_mgr"] != "systemd":
        yield (
            f"camera_runs: {host.name} runs {host.facts['service_mgr']} and no systemd; write "
            "container"
        )
    if not host.platform:
        yield (
            f"camera_runs: {host.name} is none of the platforms on which packages are installed; "
            "write container"
        )
    if host.values.get("posestream_bundle"):
        yield (
            "posestream_bundle: a bundle has nothing for cameras as units of systemd, which come "
            f"from PyPI; write camera_runs: container for {host.name}"
        )


def size(amount: int) -> str:
    """Return bytes as a person reads them."""
    return f"{amount / GIB:.1f} GiB" if amount >= GIB / 10 else f"{amount / 1024**2:.0f} MiB"
