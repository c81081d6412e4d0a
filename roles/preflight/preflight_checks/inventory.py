"""The variables of the inventory: evaluated, and kept where they are good."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError

try:
    from ansible.template import trust_as_template
except ImportError:  # an ansible-core that is too old, which `versions` is to say

    def trust_as_template(value: str) -> str:
        """Return the text: every text was a template then."""
        return value


from . import specs


class Inventory:
    """A host's variables by name in `values`, and what is wrong with others in `problems`."""

    def __init__(self, roles: Path, templar: Any, task_vars: dict[str, Any]) -> None:
        """Evaluate every variable that the specs of `roles` know."""
        self.specs = specs.read(roles)
        self.shared = specs.read(roles, "preflight")
        self.templar = templar
        self.task_vars = task_vars
        self.host = task_vars["inventory_hostname"]
        self.values: dict[str, Any] = {}
        self.problems = [
            problem
            for name, option in sorted(self.specs.items())
            for problem in self._take(name, option)
        ]

    def unknown(self, prefixes: tuple[str, ...]) -> list[str]:
        """Return the variables that look like ours and are not."""
        return [
            specs.unknown(name, self.specs)
            for name in sorted(self.task_vars)
            if name not in self.specs
            and not name.startswith("ansible_")
            and (name.startswith(prefixes) or difflib.get_close_matches(name, self.specs, 1, 0.9))
        ]

    def missing(self) -> list[str]:
        """Return the shared variables that have no default and are not there."""
        return [
            f"{name}: is missing. {option['description']}"
            for name, option in self.shared.items()
            if option.get("required") and name not in self.task_vars
        ]

    def with_defaults(self, name: str) -> dict[str, Any]:
        """Return a mapping, with its default's entries where it leaves some out."""
        given = self.values.get(name, {})
        return self.specs[name]["default"] | {
            key: value for key, value in given.items() if value is not None
        }

    def value(self, host: str, name: str) -> Any:
        """Return a variable of any host, None where it has no good value."""
        if host == self.host:
            return self.values.get(name)
        option = self.specs.get(name, {"type": "raw"})
        try:
            value = self.task_vars["hostvars"][host].get(name, option.get("default"))
        except AnsibleError:
            return None
        return None if specs.wrong(name, option, value) else specs.cast(name, option, value)

    def _take(self, name: str, option: dict[str, Any]) -> list[str]:
        """Keep a variable's value where it is good; return what is wrong with it."""
        given = name in self.task_vars
        raw = self.task_vars[name] if given else option.get("default")
        if raw is None and not given:
            return []
        if not given and isinstance(raw, str):
            raw = trust_as_template(raw)
        try:
            value = self.templar.template(raw)
        except AnsibleError as error:
            return (
                []
                if self._waits(str(error)) or not given
                else [f"{name}: cannot be evaluated: {error}"]
            )
        problems = specs.wrong(name, option, value) if given else []
        if not problems:
            self.values[name] = specs.cast(name, option, value)
        return problems

    def _waits(self, error: str) -> bool:
        """Say whether a value may lack nothing but the host's facts, which are not known yet."""
        signs = ("ansible_", "has no attribute")
        return not self.task_vars["ansible_facts"] and any(sign in error for sign in signs)
