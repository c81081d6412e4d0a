"""The role container_image against a real registry, an archive and builds of a small context."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from .. import lab
from . import hosts

NAME = "posestream-test/greeting:1"
LABEL = "posestream.test=container_image"
PLAYBOOK = "tests/system/single_roles/playbooks/container_image.yml"
BASED = "tests/system/single_roles/playbooks/image_with_base.yml"
ASK = "Ask the registry for the image"
BUSY = 15  # seconds that a question may take where the tests keep the machine busy


@pytest.fixture(autouse=True)
def _no_images():
    remove_images()
    yield
    remove_images()


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        f"FROM scratch\nLABEL {LABEL}\nCOPY ca-certificates/ /ca/\nCOPY greeting /greeting\n"
    )
    (folder / "greeting").write_text("hello\n")
    return folder


@pytest.fixture
def reference(tmp_path, context):
    """Push an image to a registry that runs meanwhile, and return its name there."""
    with registry(tmp_path) as (host, process):
        name = f"{host}/greeting:1"
        build_plainly(context, name)
        docker("push", name)
        docker("image", "rm", name)
        yield name, process


def build_plainly(context, name: str) -> str:
    """Build the context without the role; returns the image's id."""
    (context / "ca-certificates").mkdir(exist_ok=True)
    docker("build", "--tag", name, str(context))
    return identifier(name)


def docker(*arguments: str) -> str:
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=120
    ).stdout


def remove_images() -> None:
    """Remove every image that these tests made, also the ones that lost their names."""
    ours = ("images", "--all", "--quiet", "--filter", f"label={LABEL}")
    for image in docker(*ours).split():  # one may go with another before its turn
        subprocess.run(
            ["docker", "image", "rm", "--force", image],
            check=False,
            capture_output=True,
            timeout=60,
        )
    assert not docker(*ours)


def free_port(address: str = "127.0.0.1") -> int:
    with socket.create_server((address, 0)) as server:
        return server.getsockname()[1]


@contextmanager
def registry(folder, listen: str = "127.0.0.1"):
    port = free_port(listen)
    host = f"127.0.0.1:{port}"
    configuration = folder / "registry.json"
    configuration.write_text(
        json.dumps(
            {
                "version": "0.1",
                "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
                "http": {"addr": f"{listen}:{port}"},
            }
        )
    )
    log = (folder / "registry.log").open("w")
    process = subprocess.Popen(
        ["docker-registry", "serve", str(configuration)], stdout=log, stderr=log
    )
    try:
        for _ in range(100):
            try:
                urlopen(f"http://{host}/v2/", timeout=1)
                break
            except URLError:
                assert process.poll() is None, (folder / "registry.log").read_text()
                time.sleep(0.1)
        yield host, process
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def run(*, check: bool = False, **variables) -> tuple[int, dict]:
    """Apply the role, or only say what it would do; returns its exit status and the report."""
    dry = ["--check", "--diff"] if check else []
    return lab.playbook(
        PLAYBOOK, *dry, "--extra-vars", json.dumps({"container_image_name": NAME, **variables})
    )


def take(**variables) -> tuple[dict, dict]:
    """Apply the role; returns where the image is from, its id, and the report."""
    status, report = run(**variables)
    assert status == 0, lab.failures(report)
    failed = hosts.results(report, "Go on with what was pulled before, or without the registry")
    decided = hosts.results(report, "Decide where the image comes from") + failed
    origin = decided[-1]["ansible_facts"]["container_image_origin"]
    return {"origin": origin, "id": identifier(NAME)}, report


