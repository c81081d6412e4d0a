"""Check whether a host, whose facts are known, can take what its groups put on it."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import cameras, fitness, gpus, lab, openings, services, unreachable
from preflight_checks.inventory import Inventory, Roles


def platforms(roles: Path) -> Iterator[str]:
    """Yield the names of the platforms that have a file."""
    for file in sorted((roles / "platform/vars").glob("*.yml")):
        if name := yaml_load(file.read_text())["platform_name"]:
            yield name


class ActionModule(ActionBase):
    """Return the `problems` of a host, and the ports that it `opens`; change nothing."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check. The task's argument `roles` is the folder of the roles."""
        super().run(tmp, task_vars)
        host = task_vars["inventory_hostname"]
        inventory = Inventory(Roles(Path(self._task.args["roles"])), self._templar, task_vars)
        opens: list[dict[str, Any]] = []
        try:
            problems = self.unfit(inventory, host, task_vars, opens)
        except AnsibleError as error:
            problems = [unreachable.of_task(self._templar, task_vars, error)]
        return {"changed": False, "problems": problems, "opens": opens}

    def unfit(
        self,
        inventory: Inventory,
        name: str,
        task_vars: dict[str, Any],
        opens: list[dict[str, Any]],
    ) -> list[str]:
        """Return what keeps the host from what its groups put on it; note what it `opens`."""
        own = inventory.of(name)
        if problems := list(own.mistakes()):  # of variables that are made of facts
            return problems
        # What roles workers and camera have found, where the host is to have any.
        facts = ("workers_devices", "workers_engine", "camera_way")
        found = {name: own.value(name) for name in facts}
        values, groups = ChainMap(found, own.values()), task_vars["group_names"]
        wanted = services.ports(values, groups)
        opens += openings.openings(values, groups)
        folders = (values["posestream_dir"], values["kafka_broker_data"])
        seen = self.look(
            "inspect_host",
            task_vars,
            ports=[{"address": port.address, "number": port.number} for port in wanted],
            folders=[
                folder
                for folder in (*folders, values["openpose_models_dir"])
                if folder.startswith("/")
            ],
            files=[camera.said["source"] for camera in cameras.of(values.get)],
            docker_data_root=values["docker_data_root"] or "/var/lib/docker",
        )
        seen["nvidia"] = task_vars.get("nvidia_found") or {}
        docker = yaml_load((inventory.roles.folder / "docker/vars/main.yml").read_text())
        needs = fitness.Needs(
            free=own.with_defaults("preflight_min_free_bytes"),
            memory=values["preflight_min_memory_bytes"],
            platforms=list(platforms(inventory.roles.folder)),
            engine=docker["docker_engine_minimum"],
            compose=docker["docker_compose_minimum"],
        )
        whole = lab.Lab(name, inventory.groups, inventory.value)
        host = fitness.Host(
            name,
            groups,
            values,
            task_vars["ansible_facts"],
            seen,
            platform=task_vars["platform_name"],
            bundled=task_vars["platform_bundled"],
            gpus=task_vars.get("gpu_devices") or [],
            builds=[
                engine for engine, host in lab.builders_for_gpus(whole).items() if host == name
            ],
        )
        return [
            *gpus.problems(host),
            *fitness.problems(host, needs, wanted),
            *lab.problems_of_workers(whole),
        ]

    def look(self, module: str, task_vars: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        """Return what a module that only reads says of the host."""
        seen = self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        if seen.get("failed"):
            raise AnsibleConnectionFailure(seen.get("module_stderr") or seen["msg"])
        return seen
