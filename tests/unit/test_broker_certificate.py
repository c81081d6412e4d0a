"""When the brokers' certificates end, by what a server of TLS shows."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from posestream import broker_certificate
from posestream.settings import Streams
from prometheus_client import CollectorRegistry

END = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=40)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[str, str]:
    """Return the files of a certificate for localhost, its own authority, and of its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(END - datetime.timedelta(days=50))
        .not_valid_after(END)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "certificate.pem"), str(folder / "key.pem")


@pytest.fixture(scope="module")
def port(files) -> Iterator[int]:
    """Shake hands with whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = server.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def streams(brokers, **params) -> Streams:
    service = {"type": "kafka", "brokers": brokers, "topic": "pictures", **params}
    return Streams({"image-src": service, "image-dest": service})


@pytest.mark.parametrize(
    "said",
    [
        lambda file: {"tls": {"ca_certs": file}},
        lambda file: {"type_spec": {"security_protocol": "SASL_SSL", "ssl_cafile": file}},
        lambda file: {"type_spec": {"security.protocol": "ssl", "ssl.ca.location": file}},
        lambda file: {"tls": {"ca_certs": file}, "type_spec": {"security_protocol": "SASL_SSL"}},
    ],
)
def test_the_end_is_that_of_what_is_shown(files, port, said):
    broker = f"localhost:{port}"
    there = streams([broker, "localhost:1"], **said(files[0]))
    assert broker_certificate.ends(there) == {broker: END.timestamp()}


def test_without_tls_there_is_none(port):
    assert broker_certificate.ends(streams(f"localhost:{port}")) == {}
    plain = {"type_spec": {"security_protocol": "SASL_PLAINTEXT"}}
    assert broker_certificate.ends(streams(f"localhost:{port}", **plain)) == {}


def test_one_that_is_not_good_for_the_name_counts_as_none(files, port):
    there = streams(f"127.0.0.1:{port}", tls={"ca_certs": files[0]})
    assert broker_certificate.ends(there) == {}


def test_the_metric_says_it_by_broker(files, port):
    registry = CollectorRegistry()
    gauge = broker_certificate.gauge(registry)
    broker = f"localhost:{port}"

    def value() -> float | None:
        name = "posestream_broker_certificate_end_timestamp_seconds"
        return registry.get_sample_value(name, {"broker": broker})

    broker_certificate.watch(streams(broker), gauge)
    broker_certificate.watch(streams(broker, tls={"ca_certs": files[0]}), gauge)
    deadline = time.monotonic() + 10
    while value() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value() == END.timestamp()
