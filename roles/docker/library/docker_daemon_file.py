#!/usr/bin/python
"""Keep the role's own options in daemon.json, and everything else in it as it is."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: docker_daemon_file
short_description: Keep the role's own options in daemon.json, and everything else in it as it is
description:
  - What a person wrote stays, also inside of lists and mappings; what is no longer wanted goes,
    where nobody changed it since.
  - A template would overwrite the file, and nothing else remembers which of its content is whose.
author: posestream maintainers
options:
  path: {description: The configuration., type: path, required: true}
  record:
    description: The file that remembers what this module wrote there.
    type: path
    required: true
  options: {description: The options that are wanted., type: dict, required: true}
  reloadable:
    description: The names of options that the engine takes on a reload.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Write the daemon's configuration
  docker_daemon_file:
    path: /etc/docker/daemon.json
    record: /var/lib/posestream/docker/daemon.json
    options: {registry-mirrors: [https://mirror.example.org]}
    reloadable: [registry-mirrors]
"""

RETURN = r"""
options: {description: The names of those that changed., type: list, returned: always}
reload_suffices:
  description: Whether a reload brings them all about.
  type: bool
  returned: always
"""


def without(there: dict, ours: dict) -> dict:
    """Return what is there less what we wrote, as far as nobody changed it since."""
    left = {}
    for key, value in there.items():
        own = ours.get(key)
        if isinstance(value, dict) and isinstance(own, dict):
            rest = without(value, own)
        elif isinstance(value, list) and isinstance(own, list):
            rest = [item for item in value if item not in own]
        else:
            rest = None if key in ours and value == own else value
        if key not in ours or rest not in (None, {}, []):
            left[key] = rest
    return left


def merged(base: dict, wanted: dict) -> dict:
    """Return both: dictionaries merged, lists in front of the base's, other values instead."""
    result = dict(base)
    for key, value in wanted.items():
        there = base.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            result[key] = merged(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            result[key] = value + [item for item in there if item not in value]
        else:
            result[key] = value
    return result


def differing(before: dict, after: dict) -> list[str]:
    """Return the keys whose values differ."""
    keys = sorted(before.keys() | after.keys())
    return [key for key in keys if before.get(key) != after.get(key)]


def read(path: Path) -> dict:
    """Return the mapping in a JSON file; an empty one without a file. Raises ValueError."""
    return json.loads(path.read_text().strip() or "{}") if path.exists() else {}


def written(content: dict) -> str:
    """Return a mapping as the text of a file."""
    return json.dumps(content, indent=2) + "\n" if content else ""


def check(module: AnsibleModule, file: str) -> None:
    """Fail where the engine refuses the configuration."""
    dockerd = module.get_bin_path("dockerd")
    if not dockerd:
        return
    status, _, error = module.run_command([dockerd, "--validate", "--config-file", file])
    if status and "unknown flag: --validate" not in error:
        path = module.params["path"]
        module.fail_json(msg=f"The engine refuses these options, {path} stays as it is: {error}")


def replace(module: AnsibleModule, path: Path, text: str, mode: int, *, checked: bool) -> None:
    """Write a file and its folder in one go; the configuration after the engine's check."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    if checked:
        check(module, name)
    module.atomic_move(name, str(path))
    path.chmod(mode)


def main() -> None:
    """Merge, and write where something changed."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "record": {"type": "path", "required": True},
            "options": {"type": "dict", "required": True},
            "reloadable": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    path, record = Path(module.params["path"]), Path(module.params["record"])
    wanted = module.params["options"]
    before, ours = read(path), read(record)
    after = merged(without(before, ours), wanted)
    changes = differing(before, after)

    if not module.check_mode:
        if changes:
            replace(module, path, written(after), 0o644, checked=True)
        if ours != wanted:
            replace(module, record, written(wanted), 0o600, checked=False)

    module.exit_json(
        changed=bool(changes),
        options=changes,
        # The engine does not unset on a reload what the file no longer says.
        reload_suffices=all(key in module.params["reloadable"] and key in after for key in changes),
        diff={
            "before_header": str(path),
            "after_header": str(path),
            "before": written(before),
            "after": written(after),
        },
    )


if __name__ == "__main__":
    main()
