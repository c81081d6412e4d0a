"""What preflight makes of a host's facts, where this machine cannot be the host."""

from pathlib import Path

import pytest
import yaml
from preflight_checks import fitness, gpus, services, unreachable, versions

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "playbooks/group_vars/all/services.yml").read_text())
GIB = 1024**3
NEEDS = fitness.Needs(
    free={
        "images": 3 * GIB,
        "onnx_image": 12 * GIB,
        "cuda_image": 10 * GIB,
        "cuda_build": 32 * GIB,
        "models": GIB,
        "pictures": 2 * GIB,
        "projects": GIB,
    },
    memory={"kafka": GIB, "openpose": GIB, "cuda_worker": 3 * GIB},
    platforms=["Debian 12", "Ubuntu 24.04"],
    engine="19.03",
    compose="1.27.1",
)
VALUES = {
    "posestream_services": SERVICES["posestream_services"],
    "kafka_image": "posestream-kafka:3.9",
    "openpose_image": "posestream:cpu",
    "kafka_project": "kafka",
    "openpose_project": "openpose",
    "kafka_broker_data": "broker-data",
    "posestream_dir": "/opt/posestream",
    "kafka_heap": "512m",
    "kafka_zookeeper_heap": "128m",
}
NO_DOCKER = {
    "installed": False,
    "version": "",
    "root": "/var/lib/docker",
    "compose": "",
    "requests": False,
}
GOOD_DOCKER = {
    "installed": True,
    "version": "20.10.24+dfsg1",
    "root": "/var/lib/docker",
    "compose": "2.40.3",
    "requests": True,
}


def host(  # a good one, but for what is said
    distribution="Debian 12", docker=GOOD_DOCKER, machine="x86_64", bits="64", **more
) -> fitness.Host:
    name, _, release = distribution.rpartition(" ")
    values = VALUES | more.get("values", {})
    disk = {"filesystem": 1, "mount": "/", "free": more.get("free", 100 * GIB)}
    return fitness.Host(
        name="host01",
        gpus=more.get("gpus", []),
        builds=more.get("builds", []),
        groups=more.get("groups", ["kafka", "openpose"]),
        values=values,
        facts={
            "architecture": machine,
            "distribution": name,
            "distribution_version": release,
            "userspace_bits": bits,
            "service_mgr": more.get("init", "systemd"),
        },
        platform=distribution if distribution in NEEDS.platforms else "",
        bundled=name == "Debian",
        seen={
            "docker": {"images": [], "projects": []} | docker,
            "disks": {"/var/lib/docker": disk, "/opt/posestream": disk} | more.get("disks", {}),
            "memory": more.get("memory", 8 * GIB),
            "processors": 4,
            "ports": more.get("ports", []),
            "files": more.get("files", {}),
            "nvidia": {"problems": more.get("gpu_problems", [])} | more.get("nvidia", {}),
        },
    )


@pytest.mark.parametrize("distribution", NEEDS.platforms)
@pytest.mark.parametrize("docker", [NO_DOCKER, GOOD_DOCKER])
@pytest.mark.parametrize("source", ["distribution", "docker"])
def test_known_platforms_pass_with_and_without_docker(distribution, docker, source):
    here = host(distribution, docker, values={"docker_source": source})
    assert fitness.problems(here, NEEDS, []) == []


