"""The image with CUDA, built by its own Dockerfile from sources that stand in for OpenPose's.

The base images are made of Debian's packages and have no CUDA; what the sources are is said in
tests/stand_ins/openpose. Every line of the Dockerfile runs; the real compilation is what does not.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import yaml

from .. import lab

CONTEXT = lab.ROOT / "files/openpose"
STAND_IN = lab.ROOT / "tests/stand_ins/openpose"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
DEBIAN = "posestream-base:bookworm"
BASE = "posestream-test-cuda:base"
IMAGE = "posestream-test-cuda:final"
TOOLS, COMPILED = "posestream-test-cuda:tools", "posestream-test-cuda:compiled"
ARCHITECTURES = "75 86"
DIVERTED = "/usr/lib/mesa-diverted/x86_64-linux-gnu"
SERVICES = {"SS_BROKERS": "127.0.0.1:9", "SSSRC_TOPIC": "pictures", "SSDST_TOPIC": "results"}


@pytest.fixture(scope="module", autouse=True)
def _no_images():
    """Remove what the builds leave."""
    yield
    lab.run("docker", "image", "rm", "--force", IMAGE, TOOLS, COMPILED, BASE)
    debian = lab.run("docker", "images", "--quiet", DEBIAN).stdout.strip()
    for name in reversed(BUILT):  # a layer that is needed by another one goes with that
        if name != debian:
            lab.run("docker", "image", "rm", name)


BUILT: list[str] = []  # what the builds have left, the layers of unnamed stages among them


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    """Make a Debian in which Mesa's libraries were put aside, as by NVIDIA's packages."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "Dockerfile").write_text(f"FROM {DEBIAN}\nRUN mkdir -p {DIVERTED}\n")
    built = lab.run("docker", "build", "--tag", BASE, str(folder))
    assert built.returncode == 0, built.stderr
    return BASE


