#!/usr/bin/python
"""Follow the way by which a container gets a GPU, step by step."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: nvidia_check
short_description: Follow the way by which a container gets a GPU, and name what is wrong with it
description:
  - Changes nothing, but for containers that end at once.
  - What breaks on this way says so in the words of Docker, its runtimes and C(nvidia-smi); this
    module knows what they mean, and the cures.
author: posestream maintainers
options:
  found: {description: What C(nvidia_look) returns., type: dict, required: true}
  images:
    description: Images, in the first of which that is on the host C(nvidia-smi) runs.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Follow the way of a GPU into a container
  nvidia_check:
    found: "{{ nvidia_found }}"
    images: [posestream:cuda]
"""

RETURN = r"""
rows:
  description: The steps, each with C(check), C(result) (ok, wrong, not tried), C(seen), C(cure).
  type: list
  returned: always
"""

OK, WRONG, SKIPPED = "ok", "wrong", "not tried"
# What Docker, its runtimes and nvidia-smi print when the way is broken, what that means, and the
# cure. The first that fits counts.
FAILURES = (
    (
        r"unresolvable CDI devices|unknown CDI device|CDI device injection failed",
        "Docker finds no CDI specification with this GPU",
        "`systemctl restart nvidia-cdi-refresh`, then `nvidia-ctk cdi list` has to show it",
    ),
    (
        r"could not select device driver|CDI is not enabled|invalid device.*nvidia\.com/gpu",
        "Docker does not know CDI",
        "run playbooks/nvidia.yml, which turns it on; below engine 25 set nvidia_access: runtime",
    ),
    (
        r"unknown or invalid runtime name|Unknown runtime specified",
        "Docker knows no runtime nvidia",
        "run playbooks/nvidia.yml, which adds it to daemon.json",
    ),
    (
        r"[Dd]river/library version mismatch",
        "library and kernel module of the driver are of different versions",
        "reboot, so that the module on disk is loaded; nvidia_hold: true is against the next time",
    ),
    (
        r"failed to stat CDI host device|no such file or directory.*/dev/nvidia|"
        r"/dev/nvidia.*(no such file|not exist)",
        "there are no device nodes",
        "`nvidia-modprobe -c 0 -u`, then `systemctl restart nvidia-cdi-refresh`",
    ),
    (
        r"executable file not found|nvidia-smi: not found|no such file or directory.*nvidia-smi",
        "the container got nothing of the driver: it was started by the wrong runtime, or the CDI "
        "specification is of another driver",
        "`systemctl restart nvidia-cdi-refresh`, or set nvidia_access: runtime",
    ),
    (
        r"Failed to initialize NVML: Unknown Error",
        "the container has lost its devices (`systemctl daemon-reload` takes them from containers "
        "of the runtime nvidia)",
        "restart the container; CDI (nvidia_access: cdi, engine 25 or newer) does not lose them",
    ),
    (
        r"libnvidia-ml\.so.*(cannot|not found|no such)|load library failed|ERROR_LIBRARY_NOT_FOUND",
        "the driver's libraries are missing on the host",
        "install the driver's programs, for example by playbooks/nvidia.yml",
    ),
    (
        r"couldn't communicate with the NVIDIA driver",
        "the kernel module is not loaded",
        "`modprobe nvidia`; `dkms status` and `dmesg | grep -i nvidia` say why it cannot be",
    ),
    (
        r"[Nn]o such image|pull access denied|Unable to find image",
        "the image is not on the host",
        "run playbooks/images.yml, or name one that is as nvidia_check_image",
    ),
)


def named(said: str) -> tuple[str, str]:
    """Return what a failure means, and the cure; the failure itself where it is a new one."""
    for pattern, meaning, cure in FAILURES:
        if re.search(pattern, said, re.DOTALL):
            return meaning, cure
    last = said.strip().splitlines()[-1:] or ["it says nothing"]
    return last[0], "not a failure that is known here: please report it with this table"


def row(check: str, seen: str, cure: str = "", *, skipped: bool = False) -> dict:
    """Return a line of the table; without a cure nothing is wrong."""
    return {
        "check": check,
        "result": SKIPPED if skipped else WRONG if cure else OK,
        "seen": seen,
        "cure": cure,
    }


def pci(found: dict) -> dict:
    """Check that there is a GPU."""
    devices = [f"{gpu['address']} {gpu['device']} {gpu['name']}".strip() for gpu in found["gpus"]]
    cure = "see `lspci -nn -d 10de:`; set openpose_engine: openvino for a host without one"
    return row("GPU on the PCI bus", ", ".join(devices) or "none", "" if devices else cure)


