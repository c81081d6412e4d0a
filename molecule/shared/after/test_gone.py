"""After the teardown: what was made is gone, what is somebody else's is there."""

import json

COMPOSE_FILES = "find / -xdev -path /var/lib/docker -prune -o -name docker-compose.yml -print"


def test_only_the_foreign_container_is_left(host):
    assert host.check_output("docker ps --format '{{.Names}}'") == "foreign"
    assert host.check_output("docker ps --all --format '{{.Names}}'") == "foreign"
    assert "foreign" in host.check_output("docker volume ls --quiet").split()


def test_images_networks_and_folders_are_gone(host):
    images = host.check_output("docker images --format '{{.Repository}}:{{.Tag}}'").split()
    assert images == ["foreign:1"]
    networks = host.check_output("docker network ls --format '{{.Name}}'").split()
    assert sorted(networks) == ["bridge", "host", "none"]
    assert not host.check_output(COMPOSE_FILES)


def test_foreign_key_of_the_daemon_is_kept(host):
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["max-concurrent-downloads"] == 2
