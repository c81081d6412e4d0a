"""Every default that was changed shows on the hosts."""

import json

import pytest
import testinfra

PI_UNIT = "posestream-street@the-door.service"
KAFKA, WORKER = "172.30.77.13", "172.30.77.12"
REACHES = "python3 -c 'import socket; socket.create_connection((\"{}\", {}), 5)'"
TOPICS = (
    "cd /srv/streams && docker compose exec -T broker kafka-topics --bootstrap-server broker:29092 "
    "--command-config /run/kafka-secrets/admin.properties"
)


@pytest.fixture
def kafka():
    return testinfra.get_host("docker://molecule-alternative-debian13")


@pytest.fixture
def worker():
    return testinfra.get_host("docker://molecule-alternative-debian12")


@pytest.fixture
def pi():
    return testinfra.get_host("docker://molecule-alternative-pi")


def test_the_engine_is_set_up_as_said(host):
    assert host.check_output("docker info --format '{{.DockerRootDir}}'").endswith("/elsewhere")
    daemon = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert daemon["log-opts"] == {"max-size": "5m", "max-file": "2"}
    networks = host.check_output("docker network inspect $(docker network ls -q)")
    assert networks.count('"10.77.') >= 4  # a subnet and a gateway each
    assert not host.check_output("apt-mark showhold")


def test_nothing_is_where_the_defaults_would_have_it(host):
    assert not host.file("/opt/posestream").exists
    assert "_broker-data" not in host.check_output("docker volume ls --quiet")


def test_data_lies_in_folders(kafka):
    meta = kafka.file("/srv/data/broker/meta.properties")
    assert "broker.id=7" in meta.content_string
    assert meta.uid == 1000
    assert kafka.file("/srv/data/zookeeper/version-2").is_directory
    assert kafka.file("/srv/data/zookeeper-log/version-2").is_directory


def test_properties_arrive_with_dots_hyphens_and_underscores(kafka):
    log = kafka.check_output("cd /srv/streams && docker compose logs --no-log-prefix broker")
    for line in ("log.retention.hours = 5\n", "log.cleaner.threads = 2\n"):
        assert line in log
    written = kafka.check_output(
        "cd /srv/streams && docker compose exec -T broker cat /etc/kafka/kafka.properties"
    )
    assert "listener.name.camera-net.max.connections=100" in written
    assert "listener.name.lab_net.max.connections=200" in written


def test_topics_have_their_names_and_limits(kafka):
    names = kafka.check_output(f"{TOPICS} --list --exclude-internal").split()
    assert set(names) == {"pictures.in", "pictures.out", "poses.out"}
    described = kafka.check_output(f"{TOPICS} --describe --topic pictures.in")
    assert "max.message.bytes=5242880" in described
    assert "retention.ms=600000" in described


def test_the_broker_speaks_tls_alone_and_knows_its_users(kafka, worker):
    ask = (
        "python3 -c 'import socket, ssl; "
        'context = ssl.create_default_context(cafile="/srv/pose/worker/broker-ca.pem"); '
        f'connection = socket.create_connection(("{KAFKA}", 19092), 5); '
        'print(context.wrap_socket(connection, server_hostname="stream.invalid").version())\''
    )
    assert worker.check_output(ask).startswith("TLSv1.")
    shown = kafka.check_output(
        "cd /srv/streams && docker compose exec -T broker kafka-configs "
        "--bootstrap-server broker:29092 --command-config /run/kafka-secrets/admin.properties "
        "--describe --entity-type users"
    )
    for user in ("worker", "viewer", "camera-corner", "camera-the-door"):
        assert f"'{user}' are SCRAM-SHA-512=iterations=" in shown


