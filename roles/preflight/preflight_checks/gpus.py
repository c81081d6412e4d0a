"""Engines and their GPUs: flags that an engine has not, GPUs that a host has not, the licence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .said import texts_of
from .services import Values, clients
from .sources import flags, nvidia_driver
from .versions import parts

if TYPE_CHECKING:
    from .fitness import Host

LICENSE = (
    "openpose_license_accepted: OpenPose and its trained networks are free for academic and for "
    "non-profit, non-commercial research alone; any other use needs a licence of Carnegie Mellon "
    "University's. Read https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/LICENSE"
    ", and where your use is such and you accept its terms, write openpose_license_accepted: true; "
    "else openpose_engine: openvino without openpose_model_pose, whose network is under Apache-2.0"
)
# What the engine onnx runs on, by openpose_onnx_cuda: the oldest driver, and the oldest generation
# of GPUs with its compute capability.
ONNX = {12: ("525.60.13", "Pascal", "6.0"), 13: ("580", "Turing", "7.5")}
# The variable of role openpose for each setting of the worker's, where it has one of this name.
VARIABLES = {
    name: f"openpose_{name.partition('_')[2].lower()}"
    for name in flags.TABLE
    if name.startswith(("OPENPOSE_", "WORKER_"))
}


def contradictions(values: Values) -> Iterator[str]:
    """Yield what can be said of an OpenPose host before its GPUs are known.

    With openpose_engine auto it is a worker with onnx, or one that can less.
    """
    engine = values.get("openpose_engine")
    if engine == "openvino":
        yield from _on_cpu(values, "openpose_engine is openvino")
    elif engine:
        yield from _unable(values, "onnx" if engine == "auto" else engine)
    if engine in ("onnx", "pyopenpose") or names_network(values):
        yield from _licence(values)
    images = [values.get(f"openpose_cuda_{kind}_image") for kind in ("build", "runtime")]
    if values.get("openpose_cuda_cudnn") == "on" and not all(images):
        yield (
            "openpose_cuda_cudnn: on needs images that have cuDNN; write openpose_cuda_build_image "
            "and openpose_cuda_runtime_image, for example "
            "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04 and the same with runtime for devel"
        )
    elif any(images) and not all(images):
        said, missing = ("build", "runtime") if images[0] else ("runtime", "build")
        yield (
            f"openpose_cuda_{missing}_image: openpose_cuda_{said}_image is said alone, and both "
            "have to be of one CUDA and one distribution; write both, or leave both out"
        )


def names_network(values: Values) -> bool:
    """Say whether a network of OpenPose's is asked for that no free one can stand in for."""
    return values.get("openpose_model_pose") not in (None, "", "COCO")


def problems(host: Host) -> Iterator[str]:
    """Yield what is wrong with an OpenPose host whose GPUs are known."""
    values = host.values
    if "openpose" not in host.groups:
        return
    engine, asked = values.get("workers_engine"), values.get("openpose_engine")
    if engine == "openvino":
        if asked == "auto":
            yield from _on_cpu(values, f"{host.name} has no NVIDIA GPU")
        return
    if not host.gpus:
        yield (
            f"openpose_engine: {engine} needs an NVIDIA GPU, and {host.name} has none; write "
            "openvino for a worker on the CPU, or auto, which takes what is there"
        )
        return
    if asked == "auto":
        yield from _licence(values)
    there = [gpu["index"] for gpu in host.gpus]
    chosen = values.get("openpose_gpus")
    if isinstance(chosen, list) and (absent := [gpu for gpu in chosen if gpu not in there]):
        known = ", ".join(f"{gpu['index']} ({_name(gpu)})" for gpu in host.gpus)
        yield f"openpose_gpus: {host.name} has no GPU {_list(absent)}; there is {known}"
    if engine == "onnx":
        yield from _onnx(host)


