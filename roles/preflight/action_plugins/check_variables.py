"""Compare a host's variables with the argument specs of this project's roles."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import (
    AnsibleValidationError,
    ArgumentTypeError,
    ArgumentValueError,
)
from ansible.plugins.action import ActionBase

DOCUMENTATION_KEYS = {"description", "version_added", "required"}
TYPES = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}


def read_specs(roles: Path, role: str = "*") -> dict[str, dict[str, Any]]:
    """Return the variables of roles, by name, with what `meta/argument_specs.yml` says of them."""
    specs: dict[str, dict[str, Any]] = {}
    for path in sorted(roles.glob(f"{role}/meta/argument_specs.yml")):
        for entry_point in yaml.safe_load(path.read_text())["argument_specs"].values():
            specs.update(entry_point.get("options") or {})
    return specs


def for_validator(option: dict[str, Any]) -> dict[str, Any]:
    """Return an option's spec without its documentation, and without its default."""
    spec = {
        key: value for key, value in option.items() if key not in DOCUMENTATION_KEYS | {"default"}
    }
    if "options" in option:
        spec["options"] = {
            name: for_validator(sub) | {"required": sub.get("required", False)}
            for name, sub in option["options"].items()
        }
    return spec


def plain(error: AnsibleValidationError, option: dict[str, Any], value: Any) -> str:
    """Return what the validator found, in words for the person who wrote the inventory."""
    if "options" in option:  # the validator's own words say which key of which entry
        return error.msg
    if isinstance(error, ArgumentTypeError):
        return f"{value!r} is not {TYPES.get(option['type'], option['type'])}"
    if isinstance(error, ArgumentValueError):
        return f"{value!r} is not one of {', '.join(map(str, option.get('choices', [])))}"
    return error.msg


def example(option: dict[str, Any]) -> str:
    """Return the end of a message: a value that would be right, where the spec has one."""
    return f"; for example {option['default']!r}" if option.get("default") not in (None, "") else ""


class ActionModule(ActionBase):
    """Fail with everything that is wrong with the host's variables; change nothing."""

    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check names, types, choices and ranges.

        The task's arguments: `roles`, the folder of the roles, each of whose names is a prefix of
        variables; `shared_prefixes`, further prefixes; `ranges`, {variable: [lowest, highest]}.
        """
        super().run(tmp, task_vars)
        roles = Path(self._task.args["roles"])
        specs = read_specs(roles)
        self.ranges = self._task.args["ranges"]
        names = [role.name for role in roles.iterdir()] + self._task.args["shared_prefixes"]
        prefixes = tuple(f"{name}_" for name in names)

        problems = [
            self.unknown(name, specs)
            for name in sorted(task_vars)
            if name not in specs
            and not name.startswith("ansible_")
            and (name.startswith(prefixes) or difflib.get_close_matches(name, specs, 1, 0.9))
        ]
        problems += [
            f"{name}: is missing. {option['description']}"
            for name, option in read_specs(roles, "preflight").items()
            if option.get("required") and name not in task_vars
        ]
        for name, option in sorted(specs.items()):
            if name in task_vars:
                problems += self.wrong(name, option, task_vars[name])

        if not problems:
            return {"changed": False, "msg": f"{len(specs)} variables known, nothing wrong"}
        host = task_vars["inventory_hostname"]
        head = f"{host}: {len(problems)} wrong in the inventory, nothing was changed"
        return {"failed": True, "msg": "\n  - ".join([head, *problems])}

    def unknown(self, name: str, specs: dict[str, Any]) -> str:
        """Describe a variable that no role knows."""
        near = difflib.get_close_matches(name, specs, 1)
        return f"{name}: no role knows this variable" + (
            f"; did you mean {near[0]}?" if near else ""
        )

    def wrong(self, name: str, option: dict[str, Any], raw: Any) -> list[str]:
        """Describe what is wrong with a variable's value."""
        try:
            value = self._templar.template(raw)
        except AnsibleError as error:
            if "ansible_" in str(
                error
            ):  # facts are not gathered yet; the role's own check sees it later
                return []
            return [f"{name}: cannot be evaluated: {error}"]
        result = ArgumentSpecValidator({name: for_validator(option)}).validate({name: value})
        if result.errors.errors:
            return [
                f"{name}: {plain(error, option, value)}{example(option)}" for error in result.errors
            ]
        low, high = self.ranges.get(name, (None, None))
        if low is not None and not low <= result.validated_parameters[name] <= high:
            return [f"{name}: {value!r} is not between {low} and {high}{example(option)}"]
        return []
