"""The role nvidia on hosts with systemd: NVIDIA's container toolkit for real, and real engines.

There is no GPU: gpu_stand_in.sh shows one to the host, whose driver works. Its CDI specification is
written by the real toolkit (in the mode in which it takes a list of devices), and has harmless
devices, and the stand-in for nvidia-smi in the place of the driver's. The tests of a host build on
one another, in the order in which they stand here.
"""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from .. import lab
from . import hosts
from .hosts import run

NETWORK = "posestream-test-nvidia"
RUNTIME, CDI = f"{NETWORK}-debian12", f"{NETWORK}-debian13"
MODULE, VERSION, OLDER = "github.com/NVIDIA/nvidia-container-toolkit", "1.20.2", "1.18.0"
PROGRAMS = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-container-runtime-hook")
CACHE = lab.ROOT / ".cache/toolkit" / VERSION
PACKAGES = [
    *("libnvidia-container-tools", "libnvidia-container1"),
    *("nvidia-container-toolkit", "nvidia-container-toolkit-base"),
]
STAND_IN = lab.ROOT / "tests/gpu_stand_in.sh"
# What the real unit of the toolkit is told where there is no library of a driver to ask.
SPECIFICATION = {
    "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env": (
        "NVIDIA_CTK_CDI_GENERATE_MODE=csv\nNVIDIA_CTK_CDI_GENERATE_CSV_FILES=/etc/gpu.csv\n"
    ),
    "/etc/gpu.csv": "dev, /dev/nvidia0\ndev, /dev/nvidiactl\nlib, /usr/bin/nvidia-smi\n",
}
FOREIGN = {"max-concurrent-downloads": 2, "features": {"containerd-snapshotter": False}}


