"""When the brokers' certificates end, as a client is shown them."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time

from prometheus_client import CollectorRegistry, Gauge

from .services import BROKER
from .settings import Streams

LOOK_SECONDS = 600.0  # between two looks
WAIT_SECONDS = 5.0  # for a broker's answer
PORT = 9092
# How the parameters of a service name the file with the authority's certificates.
AUTHORITIES = ("ssl_cafile", "ssl.ca.location")

log = logging.getLogger(__name__)


def authority(params: dict) -> str | None:
    """Return the file of authorities that a service's brokers are known by.

    "" stands for the system's own, None for a connection without TLS.
    """
    tls, spec = params.get("tls"), params.get("type_spec") or {}
    protocol = str(spec.get("security_protocol") or spec.get("security.protocol") or "")
    if not tls and not protocol.upper().endswith("SSL"):
        return None
    layers = tls if isinstance(tls, dict) else {}
    return str(layers.get("ca_certs") or next(filter(None, map(spec.get, AUTHORITIES)), ""))


def brokers(params: dict) -> list[str]:
    """Return the brokers of a service, as HOST:PORT."""
    said = params["brokers"]
    return [text.strip() for text in (said.split(",") if isinstance(said, str) else said)]


def end(broker: str, authorities: str) -> float:
    """Return when the certificate that a broker shows ends, in seconds since the epoch.

    Raises OSError where it shows none, or one that is not good (SSLError).
    """
    found = BROKER.fullmatch(broker)
    host, port = found[1].strip("[]"), found["port"]
    context = ssl.create_default_context(cafile=authorities or None)
    with (
        socket.create_connection((host, int(port or PORT)), timeout=WAIT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return float(ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"]))


def ends(streams: Streams) -> dict[str, float]:
    """Return when the certificates of all brokers end, by broker; without those that are away."""
    found: dict[str, float] = {}
    for params in streams.services.values():
        authorities = authority(params)
        for broker in brokers(params) if authorities is not None else []:
            if broker in found:
                continue
            try:
                found[broker] = end(broker, authorities)
            except OSError as error:
                log.debug("the certificate of %s is not known: %s", broker, error)
    return found


def gauge(registry: CollectorRegistry) -> Gauge:
    """Return the metric, which has a series for each broker with TLS."""
    return Gauge(
        "posestream_broker_certificate_end_timestamp_seconds",
        "When a broker's certificate ends, in seconds since 1970; there is none without TLS.",
        ["broker"],
        registry=registry,
    )


def watch(streams: Streams, shown: Gauge) -> None:
    """Keep the metric, in a thread that ends with the process; without TLS there is nothing to."""
    if all(authority(params) is None for params in streams.services.values()):
        return

    def look() -> None:
        while True:
            for broker, when in ends(streams).items():
                shown.labels(broker=broker).set(when)
            time.sleep(LOOK_SECONDS)

    threading.Thread(target=look, name="broker-certificate", daemon=True).start()
