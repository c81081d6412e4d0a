#!/usr/bin/env python3
"""Prints docs/variables.md: every variable of the roles, from their meta/argument_specs.yml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[1] / "roles"
SHARED = "preflight"  # describes the variables that the roles share, beside its own
HEAD = """# Variables

What an inventory can say, and the defaults. `make docs` writes this page from each role's
`meta/argument_specs.yml`.
"""


def markdown(text: str) -> str:
    """Return a description with Ansible's C(…) as code, fit for a table's cell."""
    return re.sub(r"[CIBV]\((.*?)\)", r"`\1`", " ".join(text.split())).replace("|", "\\|")


def code(value: Any) -> str:
    """Return a value as YAML on one line, as code."""
    text = value if isinstance(value, str) and value else flow(value)
    return f"`{' '.join(text.split())}`".replace("|", "\\|")


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    dumped = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return dumped.removesuffix("\n").removesuffix("\n...")


def rows(options: dict[str, dict[str, Any]], prefix: str = "") -> Iterator[str]:
    """Yield a table's row for each option, and for those inside of it."""
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        choices = ", ".join(map(code, option.get("choices", [])))
        default = code(option["default"]) if "default" in option else ""
        default = "**required**" if option.get("required") else default
        meaning = option["description"]
        meaning = meaning if isinstance(meaning, str) else " ".join(meaning)
        cells = [f"`{prefix}{name}`", choices or kind, default, markdown(meaning)]
        yield f"| {' | '.join(cells)} |"
        inner = f"{prefix}{name}{'[]' if option['type'] == 'list' else ''}."
        yield from rows(option.get("options", {}), inner)


def section(role: str) -> str:
    """Return what is to be said of a role; empty where it has no variables."""
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    options: dict[str, dict[str, Any]] = {}
    for entry in specs.values():
        options |= {k: v for k, v in (entry.get("options") or {}).items() if k not in options}
    if not options:
        return ""
    title = "Shared by the roles" if role == SHARED else f"Role {role}"
    about = "" if role == SHARED else markdown(next(iter(specs.values()))["short_description"])
    table = ["| variable | type or choices | default | meaning |", "|---|---|---|---|"]
    lines = [f"\n## {title}\n", *([f"{about}.\n"] if about else []), *table, *rows(options)]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the whole page."""
    roles = sorted(path.parts[-3] for path in ROLES.glob("*/meta/argument_specs.yml"))
    return HEAD + "".join(map(section, sorted(roles, key=lambda role: role != SHARED)))


if __name__ == "__main__":
    print(page(), end="")
