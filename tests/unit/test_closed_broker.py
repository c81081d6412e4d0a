"""A client of a closed broker: passwords out of files, refusals, sealed messages."""

import datetime
import ipaddress
import os
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import pytest
from confluent_kafka import KafkaError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from posestream import __main__, client_settings, ready, settings
from posestream.settings import SettingsError, Streams
from posestream.streams import SEALED, reading, sealing, writing
from posestream.streams.decoding import RecordDecoder
from posestream.streams.trouble import Trouble, look

from .test_streams import BROKER, Record

MANUAL = {"SS_BROKERS": "kafka:9092", "SSSRC_TOPIC": "pictures", "SSDST_TOPIC": "results"}
PASSWORD = "SS_TYPE_SPEC__SASL_PLAIN_PASSWORD"


def load(environ):
    return settings.load("worker", MANUAL | environ, Path("/nowhere"))


def client(streams):
    """Return what librdkafka is told to read with."""
    arguments = streams.arguments("image-src")
    return RecordDecoder(reading._Consumer, arguments).plugin.config


# -- a password's file ------------------------------------------------------------------------


def test_a_password_comes_from_a_file(tmp_path):
    (tmp_path / "password").write_text(" a pass'word \n")
    streams = load({f"{PASSWORD}_FILE": str(tmp_path / "password")}).streams

    assert client(streams)["sasl.password"] == " a pass'word "
    (tmp_path / "password").write_text("another")  # a client that is opened anew takes it
    assert client(streams)["sasl.password"] == "another"


def test_a_password_by_itself_goes_over_one_in_a_file(tmp_path):
    file = {f"{PASSWORD}_FILE": str(tmp_path / "password")}
    (tmp_path / "password").write_text("of the file")
    for said in ({PASSWORD: "by itself"}, {"SS_TYPE_SPEC": "{sasl.password: by itself}"}):
        assert client(load(file | said).streams)["sasl.password"] == "by itself"


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        (f"{PASSWORD}_FILE", None, "there is no file"),
        (f"{PASSWORD}_FILE", b"", "is empty"),
        (f"{PASSWORD}_FILE", b"\n", "is empty"),
        (f"{PASSWORD}_FILE", b"hunter2\nhunter3\n", "has more than one line"),
        (f"{PASSWORD}_FILE", b"hunter2\xff", "is no text in UTF-8"),
        ("SS_CRYPTO__PASSWORD__PATH", None, "there is no file"),
        ("SS_CRYPTO__PASSWORD__PATH", b"", "is empty"),
    ],
)
def test_what_is_wrong_with_such_a_file_is_said(tmp_path, variable, text, said):
    file = tmp_path / "password"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(SettingsError) as error:
        load({variable: str(file)})

    (line,) = error.value.problems
    assert line.startswith(f"{variable}: ")
    assert f"'{file}' {said}" in line or f"{said} '{file}'" in line
    assert "hunter" not in line


def test_dockers_folder_in_the_files_place(tmp_path):
    with pytest.raises(SettingsError, match="is a folder"):
        load({f"{PASSWORD}_FILE": str(tmp_path)})


def test_a_file_that_is_closed(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingsError, match=r"cannot be read \(Permission denied\)"):
        load({f"{PASSWORD}_FILE": str(tmp_path / "password")})


def test_the_deployment_checks_such_a_setting_without_the_file():
    spec = {client_settings.PASSWORD_FILE: "/run/broker/password"}
    named = ".".join

    assert settings.services.check_parameters({"type_spec": spec}, named) == []
    (line,) = settings.services.check_parameters(
        {"type_spec": {client_settings.PASSWORD_FILE: ["hunter2"]}}, named
    )
    assert "should be a file's path" in line
    assert "hunter2" not in line


def test_another_user_is_read_from_standard_input(tmp_path, monkeypatch):
    (tmp_path / "password").write_text("of the worker")
    read, write = os.pipe()
    os.write(write, b"a {word}: #1\n")
    os.close(write)
    with os.fdopen(read) as given:
        monkeypatch.setattr(sys, "stdin", given)
        environ = __main__._as_user("verify")
    config = client(load({PASSWORD + "_FILE": str(tmp_path / "password")} | environ).streams)

    assert config["sasl.username"] == "verify"
    assert config["sasl.password"] == "a {word}: #1"


def test_a_client_changes_nothing_of_what_it_is_given():
    said = {**BROKER, "topic": "pictures", "tls": {"ca_certs_data": "one"}}
    streams = Streams({"it": said})
    for _ in range(2):
        RecordDecoder(reading._Consumer, streams.arguments("it"))
    assert said["tls"] == {"ca_certs_data": "one"}