ROCKY = {"distribution": "Rocky 9.6"}
BY_HAND = {"values": {"docker_source": "none"}}
BUNDLE = {"values": {"posestream_bundle": "/srv/bundle"}}
OLD_COMPOSE = GOOD_DOCKER | {"compose": "1.25.0"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            ROCKY | {"docker": NO_DOCKER},
            "host01 runs Rocky 9.6; packages are installed on Debian 12, Ubuntu 24.04 alone. Use "
            "one of those, or install Docker engine 19.03 or newer and Compose 1.27.1 or newer and "
            "Python's module requests on it by hand and write docker_source: none for this host",
        ),
        (
            ROCKY,
            "Use one of those, or write docker_source: none for this host",
        ),
        (ROCKY | BY_HAND, None),
        ({"distribution": "Ubuntu 20.04"}, "host01 runs Ubuntu 20.04; packages are installed on"),
        (
            BY_HAND | {"docker": NO_DOCKER},
            "host01 lacks Docker engine 19.03 or newer and Compose 1.27.1 or newer and Python's "
            "module requests, and docker_source is none: install",
        ),
        (BY_HAND | {"docker": OLD_COMPOSE}, "host01 lacks Compose 1.27.1 or newer, and"),
        (
            ROCKY | BY_HAND | {"docker": GOOD_DOCKER | {"requests": False}},
            "host01 lacks Python's module requests, and docker_source is none",
        ),
        ({"docker": OLD_COMPOSE}, None),
        (
            {"docker": GOOD_DOCKER | {"version": "18.09.1"}},
            "host01 runs Docker engine 18.09.1; 19.03 or newer is needed: upgrade it",
        ),
        (
            {"machine": "armv7l"},
            "host01 is a machine of the kind armv7l; OpenVINO runs on x86_64 and aarch64",
        ),
        ({"machine": "aarch64"}, None),
        # Raspberry Pi OS of 32 bit has a kernel of 64.
        ({"machine": "aarch64", "bits": "32"}, "host01 runs a system of 32 bit, for which"),
        (BUNDLE | {"docker": NO_DOCKER}, None),
        (
            BUNDLE | {"docker": NO_DOCKER, "distribution": "Ubuntu 24.04"},
            "posestream_bundle: a bundle has packages for Debian alone, and host01 runs Ubuntu 24",
        ),
        (BUNDLE | {"distribution": "Ubuntu 24.04"}, None),
    ],
)
def test_platforms(facts, expected):
    found = fitness.problems(host(**facts), NEEDS, [])
    assert len(found) == (expected is not None)
    assert expected is None or expected in found[0]


def test_what_keeps_a_driver_from_a_gpu_is_said_of_the_host_or_of_a_variable():
    problems = ["Secure Boot is on", "nvidia_access: Docker engine 20.10 knows no CDI"]
    assert fitness.problems(host(gpu_problems=problems), NEEDS, []) == [
        "host01 cannot use its GPU: Secure Boot is on",
        "nvidia_access: Docker engine 20.10 knows no CDI",
    ]


@pytest.mark.parametrize(
    ("memory", "groups", "refused"),
    [
        (2 * GIB, ["kafka", "openpose"], False),
        (2 * GIB - 1, ["kafka", "openpose"], True),
        (2 * GIB - 1, ["openpose"], False),
    ],
)
def test_memory_is_the_sum_over_the_groups(memory, groups, refused):
    assert bool(fitness.problems(host(memory=memory, groups=groups), NEEDS, [])) == refused


def test_a_heap_above_the_memory():
    found = fitness.problems(host(values={"kafka_heap": "16G"}), NEEDS, [])
    assert found == ["kafka_heap: 16G is more than the memory of host01, 8.0 GiB"]


IMAGES = {"images": ["posestream-kafka:3.9", "posestream:cpu"]}


@pytest.mark.parametrize(
    ("docker", "need"),
    [
        ({}, 3 + 3 + 2 + 1),  # two images, the pictures, the folders
        (IMAGES, 2 + 1),
        (IMAGES | {"projects": ["kafka"]}, 1),  # a rerun asks for nothing that is there
    ],
)
def test_disk_is_asked_for_what_is_still_to_come(docker, need):
    for missing in (0, 1):
        here = host(docker=GOOD_DOCKER | docker, free=need * GIB - missing)
        found = fitness.problems(here, NEEDS, [])
        assert len(found) == missing
        assert not found or f"and {need}.0 GiB are needed" in found[0]


