"""Check a host's variables, and in a second stage, where they are good, the host itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

# A role's own Python package; Ansible puts only its plugins within reach.
sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import fitness, gpus, lab, relations, services, unreachable, versions
from preflight_checks.inventory import Inventory

# The facts that the roles use, and no more: the hardware's take long.
FACTS = ["!all", "!min", "distribution", "env", "network", "pkg_mgr", "platform", "python"]
FACTS += ["service_mgr"]


class ActionModule(ActionBase):
    """Return the host's facts, its `problems`, and whether it was `reached`; change nothing."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check without facts and gather them; or check with them.

        The task's arguments: `stage`, `variables` or `host`; `roles`, the folder of the roles, each
        of whose names is a prefix of variables; `shared_prefixes`, further prefixes.
        """
        super().run(tmp, task_vars)
        self.roles = Path(self._task.args["roles"])
        host = task_vars["inventory_hostname"]
        try:
            if self._task.args["stage"] == "host":
                return {"changed": False, "problems": self.unfit(task_vars)}
            return self.misled_or_facts(task_vars)
        except AnsibleError as error:
            problem = unreachable.problem(host, task_vars, str(error))
            return {"changed": False, "problems": [problem], "reached": False}

    def misled_or_facts(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what is wrong with the variables, or the facts of a host with things to deploy."""
        seen = {"changed": False, "problems": self.misled(task_vars), "reached": False}
        seen["_ansible_verbose_override"] = (
            True  # facts are not for a log: they hold the environment
        )
        if seen["problems"] or not set(services.GROUPS) & set(task_vars["group_names"]):
            return seen
        return seen | {"reached": True, "ansible_facts": self.gather(task_vars)}

    def misled(self, task_vars: dict[str, Any]) -> list[str]:
        """Return what is wrong with the host's variables, by themselves and between hosts."""
        names = [role.name for role in self.roles.iterdir()] + self._task.args["shared_prefixes"]
        inventory = Inventory(self.roles, self._templar, task_vars)
        own = lab.Lab(inventory.host, task_vars["groups"], inventory.value)
        problems = [
            *inventory.unknown(tuple(f"{name}_" for name in names)),
            *inventory.missing(),
            *inventory.problems,
            *relations.problems(inventory.values, task_vars["group_names"]),
            *lab.problems(own),
        ]
        if inventory.host == task_vars["ansible_play_hosts_all"][0]:
            meta = yaml_load((self.roles / "preflight/meta/main.yml").read_text())
            problems += lab.group_problems(own)
            problems += versions.core(
                task_vars["ansible_version"]["full"], meta["galaxy_info"]["min_ansible_version"]
            )
        return problems

    def gather(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the facts that the whole run uses, gathered as a play would."""
        task = self._task.copy()
        task.args = {"gather_subset": FACTS}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.gather_facts",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result = action.run(task_vars=task_vars.copy())
        for failure in result.get("failed_modules", {}).values():
            raise AnsibleConnectionFailure(failure.get("module_stderr") or failure["msg"])
        return result["ansible_facts"]

    def unfit(self, task_vars: dict[str, Any]) -> list[str]:
        """Return what keeps the host, whose facts are known, from what its groups put on it."""
        templar = self._templar.copy_with_new_env(available_variables=task_vars)
        inventory = Inventory(self.roles, templar, task_vars)
        if inventory.problems:  # of variables that are made of facts
            return inventory.problems
        values, groups = inventory.values, task_vars["group_names"]
        wanted = services.ports(values, groups)
        folders = [
            str(values.get(name, ""))
            for name in ("posestream_dir", "kafka_broker_data", "openpose_models_dir")
        ]
        seen = self.look(
            "inspect_host",
            task_vars,
            ports=[{"address": port.address, "number": port.number} for port in wanted],
            folders=[folder for folder in folders if folder.startswith("/")],
            docker_data_root=values.get("docker_data_root") or "/var/lib/docker",
        )
        seen["nvidia"] = task_vars.get("nvidia_found") or {}
        docker = yaml_load((self.roles / "docker/vars/main.yml").read_text())
        needs = fitness.Needs(
            free=inventory.with_defaults("preflight_min_free_bytes"),
            memory=inventory.with_defaults("preflight_min_memory_bytes"),
            platforms=list(self.platforms()),
            engine=docker["docker_engine_minimum"],
            compose=docker["docker_compose_minimum"],
        )
        own = lab.Lab(inventory.host, task_vars["groups"], inventory.value)
        host = fitness.Host(
            inventory.host,
            groups,
            values,
            task_vars["ansible_facts"],
            seen,
            platform=task_vars["platform_name"],
            bundled=task_vars["platform_bundled"],
            gpus=task_vars.get("gpu_devices") or [],
            builds_for_gpus=inventory.host == lab.builder_for_gpus(own),
        )
        return [*gpus.problems(host), *fitness.problems(host, needs, wanted)]

    def platforms(self) -> Iterator[str]:
        """Yield the names of the platforms that have a file."""
        for file in sorted((self.roles / "platform/vars").glob("*.yml")):
            if name := yaml_load(file.read_text())["platform_name"]:
                yield name

    def look(self, module: str, task_vars: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        """Return what a module that only reads says of the host."""
        seen = self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        if seen.get("failed"):
            raise AnsibleConnectionFailure(seen.get("module_stderr") or seen["msg"])
        return seen
