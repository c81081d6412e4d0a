"""Gather the facts of a host for the whole run; say why it cannot be reached where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import unreachable


class ActionModule(ActionBase):
    """Return the host's facts, or `problems`: why it could not be asked for them."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Gather them as a play would. The task's argument `facts` says which."""
        super().run(tmp, task_vars)
        task = self._task.copy()
        task.args = {"gather_subset": self._task.args["facts"]}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.gather_facts",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            result = action.run(task_vars=task_vars.copy())
            for failure in result.get("failed_modules", {}).values():
                raise AnsibleConnectionFailure(failure.get("module_stderr") or failure["msg"])
        except AnsibleError as error:
            problem = unreachable.of_task(self._templar, task_vars, error)
            return {"changed": False, "problems": [problem]}
        return {
            "changed": False,
            "ansible_facts": result["ansible_facts"],
            # They hold the environment: not for a log.
            "_ansible_verbose_override": True,
        }
