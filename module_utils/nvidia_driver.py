"""What is to be done about a host's NVIDIA driver: tables, and a decision that only reads them.

Nothing in here touches the host. The ranges of ids agree with the PCI ID database (Debian's package
pci.ids): a test compares them. In which branches GPUs came and went is as NVIDIA publishes it.
Branches and packages are the platform's (roles/platform/vars), and handed in.
"""

from __future__ import annotations

import re

# First device id of a range, its generation, and for that the oldest and the newest branch (0: it
# has not ended) and the kernel modules that it runs with. A range ends where the next one begins.
OPEN, PROPRIETARY = "open", "proprietary"
BOTH = (OPEN, PROPRIETARY)
GENERATIONS = {
    "Fermi or older": (0, 390, (PROPRIETARY,)),
    "Kepler": (304, 470, (PROPRIETARY,)),
    "Maxwell": (340, 580, (PROPRIETARY,)),
    "Pascal": (367, 580, (PROPRIETARY,)),
    "Volta": (384, 580, (PROPRIETARY,)),
    "Turing": (410, 0, BOTH),
    "Ampere": (450, 0, BOTH),
    "Hopper": (525, 0, BOTH),
    "Ada": (525, 0, BOTH),
    "Blackwell": (570, 0, (OPEN,)),
}
RANGES = (
    (0x0000, "Fermi or older"),
    (0x0FA0, "Kepler"),
    (0x1040, "Fermi or older"),
    (0x1180, "Kepler"),
    (0x1200, "Fermi or older"),
    (0x1280, "Kepler"),
    (0x1340, "Maxwell"),
    (0x15C0, "Pascal"),
    (0x1600, "Maxwell"),
    (0x1725, "Pascal"),
    (0x1730, "Maxwell"),
    (0x1B00, "Pascal"),
    (0x1D80, "Volta"),
    (0x1E00, "Turing"),
    (0x2080, "Ampere"),
    (0x2100, "Turing"),
    (0x2200, "Ampere"),
    (0x2300, "Hopper"),
    (0x2400, "Ampere"),
    (0x2600, "Ada"),
    (0x2900, "Blackwell"),
)

# Below it are a folder for the platform and one for the machine.
REPOSITORY_URL = "https://developer.download.nvidia.com/compute/cuda/repos"


def generation(device: str) -> str:
    """Return the generation of a GPU by its PCI device id (4 hexadecimal digits)."""
    number = int(device, 16)
    return next(name for first, name in reversed(RANGES) if number >= first)


def flavour(kernel: str) -> str:
    """Return the flavour of a distribution's kernel: 6.1.0-56-cloud-amd64 is cloud-amd64."""
    found = re.fullmatch(r"\d[\d.]*(?:\+[\w.]+)?(?:-\d+)?-([a-z][\w-]*)", kernel)
    return found[1] if found else ""


def decide(host: dict, options: dict) -> dict:
    """Return what is to be done about the driver of a host that has GPUs.

    `host`: release ("Debian 12", for messages), sources (its platform's branches and packages by
    source, none for a platform that is not known), machine, kernel (its release), devices (PCI
    ids), bound (kernel drivers that have the GPUs now), secure_boot, key_enrolled (whether the
    firmware knows DKMS's key), runfile (NVIDIA's installer was here); state (works, mismatch,
    no module, absent, broken), loaded, library and on_disk (versions of the kernel module, of the
    library, and of the module for the running kernel; "" where there is none), error (what
    nvidia-smi says), packaged (whether packages of a driver are installed). `options`: source,
    branch, modules.

    Returns `action`: leave, install, load (the module), reboot or refuse, with a `message` that
    says why and what to do, and for install `packages`, `pin` (packages to install before them),
    `modules`, `branch`, `components` of the distribution's repository, and NVIDIA's `repository`.
    """
    state = host["state"]
    if state == "works":
        return plan("leave", f"driver {host['loaded']} works")
    if problem := hopeless(host):
        return plan("refuse", problem)
    if state == "mismatch":
        return mismatch(host)
    if state == "no module" and host["on_disk"]:
        return not_loaded(host)
    return install(host, options)


def hopeless(host: dict) -> str:
    """Return what no package can mend; empty where there is nothing of it."""
    if "vfio-pci" in host["bound"]:
        return (
            "its GPU is given to virtual machines (vfio-pci has it); take it back, or set "
            "openpose_engine: openvino for this host"
        )
    if host["state"] == "broken":
        return (
            f"driver {host['loaded']} is loaded and nvidia-smi fails: {host['error']}; see "
            "`dmesg | grep -i -e nvrm -e xid` for the cause: the GPU has failed, lost its power "
            "or fallen off the bus"
        )
    if host["runfile"] and host["state"] != "mismatch" and not host["on_disk"]:
        return (
            f"NVIDIA's installer put a driver there that has no module for the kernel "
            f"{host['kernel']}; run the installer again, or `nvidia-uninstall` and then this"
        )
    return ""


def plan(action: str, message: str, **more: object) -> dict:
    """Return a plan; what it leaves out is empty."""
    empty: dict = {"packages": [], "pin": [], "modules": "", "branch": "", "components": ""}
    return empty | {"repository": {}, "action": action, "message": message} | more


def mismatch(host: dict) -> dict:
    """Decide where the library and the loaded kernel module are of different versions."""
    versions = f"the library is of version {host['library']}, the loaded kernel module of " + (
        host["loaded"] or "another"
    )
    if host["on_disk"] and host["on_disk"] == host["library"]:
        return plan(
            "reboot", f"{versions}: an upgrade has replaced the driver under the running module"
        )
    if host["on_disk"]:
        return plan(
            "refuse",
            f"{versions}, and the module on disk is of version {host['on_disk']}: install library "
            "and module of one version (`apt list --installed '*nvidia*'` shows what there is), "
            "then reboot",
        )
    return plan(
        "refuse",
        f"{versions}, and there is no module for the kernel {host['kernel']} on disk: see `dkms "
        "status`, install the headers of that kernel, build it (`dkms autoinstall`), then reboot",
    )