ON_GPUS = {
    "values": {
        "openpose_engine": "auto",
        "workers_engine": "pyopenpose",
        "workers_devices": ["0", "1"],
        "openpose_image": "posestream:cuda",
        "posestream_onnx_image": "posestream:onnx",
        "posestream_cuda_image": "posestream:cuda",
        "openpose_models_dir": "/opt/posestream",
        "viewer_image": "posestream:cpu",
    },
    "gpus": [{"index": 0}, {"index": 1}],
}
CUDA = {"images": ["posestream:cuda"]}
ONNX = {"workers_engine": "onnx", "openpose_image": "posestream:onnx"}


def test_no_container_gets_more_processors_than_there_are():
    said = {"broker": {"cpus": 5}, "openpose": {"cpus": 4}, "viewer": {"cpus": 9}}
    found = fitness.problems(host(values={"posestream_limits": said}), NEEDS, [])

    assert found == [
        "posestream_limits: broker: cpus: 5 is more than host01 has processors; write 4 or less, "
        "or leave it out"
    ]


@pytest.mark.parametrize(("memory", "refused"), [("3g", False), ("3071m", True)])
def test_a_worker_on_a_gpu_is_left_what_it_needs(memory, refused):
    said = {"values": ON_GPUS["values"] | {"posestream_limits": {"openpose": {"memory": memory}}}}
    found = fitness.problems(host(groups=["openpose"], **(ON_GPUS | said)), NEEDS, [])

    assert bool(found) == refused, found


@pytest.mark.parametrize(("memory", "refused"), [(6 * GIB, False), (6 * GIB - 1, True)])
def test_each_worker_on_a_gpu_has_its_own_memory(memory, refused):
    here = host(memory=memory, groups=["openpose"], **ON_GPUS)
    assert bool(fitness.problems(here, NEEDS, [])) == refused


@pytest.mark.parametrize(
    ("docker", "more", "need"),
    [
        ({}, {}, 10 + 1 + 1),  # the image, the networks, the folders; not the image for the CPU
        ({}, {"groups": ["openpose", "viewer"]}, 10 + 3 + 1 + 1),
        ({}, {"builds": ["pyopenpose"]}, 32 + 1 + 1),
        (CUDA, {"builds": ["pyopenpose"]}, 1 + 1),
        ({}, {"of": ONNX}, 12 + 1 + 1),
        ({}, {"of": ONNX, "builds": ["onnx"]}, 12 + 1 + 1),
        ({}, {"of": ONNX, "builds": ["onnx", "pyopenpose"]}, 12 + 32 + 1 + 1),
        ({"images": ["posestream:onnx"]}, {"of": ONNX, "builds": ["onnx"]}, 1 + 1),
        (CUDA | {"projects": ["openpose"]}, {}, 1),
    ],
)
def test_what_is_still_to_come_for_gpus(docker, more, need):
    for missing in (0, 1):
        wanted = {"groups": ["openpose"], **ON_GPUS, **more}
        wanted["values"] = wanted["values"] | wanted.pop("of", {})
        here = host(docker=GOOD_DOCKER | docker, free=need * GIB - missing, **wanted)
        found = fitness.problems(here, NEEDS, [])
        assert len(found) == missing
        assert not found or f"and {need}.0 GiB are needed" in found[0]


def gpu(device: str) -> dict:
    """Return a GPU as role nvidia finds it, by its PCI device id."""
    return {"index": 0, "address": "0000:01:00.0", "device": device, "name": ""}


H100, V100, P40, M60 = map(gpu, ("2330", "1db6", "1b38", "13f2"))


def on_onnx(cuda: int, device: dict = H100, driver: str = "", **more) -> list[str]:
    """Return what is wrong with a host of one GPU for the engine onnx."""
    values = {"workers_engine": "onnx", "workers_devices": [0], "openpose_onnx_cuda": cuda}
    seen = {"driver": {"loaded": driver}}
    return list(gpus.problems(host(values=values, gpus=[device], **({"nvidia": seen} | more))))


