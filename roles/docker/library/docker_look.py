#!/usr/bin/python
"""Report in one go all that the role docker decides by: engine, Compose, packages, files."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

from ansible.module_utils import apt_state, docker_engine
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: docker_look
short_description: Look at a host's Docker engine, Compose and their packages
description:
  - Reads only. In one go, so that a run in which nothing is to be done is short; and on bare hosts,
    which lack what
    C(community.docker.docker_host_info) needs.
author: posestream maintainers
options:
  socket: {description: The engine's socket., type: path, required: true}
  daemon_file: {description: The engine's configuration., type: path, required: true}
  packages: {description: Names of packages to look for., type: list, elements: str, required: true}
  record:
    description: The file that lists the packages which the role installed.
    type: path
    required: true
  paths: {description: Any names of paths to look for., type: dict, required: true}
"""

EXAMPLES = r"""
- name: Look at what is there
  docker_look:
    socket: /var/run/docker.sock
    daemon_file: /etc/docker/daemon.json
    packages: [docker.io]
    record: /var/lib/posestream/docker/packages
    paths: {proxy: /etc/docker/proxy.env}
"""

RETURN = r"""
answers: {description: Whether the engine does., type: bool, returned: always}
engine: {description: The engine's version. Empty where there is none., type: str, returned: always}
compose: {description: Compose's version. Empty where there is none., type: str, returned: always}
containers: {description: How many containers the engine has., type: int, returned: always}
data_root: {description: Where the engine that answers keeps its data., type: str, returned: always}
daemon: {description: The content of the engine's configuration., type: dict, returned: always}
daemon_error: {description: Why the configuration cannot be read., type: str, returned: always}
packages:
  description: >-
    The installed ones, as {NAME: {version, held}}.
  type: dict
  returned: always
recorded: {description: The packages that the role installed., type: list, returned: always}
package_lists: {description: Whether apt has any., type: bool, returned: always}
mirrors:
  description: Where apt takes the component main from, each as {uri, suite, signed_by}.
  type: list
  returned: always
requests: {description: Whether Python has the module requests., type: bool, returned: always}
there: {description: Which of the paths exist., type: dict, returned: always}
"""


def version_in(text: str) -> str:
    """Return the first version in what a program prints; empty where there is none."""
    found = re.search(r"\d+(\.\d+)+[^\s,]*", text)
    return found.group() if found else ""


def read_daemon_file(path: Path) -> tuple[dict, str]:
    """Return the configuration, and why it cannot be read (empty where it can)."""
    try:
        content = json.loads(path.read_text().strip() or "{}")
    except FileNotFoundError:
        return {}, ""
    except ValueError as error:
        return {}, str(error)
    if not isinstance(content, dict):
        return {}, "it is not a mapping"
    return content, ""


def main() -> None:
    """Look, change nothing."""
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "daemon_file": {"type": "path", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "record": {"type": "path", "required": True},
            "paths": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params

    def output(*command: str) -> str:
        program = module.get_bin_path(command[0])
        return module.run_command([program, *command[1:]])[1] if program else ""

    info = docker_engine.ask("/info", asked["socket"]) or {}
    daemon, daemon_error = read_daemon_file(Path(asked["daemon_file"]))
    module.exit_json(
        answers=bool(info),
        engine=info.get("ServerVersion") or version_in(output("dockerd", "--version")),
        containers=info.get("Containers", 0),
        data_root=info.get("DockerRootDir", ""),
        compose=version_in(output("docker", "compose", "version", "--short")),
        daemon=daemon,
        daemon_error=daemon_error,
        packages=apt_state.packages(module, asked["packages"]),
        recorded=apt_state.recorded(asked["record"]),
        package_lists=apt_state.has_lists(),
        mirrors=apt_state.mirrors(),
        requests=importlib.util.find_spec("requests") is not None,
        there={name: Path(path).exists() for name, path in asked["paths"].items()},
    )


if __name__ == "__main__":
    main()
