"""One Compose project's folder: what lies in it, written together once Compose accepts it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: compose_folder
short_description: A folder with docker-compose.yml, .env and further files
description:
  - Writes what differs, once C(docker compose config) accepts all of it together; else nothing.
  - Only C(docker-compose.yml) is shown in a diff; the other files may hold passwords.
options:
  path: {type: path, required: true, description: The folder.}
  state:
    type: str
    choices: [present, absent]
    default: present
    description: Absent removes these files, and the folder if it is empty then.
  compose:
    type: str
    description: The text of docker-compose.yml; without it there is none, and Compose is not asked.
  env: {type: str, description: The text of .env.}
  files: {type: dict, description: Further files; name to text.}
  validate:
    type: list
    elements: str
    default: []
    description: >-
      A further command that has to accept the files, with its arguments; C({folder}) is where
      they lie meanwhile.
  pattern:
    type: str
    default: ""
    description: >-
      Further files whose names match this, as C(camera-*.env), or one of several such with spaces
      between them, are the project's alone: those that are not given are removed.
  files_gid:
    type: int
    default: 0
    description: >-
      The group id that, beside root, can read the further files but environments, C(*.env); 0 for
      none.
author: posestream maintainers
"""

EXAMPLES = """
- name: Render the folder
  compose_folder:
    path: /opt/posestream/kafka
    compose: "{{ lookup('ansible.builtin.template', 'docker-compose.yml.j2') }}"
    env: "BROKER_HOSTNAME='kafka.example.org'\\n"
"""

RETURN = """
bare: {type: bool, returned: when present, description: Whether there was no such folder before.}
written: {type: list, elements: str, returned: when present, description: The files that differed.}
surplus:
  type: list
  elements: str
  returned: when present
  description: Files of an earlier run by the pattern, which were removed.
left:
  type: list
  elements: str
  returned: when absent
  description: What others have put into the folder, by its names; it stays, and the folder too.
"""

COMPOSE = "docker-compose.yml"


def read(path: Path) -> str | None:
    """Return a file's text; None where there is none."""
    return path.read_text() if path.is_file() else None


def check(module: AnsibleModule, folder: Path, texts: dict[str, str]) -> None:
    """Fail where Compose, or who else is to be asked, does not accept the files."""
    judges = {"Compose": ["docker", "compose", "config", "--quiet"]}
    if module.params["validate"]:
        judges["its own check"] = module.params["validate"]
    with tempfile.TemporaryDirectory(dir=module.tmpdir) as trial:
        for name, text in texts.items():
            Path(trial, name).write_text(text)
        for judge, command in judges.items():
            words = [word.replace("{folder}", trial) for word in command]
            rc, stdout, stderr = module.run_command(words, cwd=trial)
            if rc:
                why = (stderr.strip() or stdout.strip()).replace(trial, str(folder))
                module.fail_json(msg=f"{judge} refuses what {folder} was to hold: {why}")


def write(module: AnsibleModule, path: Path, text: str | None, mode: int, gid: int) -> bool:
    """Write a file with its permissions (a folder, without a text); return whether it changed."""
    changed = not path.exists() if text is None else read(path) != text
    if changed and not module.check_mode:
        if text is None:
            path.mkdir(parents=True)
        else:
            handle, new = tempfile.mkstemp(dir=module.tmpdir)
            with os.fdopen(handle, "w") as stream:
                stream.write(text)
            module.atomic_move(new, str(path))
    if not path.exists():
        return changed
    changed = module.set_mode_if_different(str(path), mode, changed)
    changed = module.set_owner_if_different(str(path), 0, changed)
    return module.set_group_if_different(str(path), gid, changed)


def difference(name: str, before: str | None, after: str, secret: bool) -> dict[str, str]:
    """Return what Ansible shows with --diff."""
    if secret:
        before, after = before and "(not shown)\n", "(not shown, another one)\n"
    headers = {"before_header": name, "after_header": name}
    return {**headers, "before": before or "", "after": after}


def ours(module: AnsibleModule, folder: Path) -> set[str]:
    """Return the names of the project's files, those of an earlier run included."""
    patterns = module.params["pattern"].split()
    earlier = {path.name for pattern in patterns for path in folder.glob(pattern)}
    return {COMPOSE, ".env", *(module.params["files"] or {}), *earlier}


def rights(name: str, gid: int) -> tuple[int, int]:
    """Return a file's mode and group; an environment is read by Compose or systemd, for root."""
    if name == COMPOSE:
        return 0o644, 0
    return (0o600, 0) if not gid or name.endswith(".env") else (0o640, gid)


def fill(module: AnsibleModule, folder: Path) -> dict:
    """Write the folder and its files."""
    given = module.params
    secret = {".env": given["env"], **(given["files"] or {})}
    texts = {**({COMPOSE: given["compose"]} if given["compose"] else {}), **secret}
    bare = not folder.exists()
    before = {name: read(folder / name) for name in texts}
    if before != texts and given["compose"] and not module.check_mode:
        check(module, folder, texts)
    changed = write(module, folder, None, 0o755, 0)
    diffs = []
    for name, text in texts.items():
        changed |= write(module, folder / name, text, *rights(name, given["files_gid"]))
        if before[name] != text:
            diffs.append(difference(str(folder / name), before[name], text, name in secret))
    surplus = sorted(ours(module, folder) - {COMPOSE, *texts})
    for name in [] if module.check_mode else surplus:
        (folder / name).unlink()
    written = [name for name, text in texts.items() if before[name] != text]
    return {
        "changed": changed or bool(surplus),
        "bare": bare,
        "written": written,
        "surplus": surplus,
        "diff": diffs,
    }


def clear(module: AnsibleModule, folder: Path) -> dict:
    """Remove the files, and the folder unless others have put something there."""
    names = ours(module, folder)
    there = [name for name in names if (folder / name).exists()]
    left = (
        sorted(p.name for p in folder.iterdir() if p.name not in names) if folder.exists() else []
    )
    changed = bool(there) or (folder.exists() and not left)
    if not module.check_mode:
        for name in there:
            (folder / name).unlink()
        if folder.exists() and not left:
            folder.rmdir()
    return {"changed": changed, "left": left}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "compose": {"type": "str"},
            "env": {"type": "str", "no_log": True},
            "files": {"type": "dict", "no_log": True},
            "validate": {"type": "list", "elements": "str", "default": []},
            "pattern": {"type": "str", "default": ""},
            "files_gid": {"type": "int", "default": 0},
        },
        required_if=[("state", "present", ("env",))],
        supports_check_mode=True,
    )
    folder = Path(module.params["path"])
    act = fill if module.params["state"] == "present" else clear
    module.exit_json(**act(module, folder))


if __name__ == "__main__":
    main()
