"""A closed broker: who gets in and may do what, and that nobody is told a secret."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
import yaml
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from .. import lab
from .closed_broker import NAME, Deployment

SOURCE, RESULT, KEYPOINTS = TOPICS = (lab.SOURCE_TOPIC, lab.RESULT_TOPIC, lab.KEYPOINTS_TOPIC)
GROUP = "openpose-001"
BEFORE = b"written before it was closed"
SECONDS = 60  # in which a user who is taken away is cut off
DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
CLIENTS = [
    {"name": "pi1", "kind": "camera"},
    {"name": "laptop", "kind": "viewer"},
]
# By user: the topics that it reads, and those that it writes.
RIGHTS = {
    "camera-street": ((), (SOURCE,)),
    "worker": (TOPICS, (RESULT, KEYPOINTS)),
    "viewer": (TOPICS, ()),
    "reader": (TOPICS, ()),
    "verify": (TOPICS, (SOURCE,)),
    "admin": (TOPICS, TOPICS),
}
# By user: the groups that it joins, and one that it does not.
GROUPS = {
    "worker": (GROUP, "reader-1"),
    "viewer-laptop": ("viewer-1", GROUP),
    "reader": ("reader-1", GROUP),
    "verify": (None, GROUP),
}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    """Deploy a broker that is open, have it keep a message, and close it."""
    said = {"broker_clients": CLIENTS}
    with Deployment(tmp_path_factory.mktemp("closed"), "closed", 19492, **said).there() as it:
        anybody = {"bootstrap.servers": f"{NAME}:{it.port}"}
        assert written(anybody, SOURCE, idempotent=True, value=BEFORE)
        it.run(broker_security="sasl_tls")
        yield it


def written(
    settings: dict[str, object], topic: str, *, idempotent: bool, value: bytes = b"x"
) -> bool:
    """Say whether a message is stored; AssertionError where something else is the matter.

    Who may write nowhere cannot even begin to write idempotently, and the client gives up.
    """
    errors: list[KafkaError | None] = []
    producer = Producer(settings | {"enable.idempotence": idempotent})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(20) == 0, "no answer"
    assert errors[0] is None or errors[0].code() in DENIED, errors[0]
    return errors[0] is None


def read(settings: dict[str, object], topic: str, seconds: float) -> bool:
    """Say whether a message of a topic can be read in time; there has to be one."""
    consumer = Consumer(settings | {"group.id": "-", "enable.auto.commit": False})
    deadline = time.monotonic() + seconds
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        while time.monotonic() < deadline:
            record = consumer.poll(0.2)
            error = record and record.error()
            if record is not None and error is None:
                return True
            if error and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                return False
            # The client looks for its group, too, though it is no member.
            assert not error or error.code() in DENIED, error
        return False
    finally:
        consumer.close()


def joined(settings: dict[str, object], group: str) -> bool:
    """Say whether one may be a member of a group."""
    own = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(settings | own)
    try:
        consumer.subscribe([SOURCE])
        record = consumer.poll(20)
        assert record is not None, "no answer"
        assert record.error() is None or record.error().code() in DENIED, record.error()
        return record.error() is None
    finally:
        consumer.close()


@pytest.fixture(scope="module")
def filled(deployment) -> Deployment:
    """Put a message into each topic."""
    for topic in TOPICS:
        assert written(deployment.client("admin"), topic, idempotent=True)
    return deployment


# -- who may do what --------------------------------------------------------------------------


@pytest.mark.parametrize("user", RIGHTS)
def test_a_user_may_do_its_own_and_nothing_else(filled, user):
    settings = filled.client(user)
    reads, writes = RIGHTS[user]
    stored = {topic for topic in TOPICS if written(settings, topic, idempotent=topic in writes)}
    assert stored == set(writes)
    seen = {topic for topic in TOPICS if read(settings, topic, 20 if topic in reads else 4)}
    assert seen == set(reads)


@pytest.mark.parametrize("user", GROUPS)
def test_a_user_joins_its_own_groups_alone(filled, user):
    own, other = GROUPS[user]
    assert own is None or joined(filled.client(user), own)
    assert not joined(filled.client(user), other)


@pytest.mark.parametrize("user", ["camera-street", "worker", "viewer", "verify"])
def test_none_but_admin_makes_topics(deployment, user):
    admin = AdminClient(deployment.client(user))
    with pytest.raises(KafkaException) as raised:
        admin.create_topics([NewTopic("another", 1, 1)])["another"].result(20)
    assert raised.value.args[0].code() in DENIED


def test_what_was_written_before_it_was_closed_is_there(deployment):
    consumer = Consumer(deployment.client("reader", **{"group.id": "reader-1"}))
    consumer.assign([TopicPartition(SOURCE, 0, 0)])
    record = consumer.poll(20)
    consumer.close()
    assert record is not None
    assert record.value() == BEFORE


def test_the_viewer_sees_how_far_the_workers_are(filled):
    viewer = Consumer(filled.client("viewer", **{"group.id": GROUP}))
    assert len(viewer.committed([TopicPartition(SOURCE, 0)], timeout=20)) == 1
    viewer.close()


# -- who does not get in ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"sasl.password": "wrong"},
        {"sasl.username": "nobody"},
        {"sasl.username": "broker"},
        {"sasl.mechanism": "PLAIN"},
        {"security.protocol": "SSL"},
        {"security.protocol": "SASL_PLAINTEXT"},
        {"security.protocol": "PLAINTEXT"},
    ],
)
def test_nobody_else_gets_in(deployment, said):
    client = AdminClient(deployment.client("worker") | said)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=4)


def test_zookeeper_is_for_the_broker_alone(deployment):
    container = lab.inspect(deployment.container("zookeeper"))
    assert not any(container["NetworkSettings"]["Ports"].values())
    ask = ("zookeeper-shell", "zookeeper:2181", "ls", "/")
    broker = deployment.container("broker")
    asked = lab.run("docker", "exec", broker, *ask)
    assert "brokers" in asked.stdout
    stranger = lab.run("docker", "exec", "--env", "KAFKA_OPTS=", broker, "timeout", "20", *ask)
    assert "brokers" not in stranger.stdout


@pytest.mark.parametrize("name", [NAME, "localhost", "broker", "127.0.0.1"])
def test_the_certificate_is_good_for_every_name(deployment, name):
    assert deployment.certificate(name)


def test_the_certificate_is_good_for_no_other_name(deployment):
    with pytest.raises(ssl.SSLCertVerificationError):
        deployment.certificate("another.example.org")


def test_outsiders_get_in_by_the_files_that_are_written_for_them(filled):
    filled.run("clients")
    assert "changed=0" in filled.run("clients")
    said = {}
    for name in ("pi1", "laptop"):
        folder = filled.secrets_dir / "clients" / name
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        lines = (folder / "kcat.conf").read_text().splitlines()
        conf = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        said[name] = conf | {"ssl.ca.location": str(folder / conf["ssl.ca.location"])}
        assert json.loads((folder / "kafkajs.json").read_text())["sasl"]["username"].endswith(name)
        (service,) = {"pi1": ["images"]}.get(name, ["image-src"])
        own = yaml.safe_load((folder / ".sinetstream_config.yml").read_text())[service]
        assert (own["topic"], own["tls"]) == (SOURCE, {"ca_certs": "ca.pem"})
        assert own["sasl_plain_password"] == filled.passwords[own["sasl_plain_username"]]
    assert written(said["pi1"], SOURCE, idempotent=True)
    assert read(said["laptop"], SOURCE, 20)
    assert not written(said["laptop"], SOURCE, idempotent=False)


# -- further runs -----------------------------------------------------------------------------


def test_a_second_run_changes_nothing(deployment):
    assert "changed=0" in deployment.run()


class Steady:
    """A client that writes all the time, by one connection."""

    def __init__(self, settings: dict[str, object], topic: str) -> None:
        self.errors: list[KafkaError] = []
        self.stored = 0
        self.refused_at = 0.0
        self.connections_lost = 0
        self.producer = Producer(
            settings | {"enable.idempotence": True, "error_cb": self.note, "linger.ms": 0}
        )
        self.topic = topic
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def note(self, error: KafkaError) -> None:
        self.connections_lost += 1

    def delivered(self, error: KafkaError | None, _: object) -> None:
        if error is None:
            self.stored += 1
        else:
            self.errors.append(error)
            self.refused_at = self.refused_at or time.monotonic()

    def work(self) -> None:
        while not self.ends.is_set():
            try:
                self.producer.produce(self.topic, b"x", on_delivery=self.delivered)
            except KafkaException as error:  # it knows by now that it may not
                self.delivered(error.args[0], None)
            self.producer.poll(0.05)

    def close(self) -> None:
        self.ends.set()
        self.thread.join()
        self.producer.flush(10)


def test_a_user_is_taken_away_and_the_certificate_renewed_under_load(filled):
    gone, stays = (Steady(filled.client(user), SOURCE) for user in ("camera-pi1", "camera-street"))
    settings = filled.client("camera-pi1")
    before = filled.certificate()
    started = lab.inspect(filled.container("broker"))["State"]["StartedAt"]
    lab.wait_until(lambda: gone.stored and stays.stored, lambda: "the first messages")
    try:
        # What ends within so many days is renewed.
        filled.run(
            broker_clients=[CLIENTS[1]],
            broker_certificate_days=400,
            broker_certificate_renew_days=380,
        )
        ended = time.monotonic()
        lab.wait_until(lambda: gone.refused_at, lambda: "the user to be cut off", SECONDS)
        print(f"cut off {gone.refused_at - ended:.1f} s after the run's end")
        after = filled.certificate()
        so_far = stays.stored
        lab.wait_until(lambda: stays.stored > so_far + 20, lambda: "more of the other's messages")
    finally:
        gone.close()
        stays.close()
    # One who asks again what there is does not see the topic any more.
    unseen = {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
    assert {error.code() for error in gone.errors} <= DENIED | unseen
    assert after["serialNumber"] != before["serialNumber"]
    assert lab.inspect(filled.container("broker"))["State"]["StartedAt"] == started
    assert (stays.errors, stays.connections_lost) == ([], 0)
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=4)


# -- nobody is told a secret ------------------------------------------------------------------


def test_no_secret_is_to_be_seen_anywhere(deployment):
    vault = (deployment.secrets_dir / "vault-password").read_text().strip()
    keystore = (deployment.folder / "kafka/secrets/broker/keystore").read_text()
    key = keystore.splitlines()[1]
    found = [*deployment.passwords.values(), vault, key]
    containers = [deployment.container(service) for service in ("broker", "zookeeper")]
    seen = {
        "Ansible's output": deployment.said,
        "the process list": "\n".join(deployment.commands),
        "docker compose config": lab.run(
            "docker", "compose", "config", cwd=deployment.folder / "kafka"
        ).stdout,
        "docker inspect": "".join(lab.run("docker", "inspect", name).stdout for name in containers),
        "the logs": "".join(
            subprocess.run(
                ["docker", "logs", name],
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ).stdout
            for name in containers
        ),
        **{
            str(path): path.read_text()
            for path in [
                *(deployment.folder / "kafka").iterdir(),
                *deployment.secrets_dir.iterdir(),
            ]
            if path.is_file() and path.name != "vault-password"
        },
    }
    assert all(seen[name] for name in ("Ansible's output", "the process list", "the logs"))
    assert "ansible-playbook" in seen["the process list"]
    shown = [(place, secret) for place, text in seen.items() for secret in found if secret in text]
    assert [place for place, _ in shown] == []


def test_others_on_the_machines_cannot_read_them(deployment):
    assert (deployment.folder / "kafka/secrets").stat().st_mode & 0o777 == 0o700
    assert deployment.secrets_dir.stat().st_mode & 0o777 == 0o700
    private = {path.name: path.stat().st_mode & 0o777 for path in deployment.secrets_dir.iterdir()}
    assert {name: mode for name, mode in private.items() if mode & 0o077} == {
        "authority.pem": 0o644
    }