def test_passwords_are_shown_to_nobody(host):
    files = host.check_output("find /srv -name '*password*' -o -name '*data-key*'").split()
    words = [host.file(path).content_string.strip() for path in files]
    assert words, "each host has a client"
    assert all(host.file(path).mode & 0o007 == 0 for path in files)
    shown = host.check_output("docker inspect $(docker ps --all --quiet); ps axww -o args")
    shown += host.check_output("journalctl --no-pager --output cat")
    for name in host.check_output("docker ps --all --format '{{.Names}}'").split():
        shown += host.check_output("docker logs %s 2>&1", name)
    for word in words:
        assert len(word) > 8
        assert word not in shown


def test_ports_are_bound_to_one_address(kafka):
    for port in (19092, 8081):
        assert kafka.run(REACHES.format(KAFKA, port)).rc == 0
        assert kafka.run(REACHES.format("127.0.0.1", port)).rc != 0


def test_ports_are_reached_from_another_host(worker):
    for port in (19092, 8081):
        assert worker.run(REACHES.format(KAFKA, port)).rc == 0
    assert worker.run(REACHES.format(KAFKA, 2181)).rc != 0


def test_the_viewer_asks_for_its_token_over_tls(worker):
    ask = (
        "python3 -c 'import ssl, urllib.request as u; "
        f'r = u.Request("https://{KAFKA}:8081/api/status", headers={{}}); '
        "print(u.urlopen(r, context=ssl._create_unverified_context()).read().decode())'"
    )
    assert "HTTP Error 401" in worker.run(ask.format({})).stderr
    bearer = '{"Authorization": "Bearer a-token-of-many-letters"}'
    status = json.loads(worker.check_output(ask.format(bearer)))
    assert status["broker"] == "reading"
    assert [camera["name"] for camera in status["cameras"]] == ["corner", "the door"]


def test_the_viewers_secrets_are_shown_to_nobody(kafka):
    folder = kafka.file("/srv/page")
    for name in ("password", "token", "certificate.pem", "key.pem"):
        file = kafka.file(f"{folder.path}/{name}")
        assert (file.user, file.gid, oct(file.mode)) == ("root", 1000, "0o640"), name
    shown = kafka.check_output("docker inspect page-viewer-1")
    shown += kafka.check_output("docker logs page-viewer-1 2>&1")
    assert "open sesame" not in shown
    assert "a-token-of-many-letters" not in shown


def test_the_worker_runs_as_another_user_from_the_archives_image(worker):
    assert worker.check_output("docker exec pose-openpose-1 id -u") == "4321"
    image = worker.check_output("docker inspect --format '{{.Config.Image}}' pose-openpose-1")
    assert image == "pose:alternative"
    environment = worker.check_output("docker exec pose-openpose-1 env").splitlines()
    assert "OPENPOSE_NET_RESOLUTION=-1x368" in environment
    assert "WORKER_JPEG_QUALITY=60" in environment


def test_frames_flow_and_metrics_are_read_from_another_host(kafka):
    metrics = kafka.check_output(
        "python3 -c 'from urllib.request import urlopen; "
        f'print(urlopen("http://{WORKER}:9195/metrics").read().decode())\''
    )
    lines = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[:1] != "#")
    assert float(lines["posestream_frames_processed_total"]) > 0
    assert float(lines["posestream_people"]) <= 2


def test_a_camera_without_docker_is_a_unit_with_few_rights(pi, kafka):
    assert not pi.exists("docker")
    assert pi.service(PI_UNIT).is_enabled
    shown = pi.check_output("systemctl show --property=ActiveState,NRestarts,UID %s", PI_UNIT)
    said = dict(line.split("=") for line in shown.splitlines())
    assert (said["ActiveState"], said["NRestarts"]) == ("active", "0")
    assert 61184 <= int(said["UID"]) <= 65519, "a user that systemd has made for it"
    for name in (".env", "camera-the-door.env"):
        assert pi.file(f"/srv/street/{name}").mode == 0o600
    metrics = pi.check_output(
        "python3 -c 'from urllib.request import urlopen; "
        'print(urlopen("http://127.0.0.1:9205/metrics").read().decode())\''
    )
    lines = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[:1] != "#")
    assert float(lines['posestream_camera_frames_published_total{camera="the door"}']) > 0
