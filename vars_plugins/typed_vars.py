"""Variables of files and of the command line, in the types that the argument specs ask for."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleParserError
from ansible.inventory.group import Group
from ansible.plugins.vars import host_group_vars
from ansible.utils.vars import load_extra_vars

DOCUMENTATION = """
name: typed_vars
short_description: Take the texts `true`, `false` and numbers for what they say
description:
  - A command line (C(-e name=false)) and INI files say nothing but texts. For a variable whose
    argument spec asks for a boolean or a number, a text that says exactly that becomes it, before
    anything reads it. Every other text stays as it is, for preflight to refuse.
  - A variable that was renamed is taken by its former name too.
  - Loads C(group_vars) and C(host_vars) as Ansible's own C(host_group_vars) does, in its place.
options:
  stage:
    ini: [{key: stage, section: vars_host_group_vars}]
    env: [{name: ANSIBLE_VARS_PLUGIN_STAGE}]
  _valid_extensions:
    default: [.yml, .yaml, .json]
    description: The extensions of files with variables.
    env: [{name: ANSIBLE_YAML_FILENAME_EXT}]
    ini: [{key: yaml_valid_extensions, section: defaults}]
    type: list
    elements: string
extends_documentation_fragment: [vars_plugin_staging]
"""

ROLES = Path(__file__).parents[1] / "roles"
sys.path.insert(0, str(ROLES / "preflight"))
from preflight_checks import types  # noqa: E402 (within reach by the line above)
from preflight_checks.inventory import FORMER_NAMES, Roles  # noqa: E402


def take(variables: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Give former names' values their new ones, and texts their types, in place; return it all."""
    for former, name in FORMER_NAMES.items():
        if former in variables:
            variables.setdefault(name, variables[former])
    known = Roles(ROLES).specs
    for name in variables.keys() & known.keys():
        variables[name] = types.said(known[name], variables[name])
    return variables


class VarsModule(host_group_vars.VarsModule):
    """Give the variables of files beside the inventory and the playbooks; mend all others."""

    REQUIRES_ENABLED = True
    # By identity, and kept, so that no other one gets its place in memory.
    mended: ClassVar[dict[int, dict[str, Any]]] = {}

    def get_vars(
        self, loader: Any, path: str, entities: list[Any] | Any, cache: bool = True
    ) -> dict[str, Any]:
        """Return the variables of hosts or groups that files at `path` say."""
        self.once(load_extra_vars(loader))
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, Group) and entity.name == "all":
                for member in (entity, *entity.get_descendants(), *entity.get_hosts()):
                    self.once(member.vars)
        try:
            return take(super().get_vars(loader, path, entities, cache))
        except AnsibleParserError as error:
            if "no vault secrets" not in str(error):
                raise
            raise AnsibleParserError(
                f"Variables in a file beside {path} are encrypted, and there is no password: run "
                "this with --ask-vault-pass or --vault-password-file."
            ) from None

    def once(self, variables: dict[str, Any]) -> None:
        """Take an inventory's variables in place, which later readers find so."""
        if variables and id(variables) not in self.mended:
            self.mended[id(variables)] = variables
            take(variables)