def _onnx(host: Host) -> Iterator[str]:
    """Yield what ONNX Runtime with its version of CUDA does not run on."""
    machine = host.facts["architecture"]
    if machine != "x86_64":
        yield (
            f"openpose_engine: onnx is for x86_64 alone, as ONNX Runtime's packages for CUDA are, "
            f"and {host.name} is a machine of the kind {machine}; write openvino, for a worker on "
            "the CPU"
        )
        return
    cuda = host.values.get("openpose_onnx_cuda", 12)
    driver, oldest, capability = ONNX[cuda]
    older = "; write 12" if cuda == 13 else "; write openpose_engine: openvino for this host"
    generations = list(nvidia_driver.GENERATIONS)
    for gpu in host.gpus:
        generation = nvidia_driver.generation(gpu["device"])
        used = gpu["index"] in host.values["workers_devices"]
        if used and generations.index(generation) < generations.index(oldest):
            yield (
                f"openpose_onnx_cuda: {cuda} needs GPUs of compute capability {capability} "
                f"({oldest}) or newer, and GPU {gpu['index']} ({_name(gpu)}) of {host.name} is of "
                f"the generation {generation}{older}"
            )
    version = _driver(host.seen.get("nvidia", {}))
    if version and parts(version) < parts(driver):
        yield (
            f"openpose_onnx_cuda: {cuda} needs NVIDIA's driver {driver} or newer, and that of "
            f"{host.name} is {version}{'; write 12, or' if cuda == 13 else ';'} install a newer "
            "one (nvidia_driver_source, nvidia_driver_branch)"
        )


def _driver(found: dict[str, Any]) -> str:
    """Return the version of the driver that a host has or is to get; "" where it is not known."""
    plan, driver = found.get("plan", {}), found.get("driver", {})
    return plan.get("branch") or driver.get("loaded") or driver.get("on_disk") or ""


def _licence(values: Values) -> Iterator[str]:
    if not values.get("openpose_license_accepted"):
        yield LICENSE


def _on_cpu(values: Values, reason: str) -> Iterator[str]:
    """Yield what a worker on the CPU has not: GPUs, flags of OpenPose's, an image of its own."""
    if values.get("openpose_gpus", "all") != "all":
        yield (
            f"openpose_gpus: {values['openpose_gpus']} cannot get workers, {reason}; leave it out "
            "for a worker on the CPU"
        )
    yield from (f"{text} ({reason})" for text in _unable(values, "openvino"))
    own = values.get("openpose_image")
    for service in clients(values):
        image = values.get(f"{service}_image")
        if own and image and image != own:
            yield (
                f"{service}_image: is {image}, and openpose_image is {own}: worker, camera and "
                "viewer have one image, and of others nothing brings any; write posestream_image "
                "for all of them in place of both"
            )


def _unable(values: Values, engine: str) -> Iterator[str]:
    """Yield what a worker with an engine cannot be told, by the image's own table."""
    said = {name: values[known] for name, known in VARIABLES.items() if known in values}
    free = engine == "openvino" and not values.get("openpose_license_accepted")
    if free and not names_network(values):
        said["OPENPOSE_MODEL_POSE"] = ""
    environment = values.get("openpose_environment") or {}
    texts = texts_of(said | environment | {"WORKER_ENGINE": engine})
    settings = flags.read(texts, [])
    for text in flags.contradictions(settings["worker"], settings["openpose"]):
        by_environment = text.partition(":")[0] in environment
        yield f"openpose_environment: {text}" if by_environment else _as_variables(text)


def _as_variables(text: str) -> str:
    """Return a message of the image's with the variables that an inventory has for its settings."""
    return re.sub(
        r"\b(?:OPENPOSE|WORKER)_[A-Z_]+=?",
        lambda found: VARIABLES[found[0].rstrip("=")] + (": " if found[0][-1] == "=" else ""),
        text,
    )


def _name(gpu: dict[str, Any]) -> str:
    return gpu.get("name") or gpu["address"]


def _list(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
