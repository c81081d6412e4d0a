"""Looks for what projects leave on a host: containers, networks, volumes, files."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: teardown_look
short_description: Find what is left of Compose projects
options:
  projects:
    type: list
    elements: dict
    required: true
    description: >-
      Their name, dir, data, which is a list of folders, and files elsewhere, if there are any.
"""
EXAMPLES = """
- name: Look for what is left
  teardown_look:
    projects: [{name: viewer, dir: /opt/posestream/viewer, data: []}]
"""
RETURN = """
found:
  description: Names or paths by their kind (containers, networks, volumes, files).
  type: dict
  returned: always
"""
LISTS = {
    "containers": ["ps", "--all", "--format", "{{.Names}}"],
    "networks": ["network", "ls", "--format", "{{.Name}}"],
    "volumes": ["volume", "ls", "--format", "{{.Name}}"],
}
FILES = ("docker-compose.yml", ".env")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"projects": {"type": "list", "elements": "dict", "required": True}},
        supports_check_mode=True,
    )
    projects = module.params["projects"]
    found: dict[str, list[str]] = {kind: [] for kind in LISTS}
    for kind, command in LISTS.items() if module.get_bin_path("docker") else ():
        for project in projects:
            label = f"label=com.docker.compose.project={project['name']}"
            _, out, _ = module.run_command(["docker", *command, "--filter", label], check_rc=True)
            found[kind] += out.split()
    found["volumes"] += [path for it in projects for path in it["data"] if Path(path).exists()]
    found["files"] = [
        str(path)
        for project in projects
        for path in (
            *(Path(project["dir"], name) for name in FILES),
            *map(Path, project.get("files", [])),
        )
        if path.exists()
    ]
    module.exit_json(changed=False, found=found)


if __name__ == "__main__":
    main()
