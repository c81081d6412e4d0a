#!/usr/bin/python
"""Report in one go all that the role docker decides by: engine, Compose, packages, files."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

ENGINE_TIMEOUT = 10  # seconds


class EngineConnection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str) -> None:
        """Take the socket's path."""
        super().__init__("localhost", timeout=ENGINE_TIMEOUT)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask_engine(path: str) -> dict:
    """Return what the engine says of itself (its /info); nothing where it does not answer."""
    connection = EngineConnection(path)
    try:
        connection.request("GET", "/info")
        answer = connection.getresponse()
        return json.load(answer) if answer.status == http.client.OK else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


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


def installed_packages(listing: str) -> dict[str, dict]:
    """Return the installed packages of lines of `name selection status version`."""
    lines = [line.split() for line in listing.splitlines()]
    return {
        line[0]: {"version": line[3], "held": line[1] == "hold"}
        for line in lines
        if line[2:3] == ["installed"]
    }


def read_record(path: Path) -> list[str]:
    """Return the lines of a file; none where there is no file."""
    return path.read_text().split() if path.exists() else []


def main() -> None:
    """Run the module.

    The task's arguments: `socket` of the engine; `daemon_file`, its configuration; `packages`,
    names to look for; `record`, the file that lists the packages which the role installed;
    `paths`, a mapping of any names to paths.

    Returns `answers`, whether the engine does; `engine` and `compose`, their versions, empty where
    there is none; `containers`, how many the engine has, running or not; `data_root`, where it
    keeps its data; `daemon`, the content of its configuration, or `daemon_error`, why it cannot be
    read; `packages`, the installed ones, {name: {version, held}}; `recorded`, the packages that
    the role installed; `package_lists`, whether apt has any; `there`, which of the paths exist.
    """
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

    def output(*command: str) -> str:
        program = module.get_bin_path(command[0])
        return module.run_command([program, *command[1:]])[1] if program else ""

    info = ask_engine(module.params["socket"])
    daemon, daemon_error = read_daemon_file(Path(module.params["daemon_file"]))
    fields = "${Package} ${db:Status-Want} ${db:Status-Status} ${Version}\n"
    module.exit_json(
        answers=bool(info),
        engine=info.get("ServerVersion") or version_in(output("dockerd", "--version")),
        containers=info.get("Containers", 0),
        data_root=info.get("DockerRootDir", ""),
        compose=version_in(output("docker", "compose", "version", "--short")),
        daemon=daemon,
        daemon_error=daemon_error,
        packages=installed_packages(
            output("dpkg-query", "--show", f"--showformat={fields}", *module.params["packages"])
        ),
        recorded=read_record(Path(module.params["record"])),
        package_lists=any(Path("/var/lib/apt/lists").glob("*_Packages*")),
        there={name: Path(path).exists() for name, path in module.params["paths"].items()},
    )


if __name__ == "__main__":
    main()
