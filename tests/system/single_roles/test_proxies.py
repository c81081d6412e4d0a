"""A build and a pull go through a real proxy."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from .. import lab
from . import hosts
from .test_container_image import free_port, registry

GATEWAY = "172.17.0.1"  # this machine, from any container
NAME = "posestream-test-proxied"
IMAGE = "posestream-test/proxied:1"
BASE = "posestream-base:bookworm"
PLAYBOOK = "tests/system/single_roles/playbooks/container_image.yml"


@contextmanager
def squid():
    """Run a proxy; yields its URL and the file that it logs requests to."""
    port = free_port(GATEWAY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # squid gives its rights up
        configuration = folder / "squid.conf"
        configuration.write_text(
            f"http_port {GATEWAY}:{port}\nhttp_access allow all\ncache deny all\n"
            f"access_log stdio:{folder}/access.log\ncache_log {folder}/cache.log\n"
            f"pid_filename none\ncoredump_dir {folder}\nshutdown_lifetime 0 seconds\n"
        )
        process = subprocess.Popen(["squid", "--foreground", "-f", str(configuration)])
        try:
            lab.wait_until(
                lambda: lab.run("bash", "-c", f"</dev/tcp/{GATEWAY}/{port}").returncode == 0,
                lambda: f"squid: {(folder / 'cache.log').read_text()}",
            )
            yield f"http://{GATEWAY}:{port}", folder / "access.log"
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def proxy():
    with squid() as proxy:
        yield proxy
    lab.run("docker", "rmi", "--force", IMAGE)


def take(**variables) -> None:
    status, report = lab.playbook(PLAYBOOK, "--extra-vars", json.dumps(variables))
    assert status == 0, lab.failures(report)


def test_a_build_asks_the_proxy(proxy, tmp_path):
    url, log = proxy
    take(container_image_name=BASE, container_image_debian_release="bookworm")
    (tmp_path / "Dockerfile").write_text(
        f"ARG BASE_IMAGE\nFROM ${{BASE_IMAGE}}\nRUN apt-get update --error-on=any # {tmp_path}\n"
    )
    take(
        container_image_name=IMAGE,
        container_image_context=str(tmp_path),
        container_image_base=BASE,
        container_image_proxy_env={"http_proxy": url},
    )
    assert "http://deb.debian.org/debian/dists/bookworm/InRelease" in log.read_text()


def test_a_pull_asks_the_daemons_proxy(proxy, tmp_path):
    url, log = proxy
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    with registry(tmp_path, "0.0.0.0") as (own, _), hosts.host(NAME, "trixie") as host:
        place = own.replace("127.0.0.1", GATEWAY)
        inventory = hosts.write_inventory(
            tmp_path / "hosts.json",
            {"kafka": [host]},
            broker_hostname=host,
            docker_http_proxy=url,
            docker_insecure_registries=["172.17.0.0/16"],
        )
        status, report = hosts.playbook("playbooks/docker.yml", inventory)
        assert status == 0, lab.failures(report)
        reference = f"{place}/greeting:1"
        hosts.docker("exec", host, "mkdir", "/context")
        hosts.docker("cp", str(tmp_path / "Dockerfile"), f"{host}:/context")
        hosts.docker("exec", host, "docker", "build", "--tag", reference, "/context")
        hosts.docker("exec", host, "docker", "push", reference)
        hosts.docker("exec", host, "docker", "rmi", reference)
        before = log.read_text().count(f"http://{place}/v2/")

        wanted = {"container_image_name": IMAGE, "container_image_reference": reference}
        status, report = hosts.playbook(PLAYBOOK, inventory, "--extra-vars", json.dumps(wanted))
        assert status == 0, lab.failures(report)
        assert hosts.docker("exec", host, "docker", "images", "--quiet", IMAGE)
        assert log.read_text().count(f"http://{place}/v2/") > before
