"""An image is built on one host and carried to one of another Debian release."""

from __future__ import annotations

import json

import pytest

from .. import lab
from . import hosts
from .test_container_image import free_port, registry

IMAGE = "posestream-test/carried:1"
LABEL = "posestream.test=carried"
NAME = "posestream-test-carried"
PLAYBOOK = "tests/system/single_roles/playbooks/carried_image.yml"
COPY = "Copy the archive to the host"
GATEWAY = "172.17.0.1"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    """Run a host with an engine; returns the inventory that has it."""
    with hosts.host(NAME, "trixie") as name:
        path = hosts.write_inventory(
            tmp_path_factory.mktemp("inventory") / "hosts.json",
            {"kafka": [name]},
            broker_hostname=name,
        )
        status, report = hosts.playbook("playbooks/docker.yml", path)
        assert status == 0, lab.failures(report)
        yield path
    for image in hosts.docker("images", "--quiet", "--filter", f"label={LABEL}").split():
        lab.run("docker", "rmi", "--force", image)


@pytest.fixture
def take(inventory, tmp_path):
    """Return a function that takes an image of a text to the host, and returns the report."""
    cache = tmp_path / "cache"

    def run(text: str, *, fails: bool = False, **variables):
        context = tmp_path / "context"
        context.mkdir(exist_ok=True)
        (context / "greeting").write_text(text)
        (context / "Dockerfile").write_text(f"FROM scratch\nLABEL {LABEL}\nCOPY greeting /\n")
        wanted = {
            "container_image_name": IMAGE,
            "container_image_context": str(context),
            "container_image_cache": str(cache),
            **variables,
        }
        status, report = hosts.playbook(PLAYBOOK, inventory, "--extra-vars", json.dumps(wanted))
        assert (status != 0) == fails, lab.failures(report)
        return report

    run.cache = cache
    return run


def on_host(command: str) -> str:
    return hosts.docker("exec", NAME, "sh", "-c", command).strip()


def forget() -> None:
    """Remove all images from the host, by all their names."""
    on_host("docker rmi --force $(docker images --quiet | sort --unique)")


def greeting() -> str:
    """Return the text in the host's image."""
    container = hosts.docker("exec", NAME, "docker", "create", IMAGE, "none").strip()
    text = hosts.docker("exec", NAME, "sh", "-c", f"docker cp {container}:/greeting - | tar -xO")
    hosts.docker("exec", NAME, "docker", "rm", container)
    return text


def test_an_archive_is_sent_once(take):
    report = take("once")
    assert len(hosts.results(report, COPY)) == 1
    assert greeting() == "once"

    report = take("once")
    assert hosts.changes(report) == 0
    assert not hosts.results(report, COPY), "nothing is sent for an unchanged image"

    report = take("twice")
    assert greeting() == "twice"
    (archive,) = take.cache.iterdir()
    assert archive.stat().st_size > 0, "the older archive is gone"


def test_the_same_content_under_another_name_is_not_sent(take):
    take("twin")
    report = take("twin", container_image_name=f"{IMAGE}-b")
    assert not hosts.results(report, COPY)
    both = on_host(f"docker inspect --format '{{{{.Id}}}}' {IMAGE} {IMAGE}-b").split()
    assert len(set(both)) == 1


def test_half_an_archive_is_not_taken_for_a_whole_one(take):
    take("whole")
    (archive,) = take.cache.iterdir()
    half = archive.read_bytes()[:100]
    archive.unlink()
    archive.with_name(f"{archive.name}.part").write_bytes(half)
    forget()
    take("whole")
    assert greeting() == "whole"
    assert [path.name for path in take.cache.iterdir()] == [archive.name]


