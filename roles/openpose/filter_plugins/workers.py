"""The workers of a host as Compose's services, and the networks that their flags ask for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[3] / "files/openpose/posestream/models.py"
METRICS_PORT = 9095  # inside of a container
STATE = "/var/cache/posestream"  # the volume of the host's workers, where it outlives them
# OpenPose's model_pose → the folder of its network. The two of MPI share one.
FOLDERS = {"BODY_25": "pose/body_25", "COCO": "pose/coco", "MPI": "pose/mpi"}
FOLDERS["MPI_4_layers"] = FOLDERS["MPI"]


def openpose_workers(
    worker: dict[str, Any],
    devices: Iterable[int | str],
    access: str,
    metrics_bind: str,
    host: str,
) -> dict[str, dict[str, Any]]:
    """Return one service for each device, by name: `openpose`, then `openpose-1` and so on.

    Args:
        worker: what all of them have.
        devices: a GPU's number as nvidia-smi counts, or "cpu"; each worker sees its own alone.
        access: how containers get GPUs on the host: "cdi" or "runtime".
        metrics_bind: ADDRESS:PORT where the first one's metrics are published; the others follow.
        host: the host's name, with which the workers' names in their consumer group begin.
    """
    address, _, port = metrics_bind.rpartition(":")
    services = {}
    for number, device in enumerate(devices):
        name = f"openpose-{number}" if number else "openpose"
        gpu = {} if str(device) == "cpu" else of_gpu(device, access)
        services[name] = {
            **worker,
            **gpu,
            "environment": {
                "WORKER_NAME": f"{host}-{name}",
                "XDG_STATE_HOME": STATE,
                **gpu.get("environment", {}),
            },
            "ports": [f"{address}:{int(port) + number}:{METRICS_PORT}"],
        }
    return services


def of_gpu(device: int | str, access: str) -> dict[str, Any]:
    """Return what gives a service one GPU.

    CDI by a device request and not by `devices:`: Debian 13's Compose 2.26 takes a name there for a
    path, and the engine finds no such file.
    """
    if access == "cdi":
        wanted = {
            "driver": "cdi",
            "device_ids": [f"nvidia.com/gpu={device}"],
            "capabilities": ["gpu"],
        }
        return {"deploy": {"resources": {"reservations": {"devices": [wanted]}}}}
    return {"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": str(device)}}


def openpose_models(model_pose: str, face: bool, hand: bool) -> list[dict[str, Any]]:
    """Return the networks for these flags as [{path, md5, size}]; size in bytes or None.

    The table of them is the image's own: files/openpose/posestream/models.py.
    """
    spec = importlib.util.spec_from_file_location("models", TABLE)
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    wanted = {FOLDERS[model_pose]: True, "face": face, "hand": hand}
    return [
        {"path": path, "md5": md5, "size": size}
        for path, (md5, size) in table.MODELS.items()
        if wanted.get(str(Path(path).parent))
    ]


class FilterModule:
    """The filters, by name."""

    def filters(self) -> dict[str, Any]:
        """Return them."""
        return {"openpose_workers": openpose_workers, "openpose_models": openpose_models}