def driver(found: dict) -> dict:
    """Check that the driver works."""
    plan, seen = found["plan"], found["driver"]
    if seen["state"] == "works":
        return row("driver", f"{seen['loaded']} on kernel {seen['kernel']}")
    cures = {"install": "run playbooks/nvidia.yml", "load": "`modprobe nvidia`", "reboot": "reboot"}
    said = f": {plan['message']}" if plan["action"] in cures else ""
    return row("driver", seen["state"] + said, cures.get(plan["action"], plan["message"]))


def versions(found: dict) -> dict:
    """Check that library and kernel module are of one version."""
    loaded, library = found["driver"]["loaded"], found["driver"]["library"]
    seen = f"library {library or 'none'}, kernel module {loaded or 'none'}"
    cure = "reboot; `apt list --installed '*nvidia*'` shows what an upgrade has brought"
    return row("one version of both", seen, "" if loaded and loaded == library else cure)


def nodes(found: dict, root: Path) -> dict:
    """Check the device nodes."""
    wanted = ["nvidiactl", "nvidia-uvm", *(f"nvidia{gpu['index']}" for gpu in found["gpus"])]
    missing = [name for name in wanted if not (root / "dev" / name).exists()]
    seen = f"lacks {', '.join(missing)}" if missing else ", ".join(wanted)
    return row("device nodes", seen, "`nvidia-modprobe -c 0 -u`" if missing else "")


def toolkit(found: dict) -> dict:
    """Check the container toolkit's packages."""
    there = found["toolkit"]
    seen = ", ".join(sorted({*there.values()})) or "none"
    whole = len(there) == 4 and len({*there.values()}) == 1
    cure = "" if whole else "run playbooks/nvidia.yml, which installs four packages at one version"
    return row("container toolkit", f"{len(there)} packages, {seen}", cure)


def engine(found: dict, info: dict) -> dict:
    """Check that the engine has been told of the way by which containers get GPUs."""
    if not info:
        return row("Docker", "does not answer", "`systemctl status docker`")
    version, runtimes = info["ServerVersion"], info.get("Runtimes") or {}
    seen = f"engine {version}, by {found['access']}"
    if found["access"] == "runtime":
        return row(
            "Docker", seen, "" if "nvidia" in runtimes else named("Unknown runtime specified")[1]
        )
    return row("Docker", seen)


def specification(found: dict) -> dict:
    """Check the CDI specification, where there has to be one."""
    if found["access"] != "cdi":
        return row("CDI specification", "containers get GPUs by the runtime nvidia", skipped=True)
    seen = ", ".join(found["specifications"])
    cure = "" if seen else "`systemctl restart nvidia-cdi-refresh`, and its journal"
    return row("CDI specification", seen or "none that fits the driver", cure)


def docker_options(access: str, index: int) -> list[str]:
    """Return the options of `docker run` by which a container gets one GPU, as the worker does."""
    if access == "cdi":
        return ["--device", f"nvidia.com/gpu={index}"]
    visible = ("--env", f"NVIDIA_VISIBLE_DEVICES={index}")
    return [
        *("--runtime", "nvidia", *visible),
        *("--env", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"),
    ]


def main() -> None:
    """Check, change nothing."""
    module = AnsibleModule(
        argument_spec={
            "found": {"type": "dict", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    found = module.params["found"]
    rows = [pci(found)]
    if not found["gpus"]:
        module.exit_json(changed=False, rows=rows)

    def run(*command: str) -> tuple[int, str]:
        status, output, error = module.run_command(["docker", *command])
        return status, output + error

    status, said = run("info", "--format", "{{json .}}")
    info = json.loads(said.splitlines()[0]) if status == 0 else {}
    rows += [driver(found), versions(found), nodes(found, Path("/")), toolkit(found)]
    rows += [engine(found, info), specification(found)]
    there = (image for image in module.params["images"] if run("image", "inspect", image)[0] == 0)
    image = next(there, "")
    for gpu in found["gpus"]:
        check = f"nvidia-smi in a container, GPU {gpu['index']}"
        if not image:
            rows.append(row(check, *named("no such image")))
            continue
        options = docker_options(found["access"], gpu["index"])
        status, said = run(
            *("run", "--rm", "--network", "none", "--user", "0", *options),
            *("--entrypoint", "nvidia-smi", image, "-L"),
        )
        seen = said.strip().splitlines()
        rows.append(row(check, seen[0]) if status == 0 and seen else row(check, *named(said)))
    module.exit_json(changed=False, rows=rows)


if __name__ == "__main__":
    main()