def test_the_cache_stands_in_for_a_build_host_that_is_away(take, inventory, tmp_path):
    take("from the cache")
    forget()
    away = json.loads(inventory.read_text())
    silent = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": free_port()}
    away["all"]["children"]["build"] = {"hosts": {"posestream-test-silent": silent}}
    with_away = tmp_path / "hosts.json"
    with_away.write_text(json.dumps(away))
    wanted = {
        "container_image_name": IMAGE,
        "container_image_context": str(tmp_path / "context"),
        "container_image_cache": str(take.cache),
        "build_host": "posestream-test-silent",
    }
    arguments = ("--limit", NAME, "--extra-vars", json.dumps(wanted))
    status, report = hosts.playbook(PLAYBOOK, with_away, *arguments)
    assert status == 0, lab.failures(report)
    assert greeting() == "from the cache"

    next(take.cache.iterdir()).unlink()
    (tmp_path / "context/greeting").write_text("never built")
    status, report = hosts.playbook(PLAYBOOK, with_away, *arguments)
    assert status != 0
    assert "posestream-test-silent builds" in lab.failures(report)


def test_a_registry_carries_it_too(take, tmp_path):
    with registry(tmp_path, "0.0.0.0") as (host, _):
        # The registry is where an engine needs no certificate of it: on the host's own address.
        there = ("/lib/systemd/systemd-socket-proxyd", host.replace("127.0.0.1", GATEWAY))
        listen = ("systemd-run", f"--socket-property=ListenStream={host}")
        hosts.docker("exec", NAME, *listen, *there)
        report = take("by registry", container_image_registry=f"{host}/lab")
        assert not hosts.results(report, COPY)
        assert greeting() == "by registry"
        assert hosts.changes(take("by registry", container_image_registry=f"{host}/lab")) == 0
    names = hosts.docker("exec", NAME, "docker", "images", "--format", "{{.Repository}}")
    assert host not in names, "the registry's name does not hold the image once it is replaced"


def images() -> set[str]:
    """Return the host's images by name; of the nameless, their ids."""
    lines = on_host("docker images --format '{{.Repository}}:{{.Tag}} {{.ID}}'").splitlines()
    named = [line.split() for line in lines]
    return {identifier if "<none>" in name else name for name, identifier in named}


def test_what_was_replaced_is_removed_once_nothing_uses_it(take, inventory):
    def clean() -> int:
        status, report = hosts.playbook("playbooks/clean.yml", inventory)
        assert status == 0, lab.failures(report)
        return hosts.changes(report)

    take("used")
    on_host(f"docker create --name user {IMAGE} none")
    take("older")
    clean()
    stage = on_host(f"printf 'FROM {IMAGE}\nLABEL a=b' | docker build --quiet -").split(":")[1][:12]
    on_host("tar -c /etc/hostname | docker import - kept")
    others = {"kept:latest", on_host("tar -c /etc/hosts | docker import -").split(":")[1][:12]}
    assert clean() == 0, "the next build goes on from what an image's build has left"
    assert {stage, *others} <= images()

    take("newer")
    assert clean() == 2
    left = images() - others
    assert len(left) == 3, "the plain name, and the contents of what is used and of the newest"
    assert stage not in left
    assert greeting() == "newer"
    on_host("docker rm user")
    assert (clean(), clean(), len(images() - others)) == (1, 0, 2)
    on_host(f"docker rmi {' '.join(others)}")


def test_what_was_built_goes_at_last_and_of_what_was_pulled_our_name(take, inventory):
    take("mine")
    on_host(
        "tar -c /etc/hostname | docker import - shop/pulled:1 && docker tag shop/pulled:1 given:1"
    )
    on_host("tar -c /etc/hosts | docker import - used:1 && docker create --name user used:1 none")
    on_host(f"printf 'FROM {IMAGE}\nLABEL a=b' | docker build --tag shop/on-ours:1 -")
    said = json.dumps({"container_image_names": ["given:1", "used:1"]})
    playbook = "tests/system/single_roles/playbooks/removed_images.yml"
    for is_first in (True, False):
        status, report = hosts.playbook(playbook, inventory, "--extra-vars", said)
        assert status == 0, lab.failures(report)
        assert bool(hosts.changes(report)) == is_first
    assert images() == {"shop/pulled:1", "used:1", "shop/on-ours:1"}
    (noted,) = hosts.results(report, "Note what stays")
    assert noted["ansible_facts"]["container_image_in_use"] == ["used:1"]