@pytest.mark.parametrize(
    ("cuda", "driver", "refused"),
    [
        (12, "525.60.13", False),
        (12, "525.60.11", True),
        (12, "470.256.02", True),
        (12, "", False),  # not known
        (13, "580.65.06", False),
        (13, "550.163.01", True),
    ],
)
def test_a_version_of_cuda_has_its_oldest_driver(cuda, driver, refused):
    found = on_onnx(cuda, driver=driver)
    assert bool(found) == refused
    assert all(f"openpose_onnx_cuda: {cuda} needs NVIDIA's driver " in text for text in found)


def test_a_driver_that_is_yet_to_come_counts():
    """Of one that is there and does not work, the version may be known as well."""
    plan = {"plan": {"branch": "535"}, "driver": {"loaded": "", "on_disk": ""}}
    assert on_onnx(12, nvidia=plan) == []
    (text,) = on_onnx(13, nvidia=plan)
    assert "and that of host01 is 535; write 12, or install a newer one" in text


@pytest.mark.parametrize(
    ("cuda", "device", "refused"),
    [(12, P40, False), (12, M60, True), (13, V100, True), (13, H100, False)],
)
def test_a_version_of_cuda_has_its_oldest_gpu(cuda, device, refused):
    found = on_onnx(cuda, device)
    assert bool(found) == refused
    assert all("needs GPUs of compute capability" in text for text in found)


def test_onnx_is_for_one_kind_of_machine():
    (text,) = on_onnx(12, machine="aarch64")
    assert text.startswith("openpose_engine: onnx is for x86_64 alone")


@pytest.mark.parametrize(
    ("said", "need"),
    [
        ({}, 1 + 3),
        ({"openpose_model_pose": "COCO"}, 1 + 3),  # the free network stands in
        ({"openpose_model_pose": "COCO", "openpose_license_accepted": True}, 1 + 3 + 1),
    ],
)
def test_a_worker_on_the_cpu_may_have_networks_of_openposes(said, need):
    values = {"workers_engine": "openvino", "openpose_models_dir": "/opt/posestream"} | said
    for missing in (0, 1):
        here = host(values=values, groups=["openpose"], free=need * GIB - missing)
        assert len(fitness.problems(here, NEEDS, [])) == missing


def test_each_worker_has_a_port_for_its_metrics():
    said = {"openpose_metrics_bind": "127.0.0.1:9095", "workers_devices": ["0", "1", "2"]}
    found = services.ports(VALUES | said, ["openpose"])
    assert [port.number for port in found] == [9095, 9096, 9097]


def test_file_systems_are_counted_apart():
    data = {"/srv/kafka": {"filesystem": 2, "mount": "/srv", "free": 0}}
    here = host(values={"kafka_broker_data": "/srv/kafka"}, disks=data)
    (found,) = fitness.problems(here, NEEDS, [])
    assert found.startswith(
        "host01 has 0 MiB free below /srv, and 2.0 GiB are needed for /srv/kafka;"
    )


PORT = services.Port("viewer_port", "0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"state": "free"}, None),
        ({"state": "used", "owner": "the container kafka-broker-1", "project": "kafka"}, None),
        (
            {
                "state": "used",
                "owner": "the container web-1 of the Compose project web",
                "project": "web",
            },
            "viewer_port: port 8080 of host01 is in use by the container web-1 of the "
            "Compose project web",
        ),
        ({"state": "no such address"}, "viewer_port: 0.0.0.0 is no address of host01"),
    ],
)
def test_ports(seen, expected):
    found = fitness.problems(host(ports=[{"owner": "", "project": ""} | seen]), NEEDS, [PORT])
    assert len(found) == (expected is not None)
    assert expected is None or found[0].startswith(expected)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            "ssh: connect to host 10.0.0.1 port 22: Connection refused",
            "no SSH server listens there",
        ),
        ("Connection timed out during banner exchange", "nothing answers: is it switched on"),
        (
            "ssh: connect to host 10.0.0.1 port 22: No route to host",
            "the network does not lead there",
        ),
        ("Could not resolve hostname gpu01: Name or service not known", "nobody knows this name"),
        ("Host key verification failed.", "log in once by hand with `ssh -p 2222 lab@10.0.0.1`"),
        ("lab@10.0.0.1: Permission denied (publickey)", "then `ssh-copy-id -p 2222 lab@10.0.0.1`"),
        ("Error response from daemon: No such container: gpu01", "there is no such container"),
        ("Missing sudo password", "run this again with --ask-become-pass"),
        ("/bin/sh: 1: /usr/bin/python3: not found", "Python is missing on it"),
        ("something new", "try `ansible gpu01 -m ansible.builtin.ping`"),
    ],
)
def test_what_to_try(error, remedy):
    variables = {"ansible_host": "10.0.0.1", "ansible_user": "lab", "ansible_port": 2222}
    text = unreachable.problem("gpu01", variables, error)
    assert text.startswith("gpu01 cannot be reached at 10.0.0.1 port 2222: ")
    assert remedy in text
    assert text.endswith(f"(it said: {error})")


