"""Engines and their GPUs: flags that an engine has not, GPUs that a host has not, the licence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .said import texts_of
from .services import Values, clients
from .sources import flags

if TYPE_CHECKING:
    from .fitness import Host

LICENSE = (
    "openpose_license_accepted: OpenPose and its trained networks are free for academic and for "
    "non-profit, non-commercial research alone; any other use needs a licence of Carnegie Mellon "
    "University's. Read https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/LICENSE"
    ", and where your use is such and you accept its terms, write openpose_license_accepted: true; "
    "else openpose_engine: openvino, whose network is under Apache-2.0"
)
# What the engine on the CPU has not, with the only values that mean the same there.
ON_GPUS_ALONE = {
    "openpose_model_pose": "COCO",
    "openpose_scale_number": 1,
    "openpose_face": False,
    "openpose_hand": False,
    "openpose_tracking": -1,
}


def contradictions(values: Values) -> Iterator[str]:
    """Yield what can be said of an OpenPose host before its GPUs are known."""
    engine = values.get("openpose_engine")
    if engine == "openvino":
        yield from _on_cpu(values, "openpose_engine is openvino")
    elif engine == "pyopenpose":
        yield from _licence(values)
    if values.get("openpose_tracking", -1) >= 0 and values.get("openpose_number_people_max") != 1:
        yield (
            "openpose_tracking: OpenPose tracks one person alone; write "
            "openpose_number_people_max: 1, or leave it out"
        )
    images = [values.get(f"openpose_cuda_{kind}_image") for kind in ("build", "runtime")]
    if values.get("openpose_cuda_cudnn") == "on" and not all(images):
        yield (
            "openpose_cuda_cudnn: on needs images that have cuDNN; write openpose_cuda_build_image "
            "and openpose_cuda_runtime_image, for example those of the Dockerfile with cudnn8"
        )
    number, gap = values.get("openpose_scale_number", 1), values.get("openpose_scale_gap", 0.25)
    if number > 1 and not 0 < (number - 1) * gap < 1:
        yield (
            f"openpose_scale_gap: {gap:g} between {number} sizes, of which the first is 1, has to "
            f"leave something of the last; for example {0.75 / (number - 1):.2g}"
        )


def problems(host: Host) -> Iterator[str]:
    """Yield what is wrong with an OpenPose host whose GPUs are known."""
    values = host.values
    if "openpose" not in host.groups:
        return
    if values.get("workers_engine") == "openvino":
        if values.get("openpose_engine") == "auto":
            yield from _on_cpu(values, f"{host.name} has no NVIDIA GPU")
        return
    if not host.gpus:
        yield (
            f"openpose_engine: pyopenpose needs an NVIDIA GPU, and {host.name} has none; write "
            "openvino for a worker on the CPU, or auto, which takes what is there"
        )
        return
    if values.get("openpose_engine") == "auto":
        yield from _licence(values)
    there = [gpu["index"] for gpu in host.gpus]
    chosen = values.get("openpose_gpus")
    if isinstance(chosen, list) and (absent := [gpu for gpu in chosen if gpu not in there]):
        known = ", ".join(
            f"{gpu['index']} ({gpu.get('name') or gpu['address']})" for gpu in host.gpus
        )
        yield f"openpose_gpus: {host.name} has no GPU {_list(absent)}; there is {known}"


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
    said = flags.read(texts_of(values.get("openpose_environment") or {}), [])
    for text in flags.contradictions("openvino", said["openpose"]):
        yield f"openpose_environment: {text}"
    own = values.get("openpose_image")
    for service in clients(values):
        image = values.get(f"{service}_image")
        if own and image and image != own:
            yield (
                f"{service}_image: is {image}, and openpose_image is {own}: worker, camera and "
                "viewer have one image, and of others nothing brings any; write posestream_image "
                "for all of them in place of both"
            )
    for name, same in ON_GPUS_ALONE.items():
        value = values.get(name, same)
        if value != same:
            shown = str(value).lower() if isinstance(value, bool) else value
            yield (
                f"{name}: {shown} needs OpenPose itself on a GPU, and {reason}; leave it out for "
                "a worker on the CPU"
            )


def _list(numbers: list[int]) -> str:
    return " and ".join(map(str, numbers))
