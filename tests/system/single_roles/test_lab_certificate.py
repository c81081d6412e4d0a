"""A broker with the lab's own certificate, in each form that it can come in."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from .. import lab
from .closed_broker import NAME, Deployment

STORE_PASSWORD = "a $tore's 'password'"
NOTHING = dict.fromkeys(
    (
        *("broker_certificate", "broker_certificate_key"),
        *("broker_keystore", "broker_keystore_password"),
    ),
    "",
)
# The forms that it comes in, one after another, and what they are tried with.
FORMS = [
    (["pem", "pem", "jks"], {"kafka_mode": "zookeeper", "broker_security": "tls"}),
    (["p12", "p12"], {"kafka_mode": "kraft", "broker_security": "sasl_tls"}),
]


class Authority:
    """A lab's authority, which knows nothing of this project, and the certificates it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name.from_rfc4514_string("CN=The lab's own authority")
        self._certificate = self._signed(self._name, self._key, x509.BasicConstraints(True, None))
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *said):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=90))
        )
        for extension in said:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def write(self, form: str) -> dict[str, str]:
        """Write a new certificate for this host's name alone; returns what the inventory says."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name.from_rfc4514_string(f"CN={NAME}")
        names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
        return {
            "broker_certificate_authority": str(self.file),
            **{"pem": self._pem, "p12": self._p12, "jks": self._jks}[form](
                key, self._signed(subject, key, names)
            ),
        }

    def _pem(self, key, certificate) -> dict[str, str]:
        cert, private = self.folder / "kafka.pem", self.folder / "kafka.key"
        cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return {"broker_certificate": str(cert), "broker_certificate_key": str(private)}

    def _p12(self, key, certificate) -> dict[str, str]:
        store = self.folder / "kafka.p12"
        lock = serialization.BestAvailableEncryption(STORE_PASSWORD.encode())
        store.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"kafka", key, certificate, [self._certificate], lock
            )
        )
        return {"broker_keystore": str(store), "broker_keystore_password": STORE_PASSWORD}

    def _jks(self, key, certificate) -> dict[str, str]:
        said = self._p12(key, certificate)
        (self.folder / "kafka.jks").unlink(missing_ok=True)
        made = lab.run(
            *("docker", "run", "--rm", "--user", "0", "--volume", f"{self.folder}:/pki"),
            *("--entrypoint", "keytool", "posestream-kafka:3.9", "-importkeystore", "-noprompt"),
            *("-srckeystore", "/pki/kafka.p12", "-srcstorepass", STORE_PASSWORD),
            *("-destkeystore", "/pki/kafka.jks", "-deststoretype", "JKS"),
            *("-deststorepass", STORE_PASSWORD, "-destkeypass", STORE_PASSWORD),
        )
        assert made.returncode == 0, made.stdout + made.stderr
        return said | {"broker_keystore": str(self.folder / "kafka.jks")}


@pytest.mark.parametrize(("forms", "said"), FORMS, ids=["pem", "p12"])
def test_a_labs_own_certificate_serves_and_is_renewed(forms, said, tmp_path: Path):
    authority = Authority(tmp_path)
    said = said | authority.write(forms[0])
    with Deployment(tmp_path, "own-certificate", 19592, **said).there() as broker:
        serials = [broker.certificate(authority=authority.file)["serialNumber"]]
        with pytest.raises(ssl.SSLCertVerificationError):
            broker.certificate("broker", authority.file)
        assert lab.SOURCE_TOPIC in topics(broker, authority)
        assert "changed=0" in broker.run()
        started = when_started(broker, "broker")

        for form in forms[1:]:
            broker.run(**NOTHING | authority.write(form))
            serials.append(broker.certificate(authority=authority.file)["serialNumber"])
            assert lab.SOURCE_TOPIC in topics(broker, authority)
            assert (when_started(broker, "broker") == started) == (form == forms[0])
        assert len({*serials}) == len(serials)
        assert STORE_PASSWORD not in broker.said


def topics(broker: Deployment, authority: Authority) -> set[str]:
    user = broker.client("admin") if broker.variables["broker_security"] == "sasl_tls" else {}
    own = {
        "bootstrap.servers": f"{NAME}:{broker.port}",
        "security.protocol": "SSL",
        **user,
        "ssl.ca.location": str(authority.file),
    }
    return set(AdminClient(own).list_topics(timeout=20).topics)


def when_started(broker: Deployment, service: str) -> str:
    return lab.inspect(broker.container(service))["State"]["StartedAt"]
