#!/usr/bin/python
"""Look at a host once: its ports and who has them, its disks, its Docker engine."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import re
import socket
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.docker_engine import ask

DOCUMENTATION = r"""
module: inspect_host
short_description: Look at a host's ports, disks and Docker engine
description: Reads only. What a deployment has to know of a host beside Ansible's own facts.
author: posestream maintainers
options:
  ports:
    description: The ports of the host that are wanted, each with address and number.
    type: list
    elements: dict
    suboptions:
      address:
        description: The host's address, or 0.0.0.0 for all of them.
        type: str
        required: true
      number:
        description: The port.
        type: int
        required: true
  folders:
    description: Folders whose free disk is asked for. They need not exist.
    type: list
    elements: str
  files:
    description: Files, folders and devices that are wanted.
    type: list
    elements: str
  docker_data_root:
    description: Docker's folder where no engine answers.
    type: path
    default: /var/lib/docker
"""

EXAMPLES = r"""
- name: Look at the host
  inspect_host:
    ports: [{address: 0.0.0.0, number: 9092}]
    folders: [/opt/posestream]
"""

RETURN = r"""
ports:
  description: >-
    What was asked for, each with C(state) (free, used, no such address), C(owner) in words and its
    C(project), Compose's or one of units of systemd.
  type: list
  returned: always
disks:
  description: By folder the C(filesystem) (a number), its C(mount) and how many bytes are C(free).
  type: dict
  returned: always
files:
  description: By path what is there, C(file), C(folder) or C(device); empty where there is nothing.
  type: dict
  returned: always
memory:
  description: The host's memory, in bytes.
  type: int
  returned: always
processors:
  description: How many processors the host's programs may use, which is what Docker counts.
  type: int
  returned: always
docker:
  description: >-
    Whether an engine is C(installed); the C(version) of one that answers, its C(root) folder, the
    names of its C(images), the C(projects) that run; the version of C(compose), empty where there
    is none; whether Python has the module C(requests).
  type: dict
  returned: always
"""

LISTENING = "0A"
UNIT = re.compile(r"/posestream-([a-z0-9_-]+)@[^/]+\.service$", re.MULTILINE)


def describe_engine(module, containers, fallback_root):
    """Return the engine's version, folder and images, and Compose's version."""
    version = ask("/version") or {}
    info = ask("/info") or {} if version else {}
    images = ask("/images/json") or [] if version else []
    code, compose = 1, ""
    if module.get_bin_path("docker"):
        code, compose, _ = module.run_command(["docker", "compose", "version", "--short"])
    return {
        "installed": bool(version or module.get_bin_path("dockerd")),
        "version": version.get("Version", ""),
        "root": info.get("DockerRootDir") or fallback_root,
        "images": sorted(tag for image in images for tag in image.get("RepoTags") or []),
        "compose": compose.strip() if code == 0 else "",
        "requests": importlib.util.find_spec("requests") is not None,
        "projects": sorted({project_of(container) for container in containers} - {""}),
    }


def project_of(container):
    """Return the Compose project of a container, or an empty text."""
    return (container.get("Labels") or {}).get("com.docker.compose.project", "")


def listeners():
    """Return the listening TCP sockets as {port: [inode]}."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING:
                    port = int(fields[1].rsplit(":", 1)[1], 16)
                    found.setdefault(port, []).append(fields[9])
    return found


def container_as(container):
    """Return a container in words, and its project's name."""
    name, project = container["Names"][0].lstrip("/"), project_of(container)
    where = f" of the Compose project {project}" if project else ""
    return f"the container {name}{where}", project


def process_of(inodes, containers):
    """Return who has one of the sockets open, in words, and its project's name.

    A process in a container that has the host's network is that container. The name is empty but
    for those, and for units of systemd of this project, as posestream-camera@street.service.
    """
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end while they are looked at, and some are others'.
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                if str(handle.readlink()) in wanted:
                    name = (process / "comm").read_text().strip()
                    group = (process / "cgroup").read_text()
                    for container in containers:
                        if container["Id"] in group:
                            return container_as(container)
                    unit = UNIT.search(group)
                    return f"the process {name} (pid {process.name})", unit[1] if unit else ""
    return "a process that cannot be named", ""


def publisher(containers, address, number):
    """Return the container that publishes a port of an address, or None."""
    everywhere = {"0.0.0.0", "::"}
    for container in containers:
        for port in container.get("Ports") or []:
            if port.get("PublicPort") == number and (
                {port.get("IP", "0.0.0.0"), address} & everywhere or port["IP"] == address
            ):
                return container
    return None


def look_at_port(address, number, containers, inodes):
    """Return a port with its state and its owner."""
    found = {"address": address, "number": number, "state": "free", "owner": "", "project": ""}
    trouble = try_port(address, number)
    container = publisher(containers, address, number)
    if trouble == errno.EADDRNOTAVAIL:
        return dict(found, state="no such address")
    if container:
        owner, project = container_as(container)
        return dict(found, state="used", owner=owner, project=project)
    if trouble == errno.EADDRINUSE:
        owner, project = process_of(inodes.get(number, []), containers)
        return dict(found, state="used", owner=owner, project=project)
    return found


def try_port(address, number):
    """Return the error number of binding a port, 0 where that works."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as test:
        # As Docker does it: what is left of closed connections does not count, a listener does.
        test.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            test.bind((address, number))
        except OSError as error:
            return error.errno
    return 0


def look_at_disk(folder):
    """Return the file system that a folder is or will be on, and what is free there."""
    place = Path(folder)
    while not place.is_dir() and place != place.parent:
        place = place.parent
    filesystem = place.stat().st_dev
    space = os.statvfs(place)
    while place != place.parent and place.parent.stat().st_dev == filesystem:
        place = place.parent
    return {"filesystem": filesystem, "mount": str(place), "free": space.f_bavail * space.f_frsize}


def kind_of(path):
    """Return what a path is: a file, a folder, a device, or nothing, as an empty text."""
    kinds = {"file": path.is_file, "folder": path.is_dir, "device": path.is_char_device}
    return next((kind for kind, is_so in kinds.items() if is_so()), "")


def memory():
    """Return the host's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def main():
    """Look, change nothing."""
    module = AnsibleModule(
        argument_spec={
            "ports": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "address": {"type": "str", "required": True},
                    "number": {"type": "int", "required": True},
                },
            },
            "folders": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str", "default": []},
            "docker_data_root": {"type": "path", "default": "/var/lib/docker"},
        },
        supports_check_mode=True,
    )
    containers = ask("/containers/json") or []
    inodes = listeners()
    engine = describe_engine(module, containers, module.params["docker_data_root"])
    module.exit_json(
        changed=False,
        ports=[
            look_at_port(port["address"], port["number"], containers, inodes)
            for port in module.params["ports"]
        ],
        disks={
            folder: look_at_disk(folder) for folder in {*module.params["folders"], engine["root"]}
        },
        files={path: kind_of(Path(path)) for path in module.params["files"]},
        memory=memory(),
        processors=len(os.sched_getaffinity(0)),
        docker=engine,
    )


if __name__ == "__main__":
    main()