def identifier(name: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", name).strip()


def tasks(report: dict, name: str) -> list[dict]:
    return [
        task
        for play in report["plays"]
        for task in play["tasks"]
        if task["task"]["name"].endswith(name)
    ]


def seconds(report: dict, name: str) -> float:
    duration = tasks(report, name)[0]["task"]["duration"]
    start, end = (datetime.fromisoformat(duration[key]) for key in ("start", "end"))
    return (end - start).total_seconds()


def changes(report: dict) -> int:
    return sum(host["changed"] for host in report["stats"].values())


def test_a_registry_that_has_the_image_is_preferred_to_a_build(reference, context):
    name, _ = reference
    taken, _ = take(container_image_reference=name, container_image_context=str(context))
    assert taken["origin"] == "registry"
    assert taken["id"] == identifier(name)

    again, report = take(container_image_reference=name, container_image_context=str(context))
    assert (again, changes(report)) == (taken, 0)


def test_an_image_that_moved_in_the_registry_is_pulled_again(reference, context):
    name, _ = reference
    before, _ = take(container_image_reference=name)
    (context / "greeting").write_text("hello again\n")
    moved = build_plainly(context, name)
    docker("push", name)
    docker("tag", before["id"], name)

    after, _ = take(container_image_reference=name)
    assert after["id"] == moved != before["id"]


def test_an_image_that_was_pulled_stays_when_the_registry_is_away(reference, context):
    name, process = reference
    taken, _ = take(container_image_reference=name, container_image_context=str(context))
    process.terminate()
    process.wait(timeout=20)
    again, report = take(container_image_reference=name, container_image_context=str(context))
    assert (again, changes(report)) == (taken, 0)


def test_without_a_registry_the_image_is_built(context):
    taken, report = take(
        container_image_reference=f"127.0.0.1:{free_port()}/greeting:1",
        container_image_registry_timeout=60,
        container_image_context=str(context),
    )
    assert taken["origin"] == "build"
    assert seconds(report, ASK) < BUSY


def test_a_registry_that_says_nothing_costs_no_more_than_the_limit(context):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        taken, report = take(
            container_image_reference=f"127.0.0.1:{silent.getsockname()[1]}/greeting:1",
            container_image_registry_timeout=3,
            container_image_context=str(context),
        )
    assert taken["origin"] == "build"
    assert 3 <= seconds(report, ASK) < 3 + BUSY


def test_only_the_registry_was_asked_for(context):
    name = f"127.0.0.1:{free_port()}/greeting:1"
    status, report = run(
        container_image_source="registry",
        container_image_reference=name,
        container_image_context=str(context),
    )
    assert status != 0
    assert f"{name}: " in lab.failures(report)
    assert "connection refused" in lab.failures(report)


def test_a_context_is_built_with_the_hosts_certificates_and_again_when_it_changed(
    context, tmp_path
):
    first, report = take(container_image_context=str(context))
    assert not hosts.results(report, ASK), "without a reference no registry is asked"
    (context / "__pycache__").mkdir()
    (context / "__pycache__" / "x.pyc").write_text("no part of the image")
    (context / "greeting").chmod(0o600)
    same, report = take(container_image_context=str(context))
    assert (same, changes(report)) == (first, 0)

    (context / "greeting").write_text("good evening\n")
    changed, _ = take(container_image_context=str(context))
    assert changed["id"] != first["id"]

    (context / "greeting").chmod(0o755)
    executable, _ = take(container_image_context=str(context))
    assert executable["id"] != changed["id"]

    status, report = run(
        container_image_context=str(context), container_image_build_args={"A": "1"}, check=True
    )
    assert (status, changes(report)) == (0, 1), "another build argument is another image"

    container = docker("create", NAME, "none").strip()
    docker("cp", f"{container}:/ca", str(tmp_path / "ca"))
    docker("rm", container)
    own = lab.run(
        "find", "/usr/local/share/ca-certificates", "-name", "*.crt", "-printf", "%f\n"
    ).stdout.split()
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == sorted(own)


def test_another_edition_is_built_anew_though_nothing_changed(context):
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('LABEL built="anew"\n')
    first, report = take(container_image_context=str(context))
    second, report = take(container_image_context=str(context), container_image_edition="2")
    assert second["id"] != first["id"]
    again, report = take(container_image_context=str(context), container_image_edition="2")
    assert (again, changes(report)) == (second, 0)


def test_an_image_of_the_same_content_only_gets_another_name(context):
    first, _ = take(container_image_context=str(context))
    docker("image", "rm", NAME)
    docker("tag", first["id"], f"{NAME}-moved")
    named, report = take(container_image_context=str(context))
    assert named == first
    assert not tasks(report, "Run the build"), "an image is known by its content, not by its name"


def test_a_file_from_elsewhere_becomes_part_of_the_context(context, tmp_path):
    (tmp_path / "program.tar.gz").write_text("one")
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY sources/ /sources/\n")
    added = {"container_image_context_files": {"sources/p.tar.gz": f"{tmp_path}/program.tar.gz"}}
    take(container_image_context=str(context), **added)
    container = docker("create", NAME, "none").strip()
    docker("cp", f"{container}:/sources/p.tar.gz", str(tmp_path / "arrived"))
    docker("rm", container)
    assert (tmp_path / "arrived").read_text() == "one"

    (tmp_path / "program.tar.gz").write_text("another")
    status, report = run(container_image_context=str(context), check=True, **added)
    assert (status, changes(report)) == (0, 1), "another file is another image"
    (tmp_path / "program.tar.gz").unlink()
    status, report = run(container_image_context=str(context), **added)
    assert status != 0
    assert f"{tmp_path}/program.tar.gz cannot be read on the control machine" in lab.failures(
        report
    )


def test_a_base_of_debians_packages_is_made_once_and_only_for_a_build(context):
    (context / "Dockerfile").write_text(
        f"ARG TOOLS\nFROM ${{TOOLS}}\nLABEL {LABEL}\nCOPY greeting /greeting\n"
        "RUN grep --word-regexp contrib -r /etc/apt/sources.list* && dpkg --status netbase\n"
    )
    base = {"name": "posestream-test/tools:1", "release": "bookworm", "packages": ["netbase"]}
    base["components"] = ["main", "contrib"]

    def build(*dry: str) -> tuple[int, bool]:
        """Apply the role; returns how much it changed, and whether it made a base."""
        said = {"image_name": NAME, "image_context": str(context), "image_bases": {"TOOLS": base}}
        status, report = lab.playbook(BASED, *dry, "--extra-vars", json.dumps(said))
        assert status == 0, lab.failures(report)
        return changes(report), bool(tasks(report, "Put Debian's packages together"))

    try:
        assert build()[1]
        first = identifier(NAME)
        (context / "greeting").write_text("good evening\n")
        assert not build()[1], "another context is built from the same base"
        assert identifier(NAME) != first
    finally:  # what is built from it keeps its layers until that goes
        names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "posestream-test/tools")
        lab.run("docker", "image", "rm", *names.split())
    assert build() == (0, False), "what is built needs its base no more"

    base["packages"] = ["netbase", "netcat-openbsd"]
    assert build("--check") == (1, False), "from another base it is another image"


