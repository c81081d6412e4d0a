"""After a second run: every container is the same one, and what is somebody else's is there."""

import json

INSPECT = "docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}'"


def test_containers_were_left_alone(host):
    before = host.file("/root/containers").content_string
    now = host.check_output(f"{INSPECT} $(docker ps --all --quiet)")
    assert set(now.splitlines()) == set(before.splitlines())


def test_foreign_container_runs(host):
    assert host.docker("foreign").is_running


def test_foreign_key_of_the_daemon_is_kept(host):
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["max-concurrent-downloads"] == 2