@pytest.mark.parametrize(
    ("version", "good"), [("2.19.0", True), ("2.21.1rc1", True), ("2.18.9", False), ("2.9", False)]
)
def test_core_versions(version, good):
    assert (versions.core(version, ROOT / "roles") == []) == good


STREET = "/usr/share/posestream/video/vtest.avi"
PI = {"groups": ["camera"], "docker": NO_DOCKER, "files": {"/dev/video0": "device"}}


def cameras(*entries: dict, way: str = "systemd", **more) -> dict:
    """Return the values of a host with cameras."""
    own = {"cameras": list(entries), "camera_name": "street", "camera_source": STREET}
    return own | {"camera_way": way, "camera_image": "posestream:cpu"} | more


def test_cameras_without_containers_need_no_docker_and_no_image():
    values = cameras({"source": "/dev/video0"}, docker_source="none")
    little = PI | {"free": GIB}
    assert fitness.problems(host(values=values, **little), NEEDS, []) == []
    values["camera_way"] = "container"
    said = fitness.problems(host(values=values, **little), NEEDS, [])
    assert "docker_source is none" in said[0]
    assert "4.0 GiB are needed for /var/lib/docker and /opt/posestream" in said[1]


@pytest.mark.parametrize(
    ("values", "more", "expected"),
    [
        (cameras({}), {}, "camera_source: the street is in the image, and the cameras of host01"),
        (
            cameras({"source": "/dev/video1"}),
            {},
            "cameras[0].source: host01 has no device /dev/video1; plug",
        ),
        (
            cameras({"source": "picamera"}, way="container"),
            {"docker": GOOD_DOCKER},
            "cameras[0].source: picamera is for Raspberry Pi OS, and host01 runs",
        ),
        (
            cameras({"source": "picamera"}),
            {"init": "sysvinit"},
            "camera_runs: host01 runs sysvinit and no systemd; write container",
        ),
        (
            cameras({"source": "picamera"}),
            {"distribution": "Rocky 9.6"},
            "camera_runs: host01 is none of the platforms on which packages are installed",
        ),
        (
            cameras({"source": "picamera"}, posestream_bundle="/srv/bundle"),
            {},
            "posestream_bundle: a bundle has nothing for cameras as units of systemd",
        ),
    ],
)
def test_what_a_host_lacks_for_its_cameras(values, more, expected):
    (said,) = fitness.problems(host(values=values, **(PI | more)), NEEDS, [])
    assert said.startswith(expected)


def test_the_port_of_an_own_unit_is_its_own():
    values = cameras({"source": "/dev/video0"}, camera_project="camera")
    wanted = [services.Port("camera_metrics_bind", "127.0.0.1", 9195)]
    used = {"state": "used", "owner": "the process posestream (pid 7)", "project": "camera"}
    for project, count in (("camera", 0), ("", 1)):
        seen = PI | {"ports": [used | {"project": project}]}
        assert len(fitness.problems(host(values=values, **seen), NEEDS, wanted)) == count
