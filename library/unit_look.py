"""Looks at units of systemd: whether they run, whether they are well, and what they said last."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: unit_look
short_description: See how units of systemd fare
description: Reads only. C(service_facts) tells neither since when a unit runs nor what it has said.
options:
  units:
    type: dict
    required: true
    description: >-
      By the name of a service its C(unit), and a command C(healthy) that exits with 0 where it is
      at work.
  lines:
    type: int
    default: 1
    description: How many lines to take of the log of a unit that is not healthy.
author: posestream maintainers
"""

EXAMPLES = """
- name: Look at a camera
  unit_look:
    units: {street: {unit: posestream-camera@street.service, healthy: [/bin/true]}}
"""

RETURN = """
units:
  description: >-
    Of each unit its C(service) and C(unit), its C(state) by systemd's word, C(since) when in
    seconds of the epoch (0 where it has never run), whether it is C(healthy), and its last
    C(words) where it is not.
  type: list
  returned: always
"""

PROPERTIES = ("Id", "ActiveState", "SubState", "StateChangeTimestamp")


def properties(module: AnsibleModule, unit: str) -> dict[str, str]:
    """Return what systemd says of a unit; empty where nothing of it can be asked."""
    asked = ["systemctl", "show", "--timestamp=unix", f"--property={','.join(PROPERTIES)}", unit]
    code, out, _ = module.run_command(asked)
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line) if not code else {}


def look(module: AnsibleModule, service: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return how one unit fares."""
    unit, lines = entry["unit"], str(module.params["lines"])
    said = properties(module, unit)
    active = said.get("ActiveState", "")
    healthy = active == "active" and module.run_command(entry["healthy"])[0] == 0
    log = ["journalctl", "--no-pager", "--output=cat", "--unit", unit, "--lines", lines]
    return {
        "service": service,
        "unit": unit,
        "state": "running" if active == "active" else said.get("SubState", "") or "missing",
        "since": int(said.get("StateChangeTimestamp", "").lstrip("@") or 0),
        "healthy": healthy,
        "words": "" if healthy else module.run_command(log)[1].strip(),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "dict", "required": True},
            "lines": {"type": "int", "default": 1},
        },
        supports_check_mode=True,
    )
    units = module.params["units"]
    module.exit_json(changed=False, units=[look(module, name, units[name]) for name in units])


if __name__ == "__main__":
    main()
