"""Why the broker does not answer, or does not allow something: in words that say what to do.

librdkafka says of a certificate that it does not like only that it could not be verified, and of a
broker that wants TLS only that it is down. A connection of our own finds out.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

LOOK_SECONDS = 2.0  # for a connection of our own
FRESH_SECONDS = 10.0  # for so long what was found out is believed

FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
_REFUSED_USER = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
}
# What OpenSSL says of a certificate, and what it means here.
_CERTIFICATE = {
    "has expired": "has ended: it has to be renewed on the broker (or the clock here is wrong)",
    "not yet valid": "is not valid yet: the clock here, or the broker's, is wrong",
    "mismatch": "is not for this name or address: brokers should name one that it has",
    "self-signed": "is of an authority that is not in {authorities}",
    "issuer": "is of an authority that is not in {authorities}",
    "revoked": "was revoked",
}


class Trouble:
    """What librdkafka has last reported of its connections."""

    def __init__(self, config: Mapping[str, Any], password_file: str = "") -> None:
        """Take librdkafka's settings, and where the password in them is from."""
        self._config, self._password_file = config, password_file
        self._error: KafkaError | None = None
        self._found: tuple[float, str] = (-FRESH_SECONDS, "")

    def note(self, error: KafkaError) -> None:
        """Take what librdkafka reports; that all brokers are down says less than why."""
        if self._error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._error = error

    def over(self) -> None:
        """Note that the broker answers."""
        self._error = None

    def why(self, error: KafkaError) -> str:
        """Return why the broker could not be asked; `error` is what the question has ended with.

        May take a few seconds: it may look by itself.
        """
        reported = self._error or error
        if reported.code() in _REFUSED_USER:
            where = f" (in {self._password_file})" if self._password_file else ""
            what = f"{self._user} is refused: wrong password{where}, or no such user"
            return f"{what}; the broker says: {_brief(reported)}"
        is_of_tls = reported.code() == KafkaError._SSL or "certificate verify" in reported.str()
        if is_of_tls or reported.code() == KafkaError._ALL_BROKERS_DOWN:
            return self._looked_up() or reported.str()
        return reported.str()

    def forbidden(self, what: str) -> str:
        """Return what to say where the broker's rules do not allow `what`, "to read …"."""
        return f"the broker does not allow {self._user} {what}; its ACLs say who may"

    @property
    def _user(self) -> str:
        if name := self._config.get("sasl.username"):
            return f"the user {name}"
        return "this client, which gives no user's name,"

    def _looked_up(self) -> str:
        since, found = self._found
        if time.monotonic() - since > FRESH_SECONDS:
            broker = str(self._config["bootstrap.servers"]).split(",")[0].strip()
            found = look(broker, self._config)
            self._found = time.monotonic(), found
        return found


def look(broker: str, config: Mapping[str, Any]) -> str:
    """Return why there is no connection to HOST:PORT as librdkafka's `config` says; "" if none."""
    host, _, port = broker.rpartition(":") if ":" in broker else (broker, "", "9092")
    host = host.strip("[]")
    protocol = str(config.get("security.protocol", "PLAINTEXT")).upper()
    try:
        with socket.create_connection((host, int(port)), LOOK_SECONDS) as plain:
            if "SSL" in protocol:
                return _look_at_certificate(plain, broker, host, config)
            if _speaks_tls(plain):
                return f"{broker} wants TLS, and security_protocol is {protocol}: SSL or SASL_SSL"
            return f"{broker} takes the connection and closes it: is security_protocol right?"
    except (OSError, ValueError) as error:
        return f"{broker}: {getattr(error, 'strerror', None) or error}"


def _look_at_certificate(
    plain: socket.socket, broker: str, host: str, config: Mapping[str, Any]
) -> str:
    authorities = config.get("ssl.ca.location")
    context = ssl.create_default_context(cafile=authorities)
    if config.get("ssl.endpoint.identification.algorithm", "https") == "none":
        context.check_hostname = False
    try:
        with context.wrap_socket(plain, server_hostname=host):
            return (
                f"{broker} closes the connection once it is encrypted: it wants another "
                "security_protocol (SASL_SSL with a user, SSL without), or a client's certificate"
            )
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message.rstrip(".")
        meaning = next((text for part, text in _CERTIFICATE.items() if part in said), "is refused")
        meaning = meaning.format(authorities=authorities or "the system's store")
        return f"the certificate of {broker} {meaning} ({said})"
    except (ssl.SSLError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        return f"{broker} does not speak TLS, and security_protocol asks for it ({reason})"


def _speaks_tls(plain: socket.socket) -> bool:
    """Say whether a server would encrypt a connection; nothing is sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _brief(error: KafkaError) -> str:
    """Return librdkafka's words without what it says of its own state."""
    return error.str().partition(" (after ")[0].rpartition(" error: ")[2]