@pytest.fixture(scope="module")
def context(base, tmp_path_factory) -> Path:
    """Return the build context, as the deployment makes it, with archives of the stand-in."""
    folder = tmp_path_factory.mktemp("cuda") / "context"
    shutil.copytree(
        CONTEXT, folder, ignore=shutil.ignore_patterns("__pycache__", "*.tar.gz", "*.zip")
    )
    (folder / "ca-certificates").mkdir(exist_ok=True)
    for path in CERTIFICATES.glob("*.crt"):
        shutil.copy(path, folder / "ca-certificates")
    sources = folder / "sources"
    sources.mkdir(exist_ok=True)
    for name in ("openpose", "caffe"):
        with tarfile.open(sources / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(STAND_IN / name, f"{name}-1234")
            archive.add(STAND_IN / "options.cmake", f"{name}-1234/options.cmake")
    with zipfile.ZipFile(sources / "pybind11.zip", "w") as archive:
        archive.write(STAND_IN / "pybind11/CMakeLists.txt", "pybind11-1234/CMakeLists.txt")
    assets = lab.ROOT / ".cache/assets"
    subprocess.run([CONTEXT / "fetch_assets.py", assets, "vtest.avi"], check=True)
    shutil.copy(assets / "vtest.avi", sources)
    return folder


def build(context: Path, tag: str, target: str = "", **arguments: str):
    """Build the image up to a stage; returns the finished process."""
    sources = context / "sources"
    arguments = {
        "BUILD_IMAGE": BASE,
        "RUNTIME_IMAGE": BASE,
        "BUILD_PACKAGES": "gcc g++-11 libc6-dev libprotobuf-dev make python3-dev zlib1g-dev",
        "APT_MIRROR": "http://deb.debian.org/debian/",
        "CUDA_ARCHITECTURES": ARCHITECTURES,
        "OPENPOSE_SOURCE": "openpose.tar.gz",
        "OPENPOSE_SOURCE_SHA256": sha256(sources / "openpose.tar.gz"),
        "CAFFE_SOURCE": "caffe.tar.gz",
        "CAFFE_SOURCE_SHA256": sha256(sources / "caffe.tar.gz"),
        "PYBIND11_SOURCE": "pybind11.zip",
        "BUILD_JOBS": "2",
        **arguments,
    }
    words = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    words += [f"--target={target}"] if target else []
    words += ["--tag", tag, "--file", str(context / "Dockerfile.cuda"), str(context)]
    built = lab.run("docker", "build", "--force-rm", *words)
    BUILT.extend(re.findall(r"^ ---> (\w+)$", built.stdout, re.MULTILINE))
    return built


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def image(context) -> str:
    built = build(context, IMAGE)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return IMAGE


def inside(image: str, *command: str, **environment: str):
    """Run a command in an image, without a network."""
    entrypoint, *arguments = command
    return lab.run(
        *("docker", "run", "--rm", "--network", "none", "--entrypoint", entrypoint),
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        image,
        *arguments,
    )


def options(context: Path, **arguments: str) -> dict[str, dict[str, str]]:
    """Return what the builds of Caffe and OpenPose were told."""
    built = build(context, COMPILED, target="openpose", **arguments)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    told = {}
    for name in ("caffe", "openpose"):
        lines = inside(COMPILED, "cat", f"/build/{name}/build/options").stdout.splitlines()
        told[name] = dict(line.split("=", 1) for line in lines)
    return told


# -- the build --------------------------------------------------------------------------------


def test_caffe_and_openpose_are_told_the_same(context, image):
    told = options(context)
    caffe, openpose = told["caffe"], told["openpose"]

    assert caffe["CUDA_ARCH_NAME"] == openpose["CUDA_ARCH"] == "Manual"
    for build in (caffe, openpose):
        assert build["CUDA_ARCH_BIN"] == "75 86"
        assert build["CUDA_ARCH_PTX"] == "86"
        assert build["USE_CUDNN"] == "OFF"
        assert build["CMAKE_BUILD_TYPE"] == "Release"
    assert openpose["GPU_MODE"] == "CUDA"
    assert openpose["BUILD_PYTHON"] == "ON"
    assert openpose["Caffe_LIBS"] == "/opt/caffe/lib/libcaffe.so"


def test_cudnn_and_a_single_architecture(context, image):
    told = options(context, USE_CUDNN="ON", CUDA_ARCHITECTURES="90")
    for build in told.values():
        assert build["USE_CUDNN"] == "ON"
        assert build["CUDA_ARCH_BIN"] == build["CUDA_ARCH_PTX"] == "90"


@pytest.mark.parametrize(
    ("target", "arguments", "said"),
    [
        ("tools", {"CMAKE_VERSION": "4.0.2"}, "needs one below 4"),
        ("caffe", {"CUDA_ARCHITECTURES": "7.5;8.6"}, "should be numbers with spaces"),
        ("caffe", {"CUDA_ARCHITECTURES": ""}, "should be numbers with spaces"),
        ("caffe", {"CAFFE_SOURCE_SHA256": "0" * 64}, "has the SHA-256 sum"),
        (
            "openpose",
            {"OPENPOSE_SOURCE": "opnpose.tar.gz"},
            "where there is: README.md, caffe.tar.gz",
        ),
    ],
)
def test_a_wrong_argument_fails_with_its_reason(context, image, target, arguments, said):
    built = build(context, COMPILED, target=target, **arguments)
    assert built.returncode != 0
    assert said in built.stdout + built.stderr


def test_cmake_is_the_locked_one_or_the_one_that_is_asked_for(context, image):
    locked = re.search(r"^cmake==(\S+)", (CONTEXT / "requirements-cmake.txt").read_text())[1]
    for arguments, version in (({}, locked), ({"CMAKE_VERSION": "3.31.6"}, "3.31.6")):
        assert build(context, TOOLS, target="tools", **arguments).returncode == 0
        assert f"cmake version {version}" in inside(TOOLS, "cmake", "--version").stdout


def test_the_compiler_is_the_one_that_cuda_takes(context, image):
    options(context)
    for name in ("cc", "gcc", "c++", "g++"):
        assert inside(COMPILED, name, "-dumpversion").stdout == "11\n"
    assert inside(COMPILED, "/usr/bin/gcc", "-dumpversion").stdout == "12\n", "Debian's own is not"


def test_libraries_that_were_put_aside_are_found(context, image):
    assert build(context, TOOLS, target="tools").returncode == 0
    assert f"{DIVERTED}: " in inside(TOOLS, "ldconfig", "-vNX").stdout


def test_caffe_asks_protobuf_for_its_limit_as_the_newer_one_wants_it(context, image):
    options(context)
    source = inside(COMPILED, "cat", "/build/caffe/src/caffe/util/io.cpp").stdout
    assert "  stream->SetTotalBytesLimit(kLimit);\n" in source


def test_the_packages_to_compile_with_are_debians(context, image):
    default = re.search(
        r'^ARG BUILD_PACKAGES="(.*)"$', (CONTEXT / "Dockerfile.cuda").read_text(), re.M
    )
    role = yaml.safe_load((lab.ROOT / "roles/openpose/vars/main.yml").read_text())
    bases = role["openpose_cuda_debian"].values()
    for packages, components in [
        (default[1].split(), ["main"]),
        *((base["packages"], base["components"]) for base in bases),
    ]:
        line = f"deb http://deb.debian.org/debian bookworm {' '.join(components)}"
        command = (
            f"echo {line} > /etc/apt/sources.list.d/components.list && apt-get update -qq"
            f" && apt-get install -s --no-install-recommends {' '.join(packages)}"
        )
        found = lab.run("docker", "run", "--rm", DEBIAN, "sh", "-c", command)
        assert found.returncode == 0, found.stderr
        for name in {*packages} - {"ca-certificates"}:
            assert f"Inst {name} " in found.stdout


# -- the final image --------------------------------------------------------------------------


def test_the_module_is_there_for_a_user_who_is_not_root(image):
    code = "import os, pyopenpose, posestream; print(os.getuid(), pyopenpose.get_gpu_number())"
    ran = inside(image, "python3", "-c", code)
    assert ran.stdout.split() == ["1000", "1"], ran.stderr


def test_nothing_is_there_but_what_is_needed(image):
    tools = inside(image, "sh", "-c", "command -v gcc cmake make; ls /build /sources /opt")
    assert tools.stdout.split() == ["/opt:", "openpose", "posestream"]
    libraries = inside(image, "ls", "/opt/openpose/lib").stdout.split()
    assert libraries == ["libcaffe.so.1.0.0", "libopenpose.so.1.7.0", "libz.so.1"]
    files = inside(image, "find", "/usr/share/openpose", "/opt", "-name", "*.caffemodel")
    assert files.stdout == ""
    models = inside(image, "find", "/usr/share/openpose/models", "-name", "*.prototxt")
    assert len(models.stdout.split()) == 6
    packages = inside(image, "pip", "list").stdout
    assert "openvino" not in packages
    assert re.search(r"^numpy +1\.", packages, re.M)


def test_a_picture_for_verify_is_there(image):
    video = "/usr/share/posestream/video/vtest.avi"
    code = f"from posestream import verify; print(verify.a_picture({video!r}).shape)"
    assert inside(image, "python3", "-c", code).stdout.strip() == "(576, 768, 3)"


# -- the worker -------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path):
    """Return a folder with all networks, a few bytes each; worker.py knows them."""
    trained = re.search(r'^TRAINED = b"(.*)"$', (STAND_IN / "worker.py").read_text(), re.M)[1]
    for name in (
        "pose/body_25/pose_iter_584000",
        "pose/coco/pose_iter_440000",
        "face/pose_iter_116000",
        "hand/pose_iter_102000",
    ):
        path = tmp_path / f"{name}.caffemodel"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(trained)
    tmp_path.chmod(0o755)
    return tmp_path


def worker(models: Path, *command: str, **environment: str) -> str:
    """Start the worker; returns the container's name."""
    name = f"posestream-test-cuda-{time.monotonic_ns()}"
    environment = {**SERVICES, "WORKER_ENGINE": "pyopenpose", **environment}
    started = lab.run(
        *("docker", "run", "--detach", "--name", name, "--network", "none", "--read-only"),
        *("--tmpfs", "/tmp", "--volume", f"{models}:/srv/openpose/models:ro"),
        *("--volume", f"{STAND_IN / 'worker.py'}:/worker.py:ro"),
        *(word for key, value in environment.items() for word in ("--env", f"{key}={value}")),
        *(("--entrypoint", command[0], IMAGE, *command[1:]) if command else (IMAGE,)),
    )
    assert started.returncode == 0, started.stderr
    return name


def end(name: str) -> tuple[str, str]:
    """Wait for a worker that ends by itself; returns its exit code and its log."""
    code = lab.run("docker", "wait", name, timeout=60).stdout.strip()
    logs = lab.run("docker", "logs", name)
    lab.run("docker", "rm", name)
    return code, logs.stdout + logs.stderr


def test_the_worker_starts_and_hands_the_flags_on(image, models):
    name = worker(
        models,
        *("python3", "/worker.py", "worker"),
        OPENPOSE_MODEL_POSE="COCO",
        OPENPOSE_NET_RESOLUTION="-1x368",
        OPENPOSE_FACE="true",
        OPENPOSE_HAND="true",
        OPENPOSE_NUMBER_PEOPLE_MAX="1",
        OPENPOSE_TRACKING="0",
    )

    def log() -> str:
        return lab.run("docker", "logs", name).stderr

    try:
        first = "engine pyopenpose, policy every; reads pictures"
        lab.wait_until(lambda: first in log(), log, seconds=30)
        flags = json.loads(re.search(r"stand-in configured: (.*)", log())[1])
        assert flags["model_pose"] == "COCO"
        assert flags["net_resolution"] == "-1x368"
        assert flags["face"] is flags["hand"] is True
        assert (flags["number_people_max"], flags["tracking"]) == (1, 0)
        assert (flags["render_pose"], flags["num_gpu"]) == (0, 1)
    finally:
        lab.run("docker", "rm", "--force", name)


def test_a_missing_network_is_named(image, models):
    (models / "hand/pose_iter_102000.caffemodel").unlink()
    code, log = end(worker(models, "python3", "/worker.py", "worker", OPENPOSE_HAND="true"))
    assert code == "1"
    assert "/srv/openpose/models/hand/pose_iter_102000.caffemodel is missing" in log
    assert "Traceback" not in log


def test_a_corrupt_network_is_named_by_the_image_as_it_is(image, models):
    path = models / "pose/body_25/pose_iter_584000.caffemodel"
    with path.open("wb") as file:
        file.truncate(104_715_850)
    code, log = end(worker(models))
    assert code == "1"
    assert "pose_iter_584000.caffemodel is corrupt or another one" in log
    assert "not 78287b57cf85fa89c03f1393d368e5b7" in log


def test_a_missing_gpu_is_named(image, models):
    code, log = end(worker(models, "python3", "/worker.py", "worker", STAND_IN_GPUS="0"))
    assert code == "1"
    assert "OpenPose sees no GPU" in log


def test_what_openpose_refuses_is_refused_at_once(image, models):
    code, log = end(worker(models, OPENPOSE_TRACKING="3"))
    assert code == "2"
    assert "OPENPOSE_NUMBER_PEOPLE_MAX=1" in log
