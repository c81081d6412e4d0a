"""Check the variables of all hosts of a play, by themselves and between hosts, without any host."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

# A role's own Python package; Ansible puts only its plugins within reach.
sys.path.insert(0, str(Path(__file__).parents[1]))
from preflight_checks import lab, relations, specs, versions
from preflight_checks.inventory import Inventory, Roles


class ActionModule(ActionBase):
    """Return `problems`, a list for each host of the play; reach no host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check.

        The task's arguments: `roles`, the folder of the roles; `whole`, whether it has to be a lab
        with all that belongs to one.
        """
        super().run(tmp, task_vars)
        roles = Roles(Path(self._task.args["roles"]))
        inventory = Inventory(roles, self._templar, task_vars)
        hosts = task_vars["ansible_play_hosts_all"]
        problems = {host: self.misled(inventory, host) for host in hosts}
        own = lab.Lab(hosts[0], inventory.groups, inventory.value)
        problems[hosts[0]] += [
            *(self.asked(own, task_vars, roles) if self._task.args["whole"] else []),
            *versions.core(task_vars["ansible_version"]["full"], roles.folder),
        ]
        return {"changed": False, "problems": problems}

    def asked(self, own: lab.Lab, task_vars: dict[str, Any], roles: Roles) -> Iterator[str]:
        """Yield what is wrong with the inventory's groups, and with what is asked for."""
        yield from lab.group_problems(own)
        for source in map(Path, task_vars["ansible_inventory_sources"]):
            for path in sorted(source.glob("*.y*ml")) if source.is_dir() else [source]:
                if path.suffix in (".yml", ".yaml", ".json") and path.is_file():
                    yield from lab.unread(self._loader.load_from_file(str(path)))
        for option, name in (("--tags", "ansible_run_tags"), ("--skip-tags", "ansible_skip_tags")):
            yield from specs.unknown_tags(option, task_vars.get(name, []), roles.folder.parent)

    @staticmethod
    def misled(inventory: Inventory, host: str) -> list[str]:
        """Return what is wrong with a host's variables."""
        own = inventory.of(host)
        groups = [group for group, hosts in inventory.groups.items() if host in hosts]
        return [
            *own.problems(),
            *relations.problems(own.values(), groups),
            *lab.problems(lab.Lab(host, inventory.groups, inventory.value)),
        ]
