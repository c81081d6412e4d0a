#!/usr/bin/python
"""Look at a host's NVIDIA GPUs, their driver and the container toolkit."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ansible.module_utils import apt_state, docker_engine
from ansible.module_utils.apt_state import text
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.nvidia_driver import decide

DOCUMENTATION = r"""
module: nvidia_look
short_description: Look at a host's NVIDIA GPUs and driver, and say what is to be done
description:
  - Reads only. GPUs are found on the PCI bus, so a host shows them before it has any driver.
  - In one go, with the decision what is to be done, so that preflight can refuse by it before
    anything changes.
author: posestream maintainers
options:
  release:
    description: The host's distribution and release, for messages.
    type: str
    required: true
  machine: {description: "The kind of machine, as x86_64.", type: str, required: true}
  sources:
    description: The platform's branches and packages, by source; see roles/platform/vars.
    type: dict
    required: true
  source: {description: As nvidia_driver_source., type: str, required: true}
  branch: {description: As nvidia_driver_branch., type: str, required: true}
  modules: {description: As nvidia_driver_modules., type: str, required: true}
  access: {description: As nvidia_access., type: str, required: true}
  socket: {description: The engine's socket., type: path, default: /var/run/docker.sock}
  record:
    description: The file that lists the packages which the role installed.
    type: path
    default: /var/lib/posestream/nvidia/packages
"""

EXAMPLES = r"""
- name: Look for GPUs and their driver
  nvidia_look:
    release: Debian 13
    machine: x86_64
    sources: "{{ platform_nvidia }}"
    source: distribution
    branch: ""
    modules: auto
    access: auto
"""

RETURN = r"""
gpus:
  description: The GPUs, each as {index, address, device, name}.
  type: list
  returned: always
access:
  description: >-
    How containers get them: cdi, runtime, or nothing without a GPU.
  type: str
  returned: always
problems: {description: Why the host cannot be made ready., type: list, returned: always}
driver: {description: The driver as it is., type: dict, returned: with GPUs}
plan: {description: What is to be done about it., type: dict, returned: with GPUs}
toolkit:
  description: The versions of the toolkit's packages that are installed.
  type: dict
  returned: with GPUs
engine: {description: The engine's version., type: str, returned: with GPUs}
daemon_options:
  description: What the engine has to be told for the access.
  type: dict
  returned: with GPUs
specifications:
  description: CDI's specifications that fit the driver.
  type: list
  returned: with GPUs
unit:
  description: Whether the toolkit's systemd unit writes them.
  type: bool
  returned: with GPUs
mirrors:
  description: Where apt takes the component main from, each as {uri, suite, signed_by}.
  type: list
  returned: with GPUs
package_lists: {description: Whether apt has any., type: bool, returned: with GPUs}
recorded: {description: The packages that the role installed., type: list, returned: with GPUs}
ours: {description: "The packages to hold, and whether they are.", type: dict, returned: with GPUs}
"""

VENDOR = "0x10de"
DISPLAY = "0x03"  # class of VGA and 3D controllers; a GPU's sound and USB are others
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MODULES = ("nvidia", "nvidia-current")  # Debian's package calls it by the second name
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib/aarch64-linux-gnu", "usr/lib")
DRIVER_PACKAGES = (
    *("nvidia*", "libnvidia-*", "libcuda1", "linux-modules-nvidia-*", "linux-headers-*"),
    "firmware-nvidia-gsp",
)
TOOLKIT = (
    *("nvidia-container-toolkit", "nvidia-container-toolkit-base"),
    *("libnvidia-container-tools", "libnvidia-container1"),
)
# Engines that know CDI, and those that have it on by themselves; toolkits that write its
# specifications, and those whose systemd unit does so.
CDI_ENGINE, CDI_BY_DEFAULT, CDI_TOOLKIT, CDI_UNIT = (25,), (28, 2), (1, 12), (1, 18)
SPECIFICATIONS = ("etc/cdi", "var/run/cdi")


def parts(version: str) -> tuple[int, ...]:
    """Return the numbers at a version's start, for comparing."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*", version)[0])))


def gpus(root: Path) -> list[dict]:
    """Return the NVIDIA GPUs on the PCI bus in its order, which is that of nvidia-smi.

    Each with `index` (int), `address` (0000:01:00.0), `device` (its id, 4 hexadecimal digits) and
    `bound`, the kernel driver that has it.
    """
    found = []
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        if text(folder / "vendor") == VENDOR and text(folder / "class").startswith(DISPLAY):
            driver = folder / "driver"
            found.append(
                {
                    "index": len(found),
                    "address": folder.name,
                    "device": text(folder / "device").removeprefix("0x"),
                    "bound": driver.resolve().name if driver.exists() else "",
                }
            )
    return found


def secure_boot(root: Path) -> bool:
    """Say whether the firmware lets only signed kernels boot: the last byte of its variable."""
    try:
        return (root / SECURE_BOOT).read_bytes()[-1:] == b"\x01"
    except OSError:
        return False


def loaded_version(root: Path) -> str:
    """Return the version of the kernel module that is loaded; empty where none is."""
    found = re.search(r"Kernel Module.*?\s(\d+(\.\d+)+)", text(root / "proc/driver/nvidia/version"))
    return found[1] if found else ""


def library_version(root: Path, said: str) -> str:
    """Return the version of the driver's library, by its file or by what nvidia-smi says of it."""
    found = re.search(r"NVML library version: (\d+(\.\d+)+)", said)
    if found and found[1].count(".") > 1:
        return found[1]
    for folder in LIBRARIES:
        library = root / folder / "libnvidia-ml.so.1"
        if library.exists():
            return library.resolve().name.removeprefix("libnvidia-ml.so.")
    return found[1] if found else ""


def state(loaded: str, library: str, answer: tuple[int, str] | None) -> str:
    """Return the driver's state by its versions and by nvidia-smi's status and output.

    `answer` is None where there is no nvidia-smi.
    """
    if answer is None:
        return "absent"
    status, said = answer
    if status == 0 and loaded:
        return "works"
    if not loaded:
        return "no module"
    # nvidia-smi leaves the last part of a version out: 535.183 is 535.183.06.
    known = bool(library) and not f"{loaded}.".startswith(f"{library}.")
    return "mismatch" if known or "version mismatch" in said else "broken"


def names(said: str) -> dict[str, str]:
    """Return the GPUs' names by PCI address, from nvidia-smi's `pci.bus_id, name`.

    It writes the bus's domain with 8 digits, the kernel with 4.
    """
    lines = [line.partition(",") for line in said.splitlines()]
    return {address.strip().lower()[-12:]: name.strip() for address, _, name in lines}


def access(engine: str, toolkit: str, asked: str) -> str:
    """Return how containers get GPUs, by the versions of engine and toolkit ("": the newest)."""
    if asked != "auto":
        return asked
    fit = parts(engine) >= CDI_ENGINE and (not toolkit or parts(toolkit) >= CDI_TOOLKIT)
    return "cdi" if fit else "runtime"


def daemon_options(engine: str, way: str) -> dict:
    """Return what the engine's daemon.json has to say for a way of access."""
    if way == "runtime":
        return {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}
    if way == "cdi" and parts(engine) < CDI_BY_DEFAULT:
        return {"features": {"cdi": True}}
    return {}


def specifications(root: Path, driver: str) -> list[str]:
    """Return the CDI specifications that have NVIDIA's GPUs, by path.

    One that is left from another version of the driver names libraries that are gone: it does not
    count.
    """
    files = [file for folder in SPECIFICATIONS for file in sorted((root / folder).glob("*.*"))]
    kind = re.compile(r"""^\s*"?kind"?: "?nvidia\.com/gpu\b""", re.MULTILINE)
    content = {f"/{file.relative_to(root)}": text(file) for file in files}
    library = re.compile(r"libcuda\.so\.(\d+\.[\d.]+)")
    return [
        path
        for path, said in content.items()
        if kind.search(said) and set(library.findall(said)) <= {driver}
    ]


def toolkit_versions(packages: dict[str, dict]) -> dict[str, str]:
    """Return the versions of the toolkit's packages that are installed."""
    return {name: packages[name]["version"] for name in TOOLKIT if name in packages}


def ours(packages: dict[str, dict], recorded: list[str]) -> list[str]:
    """Return the installed packages that the role has to hold.

    Those that it installed, and the libraries and modules that came with a driver of its own.
    """
    prefixes = ("libnvidia-", "libcuda", "nvidia-", "linux-modules-nvidia-", "firmware-")
    drivers = {name for name in {*packages, *recorded} - {*TOOLKIT} if name.startswith(prefixes)}
    held = {*recorded} | (drivers if drivers & {*recorded} else set())
    return sorted(name for name in held & packages.keys() if not name.startswith("linux-headers-"))


def problems(driver: dict, plan: dict, asked: dict, engine: str) -> list[str]:
    """Return what a person has to do before the host can be one of GPUs."""
    refused = [plan["message"]] * (plan["action"] == "refuse")
    if not asked["sources"] and not driver["toolkit"]:
        refused.append(
            f"NVIDIA's container toolkit is missing, and nothing is known of its packages for "
            f"{asked['release']}; install it by hand and run this again"
        )
    if asked["access"] == "cdi" and engine and parts(engine) < CDI_ENGINE:
        refused.append(
            f"nvidia_access: Docker engine {engine} knows no CDI, which came with 25; write auto "
            "or runtime, or upgrade the engine"
        )
    if driver["state"] == "works" and not driver["gpus_answer"]:
        refused.append("the driver works and does not see the GPU on the PCI bus: see dmesg")
    return refused


def look_at_driver(module: AnsibleModule, root: Path, found: list[dict]) -> dict:
    """Return the driver as it is."""

    def run(*command: str) -> tuple[int, str] | None:
        program = module.get_bin_path(command[0])
        if not program:
            return None
        status, output, error = module.run_command([program, *command[1:]])
        return status, (output + error).strip()

    kernel = os.uname().release
    answer = run("nvidia-smi", "--query-gpu=pci.bus_id,name", "--format=csv,noheader")
    loaded, said = loaded_version(root), answer[1] if answer else ""
    library = library_version(root, said)
    on_disk = [run("modinfo", "--field", "version", name) for name in MODULES]
    enrolled = run("mokutil", "--test-key", "/var/lib/dkms/mok.pub")
    packages = apt_state.packages(module, list(DRIVER_PACKAGES))
    driver = {
        "state": state(loaded, library, answer),
        "loaded": loaded,
        "library": library,
        "on_disk": next((found[1] for found in on_disk if found and found[0] == 0), ""),
        "error": said if answer and answer[0] else "",
        "kernel": kernel,
        "secure_boot": secure_boot(root),
        "key_enrolled": bool(enrolled and "already enrolled" in enrolled[1]),
        "toolkit": module.get_bin_path("nvidia-ctk") is not None,
        "runfile": module.get_bin_path("nvidia-uninstall") is not None,
        "headers": (root / "lib/modules" / kernel / "build").exists(),
        "packages": packages,
        "bound": sorted({gpu["bound"] for gpu in found}),
        "devices": [gpu["device"] for gpu in found],
        "names": names(said) if answer and answer[0] == 0 else {},
    }
    driver["gpus_answer"] = bool(driver["names"])
    driver["packaged"] = any(
        name.startswith(("nvidia-", "linux-modules-nvidia-"))
        and not name.startswith("nvidia-container")
        for name in packages
    )
    return driver


def main() -> None:
    """Look and decide, change nothing."""
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "machine": {"type": "str", "required": True},
            "sources": {"type": "dict", "required": True},
            "source": {"type": "str", "required": True},
            "branch": {"type": "str", "required": True},
            "modules": {"type": "str", "required": True},
            "access": {"type": "str", "required": True},
            "socket": {"type": "path", "default": "/var/run/docker.sock"},
            "record": {"type": "path", "default": "/var/lib/posestream/nvidia/packages"},
        },
        supports_check_mode=True,
    )
    root, asked = Path("/"), module.params
    found = gpus(root)
    if not found:
        module.exit_json(changed=False, gpus=[], access="", problems=[])

    driver = look_at_driver(module, root, found)
    host = {name: asked[name] for name in ("release", "machine", "sources")}
    plan = decide(driver | host, asked)
    toolkit = toolkit_versions(driver["packages"])
    recorded = apt_state.recorded(asked["record"])
    version = toolkit.get("nvidia-container-toolkit-base", "")
    engine = (docker_engine.ask("/version", asked["socket"], timeout=5) or {}).get("Version", "")
    way = access(engine, version, asked["access"])
    module.exit_json(
        changed=False,
        gpus=[
            {
                **{key: gpu[key] for key in ("index", "address", "device")},
                "name": driver["names"].get(gpu["address"], ""),
            }
            for gpu in found
        ],
        access=way,
        driver=driver,
        plan=plan,
        toolkit=toolkit,
        engine=engine,
        daemon_options=daemon_options(engine, way),
        specifications=specifications(root, driver["loaded"]),
        mirrors=apt_state.mirrors(),
        unit=bool(version) and parts(version) >= CDI_UNIT,
        package_lists=apt_state.has_lists(),
        recorded=recorded,
        ours={
            name: driver["packages"][name]["held"] for name in ours(driver["packages"], recorded)
        },
        problems=problems(driver, plan, asked, engine),
    )


if __name__ == "__main__":
    main()
