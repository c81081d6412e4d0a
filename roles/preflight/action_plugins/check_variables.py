"""Compare a host's variables with the roles' specs, each other and the other hosts'."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

# A role's own Python package; Ansible puts only its plugins within reach.
sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import lab, relations, versions
from preflight_checks.inventory import Inventory


class ActionModule(ActionBase):
    """Return `problems`, everything that is wrong with the host's variables; change nothing."""

    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check names, types, ranges and what they contradict.

        The task's arguments: `roles`, the folder of the roles, each of whose names is a prefix of
        variables; `shared_prefixes`, further prefixes.
        """
        super().run(tmp, task_vars)
        roles = Path(self._task.args["roles"])
        names = [role.name for role in roles.iterdir()] + self._task.args["shared_prefixes"]

        inventory = Inventory(roles, self._templar, task_vars)
        own = lab.Lab(inventory.host, task_vars["groups"], inventory.value)
        problems = [
            *inventory.unknown(tuple(f"{name}_" for name in names)),
            *inventory.missing(),
            *inventory.problems,
            *relations.problems(inventory.values, task_vars["group_names"]),
            *lab.problems(own),
        ]
        if inventory.host == task_vars["ansible_play_hosts_all"][0]:
            meta = yaml_load((roles / "preflight/meta/main.yml").read_text())
            problems += lab.group_problems(own)
            problems += versions.core(
                task_vars["ansible_version"]["full"], meta["galaxy_info"]["min_ansible_version"]
            )
        return {"changed": False, "problems": problems}