def not_loaded(host: dict) -> dict:
    """Decide where there is a module on disk for the running kernel, and it is not loaded."""
    if "nouveau" in host["bound"]:
        return plan("reboot", "the driver is installed, and nouveau still has the GPU")
    return plan("load", f"the kernel module {host['on_disk']} is there and not loaded")


def install(host: dict, options: dict) -> dict:
    """Decide what to install, or why nothing can be."""
    source, release = options["source"], host["release"]
    table = host["sources"].get(source, {})
    branch = options["branch"] or table.get("branches", ("",))[0]
    lacks = "its kernel module is missing" if host["packaged"] else "it has no driver"
    problem = no_source(host, source, table, branch)
    if problem:
        return plan("refuse", f"{lacks}, and {problem}")
    chosen, problem = choose_modules(host, options, table, int(branch))
    if not problem and host["secure_boot"] and not table["signed"] and not host["key_enrolled"]:
        problem = secure_boot(release)
    if problem:
        return plan("refuse", problem)
    names = table["headers"] + table["modules"][chosen] + table["programs"]

    def filled(packages: list[str]) -> list[str]:
        known = {"branch": branch, "kernel": host["kernel"]}
        return [package.format(**known, flavour=flavour(host["kernel"])) for package in packages]

    return plan(
        "install",
        f"{lacks}: {chosen} modules of branch {branch} for the kernel {host['kernel']}",
        packages=filled(names),
        pin=filled(table.get("pin", [])),
        modules=chosen,
        branch=branch,
        components=table["components"],
        repository=repository(table, host["machine"]) if "repository" in table else {},
    )


def repository(table: dict, machine: str) -> dict:
    """Return NVIDIA's repository for a platform and a machine, and its key."""
    url = f"{REPOSITORY_URL}/{table['repository']}/{table['machines'][machine]}"
    return {"url": url, "key_url": f"{url}/{table['key']}", "fingerprint": table["fingerprint"]}


def no_source(host: dict, source: str, table: dict, branch: str) -> str:
    """Return why a source has nothing for a host; empty where it has."""
    if source == "none":
        return "nvidia_driver_source is none: install one by hand"
    release = host["release"]
    if host["machine"] not in table.get("machines", ()):
        return (
            f"nvidia_driver_source {source} has none for {release} on {host['machine']} "
            "(docs/platforms.md says for which it has); install a driver by hand and run this again"
        )
    if branch not in table["branches"] and int(branch) < table.get("any_branch_from", 10**6):
        other = "" if source == "nvidia" else "; nvidia_driver_source: nvidia has others"
        return (
            f"nvidia_driver_source {source} has {', '.join(table['branches'])} for {release}, not "
            f"{branch}{other}"
        )
    if not flavour(host["kernel"]):
        return (
            f"its kernel {host['kernel']} is not one of {release}, for which there are headers in "
            "packages; boot one of the distribution's, or install the driver by hand"
        )
    return ""


def choose_modules(host: dict, options: dict, table: dict, branch: int) -> tuple[str, str]:
    """Return the kind of kernel modules for all GPUs of a host, or what is in the way of it."""
    generations = list(dict.fromkeys(map(generation, host["devices"])))
    for name in generations:
        oldest, newest, _ = GENERATIONS[name]
        if newest and branch > newest:
            return "", (
                f"its GPU ({name}) needs branch {newest} or older, and {branch} is the one of "
                f"nvidia_driver_source {options['source']}"
                + (f"; set nvidia_driver_branch: {newest}" if newest >= 570 else "")
            )
        if branch < oldest:
            return "", (
                f"its GPU ({name}) needs branch {oldest} or newer, and {branch} is the one of "
                f"nvidia_driver_source {options['source']}"
                + ("; set nvidia_driver_source: nvidia" * (options["source"] == "distribution"))
            )
    fit = [kind for kind in BOTH if all(kind in GENERATIONS[name][2] for name in generations)]
    if not fit:
        return "", (
            f"its GPUs ({', '.join(generations)}) need open and proprietary modules at once, which "
            "no driver has; take one out, or set openpose_engine: openvino for this host"
        )
    asked = BOTH if options["modules"] == "auto" else (options["modules"],)
    there = [kind for kind in fit if kind in asked and kind in table["modules"]]
    if not there:
        return "", (
            f"nvidia_driver_modules: {options['modules']} cannot be: its GPU "
            f"({', '.join(generations)}) runs with {' and '.join(fit)} modules, and "
            f"nvidia_driver_source {options['source']} has {' and '.join(table['modules'])} ones "
            f"for {host['release']}"
        )
    return there[0], ""


def secure_boot(release: str) -> str:
    """Return why Secure Boot is in the way, and the ways out."""
    ways = [
        "turn Secure Boot off in the firmware's setup",
        "or let its firmware trust the key of DKMS: install dkms, `dkms generate_mok`, `mokutil "
        "--import /var/lib/dkms/mok.pub`, reboot and confirm at the console",
    ]
    if release.startswith("Ubuntu"):
        ways.insert(0, "set nvidia_driver_source: distribution, whose modules Ubuntu has signed")
    return (
        "Secure Boot is on, and the driver's module is built on the host: its kernel would "
        f"refuse it. {'; '.join(ways)}"
    )
