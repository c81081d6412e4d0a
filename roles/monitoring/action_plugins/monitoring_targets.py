"""Find what Prometheus is to ask for figures: all services of the catalogue that have some."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# What knows the catalogue, and evaluates the variables of other hosts.
sys.path.insert(0, str(Path(__file__).parents[2] / "preflight"))
from preflight_checks import cameras, services
from preflight_checks.inventory import Inventory, Roles

ROLES = Path(__file__).parents[2]

Target = dict[str, Any]


def of_lab(inventory: Inventory, here: str) -> Iterator[Target]:
    """Yield the targets as file-based service discovery has them, for Prometheus on host `here`."""
    for service in services.catalogue(inventory.of(here).values()):
        for host in inventory.groups.get(service, []):
            values = ChainMap({}, inventory.of(host).values())
            # What playbooks/workers.yml has found; and cameras with the names that they leave out.
            values["workers_devices"] = inventory.value(host, "workers_devices")
            values["cameras"] = [camera.said for camera in cameras.of(values.get)]
            for metrics in services.metrics(values, service):
                labels = {"job": metrics.job, "host": host}
                if metrics.entry is not None:
                    labels[metrics.job] = named(host, metrics.entry)
                address = where(metrics.port, values["posestream_address"], host == here)
                yield {"targets": [address], "labels": labels}


def of_gpus(inventory: Inventory, port: int) -> Iterator[Target]:
    """Yield NVIDIA's exporters, on the hosts whose workers have GPUs."""
    for host in inventory.groups.get("openpose", []):
        if inventory.value(host, "workers_engine") not in (None, "openvino"):
            address = inventory.value(host, "posestream_address")
            yield {"targets": [f"{address}:{port}"], "labels": {"job": "gpu", "host": host}}


def where(port: services.Port, host: str, is_here: bool) -> str:
    """Return the address by which Prometheus reaches a port: of its own host, or of `host`."""
    everywhere = port.address in ("0.0.0.0", "::")
    address = port.address if is_here and not everywhere else "127.0.0.1" if is_here else host
    return f"[{address}]:{port.number}" if ":" in address else f"{address}:{port.number}"


def named(host: str, entry: str | int) -> str:
    """Return the name of one of several processes: its own, or its host's with its number."""
    return entry if isinstance(entry, str) else f"{host}-{entry}" if entry else host


class ActionModule(ActionBase):
    """Return `targets`; ask no host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Find them. The task's argument `gpu_exporter_port` is that of NVIDIA's exporter, or 0."""
        super().run(tmp, task_vars)
        inventory = Inventory(Roles(ROLES), self._templar, task_vars)
        targets = list(of_lab(inventory, task_vars["inventory_hostname"]))
        if port := int(self._task.args["gpu_exporter_port"]):
            targets += of_gpus(inventory, port)
        return {"changed": False, "targets": targets}