def test_an_archive_is_loaded_once(context, tmp_path):
    built = build_plainly(context, NAME)
    docker("save", "--output", str(tmp_path / "image.tar"), NAME)
    docker("image", "rm", NAME)

    loaded, _ = take(
        container_image_archive=str(tmp_path / "image.tar"), container_image_context=str(context)
    )
    assert (loaded["origin"], loaded["id"]) == ("archive", built)
    again, report = take(container_image_archive=str(tmp_path / "image.tar"))
    assert (again, changes(report)) == (loaded, 0)


@pytest.mark.parametrize("there_before", [False, True])
def test_an_archives_own_name_goes_unless_it_was_there_before(context, tmp_path, there_before):
    own = f"{NAME}-of-the-archive"
    build_plainly(context, NAME)
    docker("tag", NAME, own)
    docker("save", "--output", str(tmp_path / "image.tar"), own)
    docker("image", "rm", NAME, *([] if there_before else [own]))

    loaded, _ = take(container_image_archive=str(tmp_path / "image.tar"))
    assert loaded["origin"] == "archive"
    assert bool(docker("images", "--quiet", own)) == there_before


def test_an_archive_that_is_none_is_named(tmp_path):
    (tmp_path / "image.tar").write_text("no archive")
    status, report = run(container_image_archive=str(tmp_path / "image.tar"))
    assert status != 0
    assert str(tmp_path / "image.tar") in lab.failures(report)


def test_a_failing_build_shows_its_last_lines(context):
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY not-there /\n")
    status, report = run(container_image_context=str(context))
    assert status != 0
    assert "COPY not-there /" in lab.failures(report)


def test_a_dry_run_changes_nothing(context):
    status, report = run(container_image_context=str(context), check=True)
    assert status == 0, lab.failures(report)
    assert changes(report) == 1
    with pytest.raises(subprocess.CalledProcessError):
        docker("image", "inspect", NAME)