# -- no secret in a log -----------------------------------------------------------------------

TALKS = """
import logging, sys, time
import confluent_kafka
from posestream import logs, settings
from posestream.streams import Watcher, Writer

logs.set_up()
cluster = confluent_kafka.Producer(
    {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "logger": logging.getLogger("mock")}
)
(broker,) = cluster.list_topics(timeout=10).brokers.values()
import os
os.environ["SS_BROKERS"] = f"{broker.host}:{broker.port}"
streams = settings.load("worker").streams
for name in (None, "sinetstream", "sinetstream.crypto", "sinetstream.api", "librdkafka"):
    logging.getLogger(name).setLevel(logging.DEBUG)
writer = Writer(streams, "image-src")
reader = Watcher(streams, "image-src", past=60)
writer.store(b"picture", key=b"street", timestamp=time.time())
while not (messages := reader.poll(1)):
    pass
assert messages[0].payload == b"picture", messages
logging.getLogger("mine").debug("its parameters are %r", dict(os.environ))
try:
    raise ValueError(streams.services)
except ValueError:
    logging.getLogger("mine").exception("failed with %s", open(os.environ["FILE"]).read())
"""


def test_no_line_at_debug_has_a_password_or_a_key(tmp_path):
    (tmp_path / "password").write_text("of-the-file-1234\n")
    secrets = {"of-the-file-1234", "of-messages-'5678", "of-a-key-9012"}
    environ = {
        "SSSRC_TOPIC": "pictures",
        "SSDST_TOPIC": "results",
        "SS_TYPE_SPEC__DEBUG": "all",
        "SS_TYPE_SPEC__SASL_PLAIN_USERNAME": "worker",
        f"{PASSWORD}_FILE": str(tmp_path / "password"),
        "FILE": str(tmp_path / "password"),
        "SS_TYPE_SPEC__SSL_PASSWORD": "of-a-key-9012",
        "SS_DATA_ENCRYPTION": "true",
        "SS_CRYPTO__ALGORITHM": "AES",
        "SS_CRYPTO__MODE": "GCM",
        "SS_CRYPTO__PASSWORD__VALUE": "of-messages-'5678",
    }
    done = subprocess.run(
        [sys.executable, "-c", TALKS],
        env=os.environ | environ | {"PYTHONPATH": str(Path(settings.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert "its parameters are" in done.stderr
    assert "***" in done.stderr
    for secret in secrets:
        assert secret not in done.stderr
    assert "make_key" not in done.stderr


# -- encrypted messages -----------------------------------------------------------------------


def crypto(mode="GCM", password="a key of the lab", **more):
    padding = "pkcs7" if mode == "CBC" else "none"
    kept = {"algorithm": "AES", "mode": mode, "padding": padding, "password": password}
    return {"data_encryption": True, "crypto": kept | more}


def decoder(**more):
    return RecordDecoder(
        reading._Consumer, Streams({"it": {**BROKER, "topic": "pictures", **more}}).arguments("it")
    )


def encoded(payload, **more):
    arguments = Streams({"it": {**BROKER, "topic": "out", **more}}).arguments("it")
    return writing._RecordEncoder(writing._Producer, arguments).encode(payload, 1_700_000_000.5)


MODES = ["CBC", "CFB", "CTR", "EAX", "GCM", "OFB", "OPENPGP"]


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("mode", MODES)
def test_what_is_encrypted_is_read_by_who_has_the_key(mode, form):
    told = crypto(mode, key_length=256) | {"message_format": form}
    record = Record(encoded(b"picture" * 100, **told))

    message = decoder(**told).decode(record)
    assert (message.payload, message.sealed, message.timestamp) == (
        b"picture" * 100,
        "",
        1_700_000_000.5,
    )
    other = told | {"crypto": told["crypto"] | {"password": "another"}}
    message = decoder(**other).decode(record)
    assert (message.payload, message.sealed) == (None, "wrong_key")


def test_what_stays_closed_says_why():
    plain, closed = encoded(b"picture"), encoded(b"picture", **crypto())
    has_key, has_none = decoder(**crypto()), decoder()

    assert has_none.decode(Record(closed)).sealed == "encrypted"
    assert has_none.decode(Record(closed)).payload is None
    second = encoded(b"picture", message_format=2)
    for record in (plain, second):
        assert has_key.decode(Record(record)).sealed == "not_encrypted"
    assert has_key.decode(Record(b"\xff\xd8 a raw picture")).sealed == "wrong_key"
    assert has_key.decode(Record(None)).sealed == ""
    assert has_none.decode(Record(b"\xff\xd8 a raw picture")).sealed == ""
    assert set(SEALED) == {"encrypted", "not_encrypted", "wrong_key"}


@pytest.mark.parametrize("mode", ["GCM", "EAX"])
def test_what_was_changed_on_its_way_stays_closed(mode):
    """SINETStream itself does not look: the last bit of the picture would just be another."""
    record = bytearray(encoded(b"picture", **crypto(mode)))
    record[-(8 if mode == "EAX" else 16) - 1] ^= 1

    assert decoder(**crypto(mode)).decode(Record(bytes(record))).sealed == "wrong_key"


def test_keys_of_strangers_are_not_kept():
    has_key = decoder(**crypto("CBC"))
    for number in range(sealing.KEYS_MAX + 20):
        has_key.cipher.dec_keys[(1, number)] = b""
    assert len(has_key.cipher.dec_keys) == sealing.KEYS_MAX

    has_key = decoder(**crypto())
    has_key.decode(Record(encoded(b"picture", **crypto(password="another"))))
    assert not has_key.cipher.dec_keys


# -- what the broker refuses ------------------------------------------------------------------

SECURE = {
    "bootstrap.servers": "kafka:9092",
    "security.protocol": "SASL_SSL",
    "sasl.username": "worker",
}
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
TIMED_OUT = KafkaError(KafkaError._TRANSPORT, "Broker transport failure")


def test_a_refused_user_is_named():
    trouble = Trouble(SECURE, "/run/broker/password")
    said = "sasl_ssl://kafka:9092/1: SASL authentication error: Authentication failed (after 3ms)"
    trouble.note(KafkaError(KafkaError._AUTHENTICATION, said))
    trouble.note(DOWN)

    assert trouble.why(TIMED_OUT) == (
        "the user worker is refused: wrong password (in /run/broker/password), or no such user; "
        "the broker says: Authentication failed"
    )
    trouble.over()
    assert trouble.why(TIMED_OUT) == "Broker transport failure"


def test_who_is_not_allowed_is_named():
    assert Trouble(SECURE).forbidden("to read the topic pictures") == (
        "the broker does not allow the user worker to read the topic pictures; its ACLs say who may"
    )
    assert "which gives no user's name" in Trouble({}).forbidden("to read the topic pictures")


def certificate(folder, name, address, days=1):
    """Write a certificate that signs itself, with its key; return the path."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def serving(path=None):
    """Serve one connection, with TLS by a certificate, or hang up; return HOST:PORT."""
    with create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                if path is not None:
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(path)
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


@pytest.mark.parametrize(
    ("made", "authority", "said"),
    [
        (("good", "127.0.0.1"), "good", "closes the connection once it is encrypted"),
        (("good", "127.0.0.1"), "other", "is of an authority that is not in "),
        (("good", "127.0.0.9"), "good", "is not for this name or address"),
        (("good", "127.0.0.1", -1), "good", "has ended: it has to be renewed on the broker"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_found_out(tmp_path, made, authority, said):
    served = certificate(tmp_path, *made)
    if authority != made[0]:
        certificate(tmp_path, authority, "127.0.0.1")
    told = SECURE | {"ssl.ca.location": str(tmp_path / f"{authority}.pem")}
    with serving(served) as broker:
        words = look(broker, told)

    assert said in words
    assert broker in words


def test_what_is_wrong_with_the_protocol_is_found_out(tmp_path):
    with serving(certificate(tmp_path, "good", "127.0.0.1")) as broker:
        assert "wants TLS, and security_protocol is PLAINTEXT" in look(broker, {})
    with serving() as broker:
        assert "does not speak TLS" in look(broker, SECURE)
    with serving() as broker:
        assert "is security_protocol right?" in look(broker, {})
    assert "refused" in look(broker, SECURE)


def test_such_a_look_is_taken_now_and_then_only(monkeypatch):
    looks = []
    monkeypatch.setattr(
        "posestream.streams.trouble.look", lambda *given: looks.append(given) or "it is the name"
    )
    trouble = Trouble({**SECURE, "bootstrap.servers": "one:9092, two:9092"})
    trouble.note(KafkaError(KafkaError._SSL, "certificate verify failed"))
    assert {trouble.why(TIMED_OUT) for _ in range(3)} == {"it is the name"}
    assert [broker for broker, _ in looks] == ["one:9092"]


# -- the health check -------------------------------------------------------------------------


def test_the_health_check_says_why_not(capsys):
    ready.show_ready(False, "the user worker is refused")
    assert __main__.main(["healthy"]) == 1
    assert capsys.readouterr().out == "not at work: the user worker is refused\n"
    ready.show_ready(True)
    assert __main__.main(["healthy"]) == 0
    assert capsys.readouterr().out == ""
