"""Look at a host once, and say what keeps it from taking what its groups put on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase
from ansible.vars.clean import namespace_facts

# A role's own Python package; Ansible puts only its plugins within reach.
sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import fitness, services, unreachable
from preflight_checks.inventory import Inventory

# The facts that the roles use, and no more: the hardware's take long.
FACTS = ["!all", "!min", "distribution", "env", "network", "pkg_mgr", "platform", "python"]
FACTS += ["service_mgr"]


class ActionModule(ActionBase):
    """Return the host's facts, its `problems`, and whether it was `reached`; change nothing."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Look at a host that has a group of ours, unless there are problems already.

        The task's arguments: `roles`, the folder of the roles; `problems`, those of the variables.
        """
        super().run(tmp, task_vars)
        seen = {"changed": False, "problems": self._task.args["problems"], "reached": False}
        if seen["problems"] or not set(services.GROUPS) & set(task_vars["group_names"]):
            return seen
        try:
            facts = self.gather(task_vars)
            problems = self.unfit(task_vars, facts)
        except AnsibleError as error:
            host = task_vars["inventory_hostname"]
            return seen | {"problems": [unreachable.problem(host, task_vars, str(error))]}
        return seen | {"problems": problems, "reached": True, "ansible_facts": facts}

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

    def unfit(self, task_vars: dict[str, Any], facts: dict[str, Any]) -> list[str]:
        """Return what keeps the host from taking what its groups put on it."""
        roles = Path(self._task.args["roles"])
        known = task_vars | namespace_facts(facts)
        templar = self._templar.copy_with_new_env(available_variables=known)
        inventory = Inventory(roles, templar, known)
        if inventory.problems:  # of variables that are made of facts
            return inventory.problems
        values = inventory.values
        groups = task_vars["group_names"]
        wanted = services.ports(values, groups)
        data = str(values.get("kafka_broker_data", ""))
        seen = self._execute_module(
            module_name="inspect_host",
            module_args={
                "ports": [{"address": port.address, "number": port.number} for port in wanted],
                "folders": [
                    folder for folder in (values["posestream_dir"], data) if folder.startswith("/")
                ],
                "docker_data_root": values.get("docker_data_root") or "/var/lib/docker",
            },
            task_vars=task_vars,
        )
        if seen.get("failed"):
            raise AnsibleConnectionFailure(seen.get("module_stderr") or seen["msg"])
        docker = yaml_load((roles / "docker/vars/main.yml").read_text())
        needs = fitness.Needs(
            free=inventory.with_defaults("preflight_min_free_bytes"),
            memory=inventory.with_defaults("preflight_min_memory_bytes"),
            releases=list(docker["docker_releases"]),
            engine=docker["docker_engine_minimum"],
            compose=docker["docker_compose_minimum"],
        )
        host = fitness.Host(inventory.host, groups, values, known["ansible_facts"], seen)
        return fitness.problems(host, needs, wanted)