@pytest.fixture(scope="module")
def toolkit() -> bytes:
    """Build the toolkit once; returns an archive of its programs and its systemd units."""
    if not all((CACHE / "bin" / name).exists() for name in (*PROGRAMS, "nvidia-cdi-hook")):
        built = lab.run(
            *("go", "install", "-ldflags", f"-s -w -X {MODULE}/internal/info.version={VERSION}"),
            *(f"{MODULE}/cmd/{name}@v{VERSION}" for name in (*PROGRAMS, "nvidia-cdi-hook")),
            GOBIN=str(CACHE / "bin"),
        )
        assert built.returncode == 0, built.stderr
    there = lab.run("go", "mod", "download", "-json", f"{MODULE}@v{VERSION}", cwd=Path("/tmp"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(CACHE / "bin", "bin")
        tar.add(Path(json.loads(there.stdout)["Dir"], "deployments/systemd"), "systemd")
    return archive.getvalue()


@pytest.fixture(scope="module")
def inventory(toolkit, tmp_path_factory):
    """Start the hosts with engines and GPUs, one of them serving the toolkit's packages."""
    with ExitStack() as stack:
        stack.enter_context(hosts.network(NETWORK))
        for name, release in ((RUNTIME, "bookworm"), (CDI, "trixie")):
            stack.enter_context(hosts.host(name, release, NETWORK))
            run(name, "mkdir", "/etc/docker")
            run(name, "tee", "/etc/docker/daemon.json", text=json.dumps(FOREIGN))
            run(name, "sh", "-s", "", "works", text=STAND_IN.read_text())
            # Harmless, where the driver's own would be.
            for device, minor in (("nvidia0", 5), ("nvidiactl", 3), ("nvidia-uvm", 3)):
                run(name, "mknod", "-m", "666", f"/dev/{device}", "c", "1", str(minor))
        kernel = run(CDI, "uname", "-r")
        run(CDI, "mkdir", "-p", f"/lib/modules/{kernel}", "/etc/nvidia-container-toolkit")
        modules = f"/lib/modules/{kernel}/modules.dep"
        run(CDI, "tee", modules, text="updates/dkms/nvidia.ko:\n")
        for file, content in SPECIFICATION.items():
            run(CDI, "tee", file, text=content)
        run(CDI, "mkdir", "/srv/toolkit")
        hosts.put(CDI, "/srv/toolkit", toolkit)
        script = hosts.repository_script("nvidia")
        fingerprint = run(CDI, "sh", "-s", VERSION, text=script)
        inventory = hosts.write_inventory(
            tmp_path_factory.mktemp("inventory") / "hosts.json",
            {"kafka": [], "openpose": [RUNTIME, CDI]},
            broker_hostname="broker.invalid",
            openpose_engine="auto",
            nvidia_toolkit_repository_url=f"http://{CDI}",
            nvidia_toolkit_repository_key_url=f"http://{CDI}/gpgkey",
            nvidia_toolkit_repository_fingerprint=fingerprint,
        )
        status, report = hosts.playbook("playbooks/docker.yml", inventory)
        assert status == 0, lab.failures(report)
        status, report = hosts.playbook("molecule/shared/mark.yml", inventory)
        assert status == 0, lab.failures(report)
        yield inventory


@pytest.fixture
def apply(inventory):
    """Apply the role; returns the number of changes by host, and the report."""

    def apply(*arguments: str, **variables) -> tuple[dict[str, int], dict]:
        status, report = hosts.playbook(
            "playbooks/nvidia.yml", inventory, "--extra-vars", json.dumps(variables), *arguments
        )
        assert status == 0, lab.failures(report)
        return {host: stats["changed"] for host, stats in report["stats"].items()}, report

    return apply


@pytest.fixture
def refused(inventory):
    """Apply the role to a host that ends with a message; returns it."""

    def refused(host: str, **variables) -> str:
        status, report = hosts.playbook(
            *("playbooks/nvidia.yml", inventory, "--limit", host),
            *("--extra-vars", json.dumps(variables)),
        )
        assert status != 0
        return lab.failures(report)

    return refused


def daemon(host: str) -> dict:
    """Return an engine's configuration."""
    return json.loads(run(host, "cat", "/etc/docker/daemon.json"))


def started(host: str) -> str:
    """Return when the container of somebody else was started."""
    return run(host, "docker", "inspect", "--format", "{{.State.StartedAt}}", "foreign")


def toolkit_versions(host: str) -> set[str]:
    """Return the versions of the toolkit's four packages on a host."""
    form = "${Version}\n"
    return set(run(host, "dpkg-query", "--show", "--showformat", form, *PACKAGES).split())


def test_a_dry_run_changes_nothing(apply):
    changes, _ = apply("--check", "--diff")
    assert all(changes.values())
    for host in (RUNTIME, CDI):
        assert daemon(host).keys() >= FOREIGN.keys()
        assert {"runtimes", "nvidia"}.isdisjoint(daemon(host))
        assert "nvidia-container" not in run(host, "dpkg-query", "--list")
        assert "nvidia" not in run(host, "ls", "/etc/apt/sources.list.d")


def test_another_key_is_refused_before_it_is_trusted(refused):
    nvidias_own = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
    reason = refused(RUNTIME, nvidia_toolkit_repository_fingerprint=nvidias_own)
    assert f"expected is {nvidias_own}. It is not trusted" in reason
    folders = ("/etc/apt/keyrings", "/etc/apt/sources.list.d")
    assert run(RUNTIME, "find", *folders, "-name", "nvidia*") == ""


def test_one_version_of_four_packages_that_are_held(apply):
    before = {host: started(host) for host in (RUNTIME, CDI)}
    apply("--limit", CDI, nvidia_toolkit_version=OLDER)
    assert toolkit_versions(CDI) == {f"{OLDER}-1"}
    apply(nvidia_toolkit_version=VERSION)
    for host in (RUNTIME, CDI):
        assert toolkit_versions(host) == {f"{VERSION}-1"}
        assert set(PACKAGES) <= set(run(host, "apt-mark", "showhold").split())
        assert VERSION in run(host, "nvidia-ctk", "--version")
    assert started(RUNTIME) == before[RUNTIME], "an engine takes a runtime without a restart"
    assert started(CDI) > before[CDI], "it is back after the engine's restart"
    assert run(CDI, "docker", "inspect", "--format", "{{.State.Running}}", "foreign") == "true"


def test_a_second_run_changes_nothing(apply):
    before = {host: (started(host), run(host, "cat", "/run/docker.pid")) for host in (RUNTIME, CDI)}
    changes, report = apply()
    assert changes == {RUNTIME: 0, CDI: 0}
    for host in (RUNTIME, CDI):
        assert (started(host), run(host, "cat", "/run/docker.pid")) == before[host]
        assert report["stats"][host]["ok"] <= 24


# Playbooks refuse such values; this is the role by itself, as if they had been checked.
UNCHECKED = {"preflight_inventory": {"problems": {}}}


def test_a_text_in_the_place_of_a_boolean_is_no_change_each_time(apply):
    apply(nvidia_hold="yes", **UNCHECKED)
    assert apply(nvidia_hold="yes", **UNCHECKED)[0] == {RUNTIME: 0, CDI: 0}
    apply()
    assert set(PACKAGES) <= set(run(CDI, "apt-mark", "showhold").split())


def test_foreign_keys_and_features_stay(inventory):
    for host in (RUNTIME, CDI):
        assert daemon(host)["max-concurrent-downloads"] == 2
        assert daemon(host)["features"]["containerd-snapshotter"] is False
    assert daemon(RUNTIME)["runtimes"] == {"nvidia": {"path": "nvidia-container-runtime"}}
    assert daemon(CDI)["features"]["cdi"] is True
    assert "runtimes" not in daemon(CDI)


def test_the_role_docker_leaves_the_layer_alone(inventory):
    status, report = hosts.playbook("playbooks/docker.yml", inventory)
    assert status == 0, lab.failures(report)
    assert hosts.changes(report) == 0


def test_the_old_engine_starts_containers_by_the_real_runtime(inventory):
    assert "nvidia" in json.loads(run(RUNTIME, "docker", "info", "--format", "{{json .Runtimes}}"))
    done = ("docker", "run", "--rm", "--runtime", "nvidia", "foreign:1", "/usr/bin/sleep", "0.1")
    run(RUNTIME, *done)
    log = run(RUNTIME, "sh", "-c", "nvidia-container-runtime --version")
    assert VERSION in log


def test_a_container_sees_the_devices_of_its_specification(inventory):
    listed = run(CDI, "nvidia-ctk", "cdi", "list")
    assert "nvidia.com/gpu=0" in listed
    script = "stat --format '%n %t %T' /dev/nvidia0 /dev/nvidiactl; nvidia-smi -L"
    image = import_image(CDI)
    seen = run(
        *(CDI, "docker", "run", "--rm", "--network", "none", "--device", "nvidia.com/gpu=0"),
        *(image, "sh", "-c", script),
    )
    assert seen.splitlines()[:2] == ["/dev/nvidia0 1 5", "/dev/nvidiactl 1 3"]
    assert "NVIDIA H100 80GB HBM3" in seen
    without = ("docker", "run", "--rm", "--network", "none", image, "ls", "/dev")
    assert "nvidia" not in run(CDI, *without)


def import_image(host: str) -> str:
    """Give a host an image with a shell, from its own files; returns its name."""
    programs = "/bin/sh /usr/bin/stat /usr/bin/ls /usr/bin/cat"
    run(
        *(host, "sh", "-c"),
        f"tar --create --dereference {programs} /etc/passwd "
        f"$(ldd {programs} | grep -o '/lib[^ ]*' | sort -u) | docker import - tools:1",
    )
    return "tools:1"


def check(inventory: Path, folder: Path, **variables) -> tuple[int, dict[str, dict], str]:
    """Run playbooks/gpu_check.yml; returns its status, the rows by host, and the report's text."""
    report = folder / "report.txt"
    wanted = {"nvidia_check_image": "tools:1", "nvidia_check_report": str(report)} | variables
    status, said = hosts.playbook(
        "playbooks/gpu_check.yml", inventory, "--limit", CDI, "--extra-vars", json.dumps(wanted)
    )
    rows = hosts.results(said, "Follow the way of a GPU into a container")[0]["rows"]
    return status, {row["check"]: row for row in rows}, report.read_text()


def test_the_check_is_content_with_a_good_host(inventory, tmp_path):
    status, rows, report = check(inventory, tmp_path)
    assert {row["result"] for row in rows.values()} == {"ok"}, report
    assert "GPU 0: NVIDIA H100" in rows["nvidia-smi in a container, GPU 0"]["seen"]
    assert "a picture through openpose" in report
    assert status == 0


def test_the_check_names_what_is_wrong(inventory, tmp_path):
    run(CDI, "sh", "-s", "", "mismatch", text=STAND_IN.read_text())
    run(CDI, "rm", "/dev/nvidiactl")
    status, rows, report = check(inventory, tmp_path)
    assert status != 0
    wrong = {name: row["cure"] for name, row in rows.items() if row["result"] == "wrong"}
    assert set(wrong) == {
        *("driver", "one version of both", "device nodes", "nvidia-smi in a container, GPU 0"),
    }
    assert "reboot" in wrong["one version of both"]
    assert rows["device nodes"]["seen"] == "lacks nvidiactl"
    assert f"what to do: {wrong['device nodes']}" in report
    assert "of different versions" in rows["nvidia-smi in a container, GPU 0"]["seen"]


def test_a_mismatch_ends_the_role_at_that_host(refused):
    reason = refused(CDI)
    assert f"{CDI} cannot use its GPU: the library is of version 550.999.02" in reason


def test_without_leave_nothing_is_rebooted(refused):
    run(CDI, "sh", "-s", "", "not-loaded", text=STAND_IN.read_text())
    reason = refused(CDI)
    assert f"{CDI} has to be rebooted before it can use its GPU: the kernel module" in reason
    assert "or set nvidia_allow_reboot: true" in reason


def test_nothing_is_rebooted_against_the_inventorys_word(refused):
    """tests/unit/test_nvidia_reboot.py has the other ways of saying no."""
    before = hosts.docker("inspect", "--format", "{{.State.StartedAt}}", CDI)
    said = refused(CDI, nvidia_allow_reboot="no")
    assert "nvidia_allow_reboot: 'no' is neither true nor false; write false" in said
    assert f"{CDI} has to be rebooted" in refused(CDI, nvidia_allow_reboot="no", **UNCHECKED)
    assert hosts.docker("inspect", "--format", "{{.State.StartedAt}}", CDI) == before


def test_a_driver_is_taken_from_debians_own_mirror(apply, refused):
    """As far as it goes in a container: there are no headers of this machine's kernel in Debian."""
    run(RUNTIME, "sh", "-s", "", "absent", text=STAND_IN.read_text())
    apply("--check", "--limit", RUNTIME)
    ours = ("find", "/etc", "-name", "posestream-*")
    assert run(RUNTIME, *ours) == ""
    reason = refused(RUNTIME, nvidia_driver_source="none")
    assert "it has no driver, and nvidia_driver_source is none" in reason
    assert run(RUNTIME, *ours) == ""

    kernel = run(RUNTIME, "uname", "-r")
    reason = refused(RUNTIME)
    assert f"{RUNTIME} cannot install linux-headers-{kernel}, " in reason
    assert f"the kernel {kernel} is not, or no longer, one that the archive has" in reason
    assert "Candidate: 535." in run(RUNTIME, "apt-cache", "policy", "nvidia-smi")
    assert "blacklist nouveau" in run(RUNTIME, "cat", "/etc/modprobe.d/posestream-nouveau.conf")
