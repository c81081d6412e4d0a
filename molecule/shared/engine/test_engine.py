"""What the role leaves on a host, also after a reboot."""


def test_engine_answers(host):
    version = host.check_output("docker version --format '{{.Server.Version}}'")
    assert int(version.split(".")[0]) >= 20


def test_compose_is_the_second_version(host):
    assert host.check_output("docker compose version --short").lstrip("v").startswith("2.")


def test_engine_starts_at_boot(host):
    assert host.service("docker").is_enabled
    assert host.service("docker").is_running


def test_foreign_container_came_back(host):
    assert host.docker("foreign").is_running
