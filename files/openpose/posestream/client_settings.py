"""The Kafka client's settings, by the names that SINETStream documents, and what librdkafka has.

SINETStream's manual names its Kafka parameters as the client kafka-python does. The client here is
librdkafka, whose own names (with dots) are taken as they stand; the others are translated by the
table `SETTINGS`. Nothing is imported: deployment and containers read the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READER, WRITER, BOTH = "reader", "writer", "both"


@dataclass(frozen=True)
class Setting:
    """A setting of kafka-python's.

    Attributes:
        name: librdkafka's name for it; "" where it has none.
        kind: "text", "whole", "number", "boolean", "file" (the value is what it holds), or a tuple
            of the values that there are.
        client: whose it is: READER, WRITER or BOTH.
        value: turns a value of kafka-python's into librdkafka's.
        instead: of one that librdkafka has not: what to do about it.
    """

    name: str
    kind: str | tuple[Any, ...] = "text"
    client: str = BOTH
    value: Callable[[Any], Any] = lambda value: value
    instead: str = "leave it out"


def _none(instead: str, client: str = BOTH) -> Setting:
    return Setting("", client=client, instead=instead)


def _whole(name: str, client: str = BOTH) -> Setting:
    return Setting(name, "whole", client)


# How a group shares its partitions, by the names of kafka-python's and Java's classes too.
_STRATEGIES = {
    "range": "range",
    "rangepartitionassignor": "range",
    "roundrobin": "roundrobin",
    "roundrobinpartitionassignor": "roundrobin",
    "roundrobinassignor": "roundrobin",
    "cooperative-sticky": "cooperative-sticky",
    "cooperativestickyassignor": "cooperative-sticky",
}


def _strategies(value: Any) -> str:
    names = value.split(",") if isinstance(value, str) else value
    plain = [str(name).strip().rpartition(".")[2] for name in names]
    return ",".join(_STRATEGIES.get(name.lower(), name) for name in plain)


def line_of(name: Any) -> str:
    """Return the one line of a file that holds a password.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds none, or more than that.
    """
    line = Path(str(name)).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    if not line:
        raise ValueError("is empty")
    if "\n" in line:
        raise ValueError("has more than one line")
    return line


_OWN_CODE = "it is an object of Python's, which no configuration can say: leave it out"
_OF_KAFKA_PYTHON = "it is about kafka-python's inside: leave it out"
_JAVA_STORE = "convert the store to PEM files, and name them by tls (ca_certs, certfile, keyfile)"
_TRANSACTIONS = "results are written without transactions: leave it out"
_SECURITY = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_INT_MAX = 2**31 - 1

SETTINGS: dict[str, Setting] = {
    # Both kinds of clients.
    "api_version": _none("librdkafka asks the broker: leave it out"),
    "api_version_auto_timeout_ms": _whole("api.version.request.timeout.ms"),
    "allow_auto_create_topics": Setting("allow.auto.create.topics", "boolean", READER),
    "bootstrap_servers": _none("SINETStream's brokers says them"),
    "bootstrap_topics_filter": _none(_OF_KAFKA_PYTHON),
    "client_dns_lookup": Setting(
        "client.dns.lookup", ("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only")
    ),
    "client_id": Setting("client.id"),
    "connections_max_idle_ms": _whole("connections.max.idle.ms"),
    "kafka_client": _none(_OWN_CODE),
    "max_in_flight_requests_per_connection": _whole("max.in.flight.requests.per.connection"),
    "metadata_max_age_ms": _whole("topic.metadata.refresh.interval.ms"),
    "metric_group_prefix": _none(_OF_KAFKA_PYTHON),
    "metric_reporters": _none(_OWN_CODE),
    "metrics_enabled": _none(_OF_KAFKA_PYTHON),
    "metrics_num_samples": _none(_OF_KAFKA_PYTHON),
    "metrics_sample_window_ms": _none(_OF_KAFKA_PYTHON),
    "receive_buffer_bytes": _whole("socket.receive.buffer.bytes"),
    "receive_message_max_bytes": _whole("receive.message.max.bytes"),
    "reconnect_backoff_max_ms": _whole("reconnect.backoff.max.ms"),
    "reconnect_backoff_ms": _whole("reconnect.backoff.ms"),
    "request_timeout_ms": _whole("socket.timeout.ms"),
    "retry_backoff_ms": _whole("retry.backoff.ms"),
    "sasl_kerberos_domain_name": _none("set sasl.kerberos.principal, librdkafka's own"),
    "sasl_kerberos_name": _none("set sasl.kerberos.principal, librdkafka's own"),
    "sasl_kerberos_service_name": Setting("sasl.kerberos.service.name"),
    "sasl_mechanism": Setting("sasl.mechanism"),
    "sasl_oauth_token_provider": _none(_OWN_CODE),
    "sasl_plain_password": Setting("sasl.password"),
    # This project's own, so that no environment has to hold the password.
    "sasl_plain_password_file": Setting("sasl.password", "file", value=line_of),
    "sasl_plain_username": Setting("sasl.username"),
    "security_protocol": Setting("security.protocol", _SECURITY),
    "selector": _none(_OWN_CODE),
    "send_buffer_bytes": _whole("socket.send.buffer.bytes"),
    "socket_options": _none("set socket.keepalive.enable or socket.nagle.disable"),
    "socks5_proxy": _none("librdkafka knows no proxies: leave it out"),
    "ssl_cafile": Setting("ssl.ca.location"),
    "ssl_certfile": Setting("ssl.certificate.location"),
    "ssl_check_hostname": Setting(
        "ssl.endpoint.identification.algorithm",
        "boolean",
        value=lambda value: "https" if value else "none",
    ),
    "ssl_ciphers": Setting("ssl.cipher.suites"),
    "ssl_context": _none(_OWN_CODE),
    "ssl_crlfile": Setting("ssl.crl.location"),
    "ssl_keyfile": Setting("ssl.key.location"),
    "ssl_keystore_location": Setting("ssl.keystore.location"),
    "ssl_keystore_password": Setting("ssl.keystore.password"),
    "ssl_keystore_type": _none("librdkafka's keystores are PKCS#12: leave it out"),
    "ssl_password": Setting("ssl.key.password"),
    "ssl_truststore_location": _none(_JAVA_STORE),
    "ssl_truststore_password": _none(_JAVA_STORE),
    "ssl_truststore_type": _none(_JAVA_STORE),
    # Readers.
    "auto_commit_interval_ms": _whole("auto.commit.interval.ms", READER),
    "auto_offset_reset": Setting("auto.offset.reset", ("earliest", "latest"), READER),
    "check_crcs": Setting("check.crcs", "boolean", READER),
    "consumer_timeout_ms": _none("SINETStream's receive_timeout_ms says it", READER),
    "default_api_timeout_ms": _none("set request_timeout_ms", READER),
    "default_offset_commit_callback": _none(_OWN_CODE, READER),
    "enable_auto_commit": Setting("enable.auto.commit", "boolean", READER),
    "enable_incremental_fetch_sessions": _none(_OF_KAFKA_PYTHON, READER),
    "exclude_internal_topics": _none("name the topics that are to be read", READER),
    "fetch_max_bytes": _whole("fetch.max.bytes", READER),
    "fetch_max_wait_ms": _whole("fetch.wait.max.ms", READER),
    "fetch_min_bytes": _whole("fetch.min.bytes", READER),
    "group_id": Setting("group.id", client=READER),
    "group_instance_id": Setting("group.instance.id", client=READER),
    "heartbeat_interval_ms": _whole("heartbeat.interval.ms", READER),
    "isolation_level": Setting("isolation.level", ("read_committed", "read_uncommitted"), READER),
    "key_deserializer": _none(_OWN_CODE, READER),
    "max_partition_fetch_bytes": _whole("max.partition.fetch.bytes", READER),
    "max_poll_interval_ms": _whole("max.poll.interval.ms", READER),
    "max_poll_records": _none("librdkafka hands its records on one by one: leave it out", READER),
    "partition_assignment_strategy": Setting(
        "partition.assignment.strategy", "names", READER, _strategies
    ),
    "session_timeout_ms": _whole("session.timeout.ms", READER),
    "value_deserializer": _none(_OWN_CODE, READER),
    # Writers.
    "acks": Setting("acks", (0, 1, -1, "all"), WRITER),
    "batch_size": _whole("batch.size", WRITER),
    "buffer_memory": Setting(
        "queue.buffering.max.kbytes", "whole", WRITER, lambda value: max(1, value // 1024)
    ),
    "compression_type": Setting(
        "compression.type",
        (None, "none", "gzip", "snappy", "lz4", "zstd"),
        WRITER,
        lambda value: value or "none",
    ),
    "delivery_timeout_ms": _whole("message.timeout.ms", WRITER),
    "enable_idempotence": Setting("enable.idempotence", "boolean", WRITER),
    "key_serializer": _none(_OWN_CODE, WRITER),
    "linger_ms": Setting("linger.ms", "number", WRITER),
    "max_block_ms": _none("nothing here waits in the client: leave it out", WRITER),
    "max_request_size": _whole("message.max.bytes", WRITER),
    "partitioner": _none("set librdkafka's own partitioner by its name, in a mapping", WRITER),
    "retries": Setting(
        "retries", "number", WRITER, lambda value: int(min(max(value, 0), _INT_MAX))
    ),
    "transaction_timeout_ms": _none(_TRANSACTIONS, WRITER),
    "transactional_id": _none(_TRANSACTIONS, WRITER),
    "value_serializer": _none(_OWN_CODE, WRITER),
}

NULLABLE = {"compression_type"}
PASSWORD_FILE = "sasl_plain_password_file"

# SINETStream's own parameter `tls`, by its layers.
TLS = {
    "ca_certs": "ssl_cafile",
    "certfile": "ssl_certfile",
    "keyfile": "ssl_keyfile",
    "ciphers": "ssl_ciphers",
    "check_hostname": "ssl_check_hostname",
}

# librdkafka's own settings that are not a person's to set here, and what is in their place.
OWNED = {
    "bootstrap.servers": "SINETStream's brokers says them",
    "enable.auto.offset.store": "offsets are committed when results are stored: leave it out",
    "enable.partition.eof": "the reader needs it: leave it out",
    "plugin.library.paths": "nothing is loaded into this client: leave it out",
    "transactional.id": _TRANSACTIONS,
}


def is_own_name(name: str) -> bool:
    """Say whether a name is of librdkafka's kind, which has dots, and few without."""
    return "." in name or name in ("debug", "partitioner")


def translate(spec: Mapping[str, Any], client: str) -> dict[str, Any]:
    """Return librdkafka's settings for those of a `type_spec`.

    Args:
        spec: kafka-python's names or librdkafka's own, to values. Settings that only the other
            kind of client has are left out: both kinds read the same services.
        client: READER or WRITER.

    Raises:
        ValueError: a setting is unknown, or librdkafka has none like it; or a file that holds one
            is not as it should be.
        OSError: such a file cannot be read.
    """
    settings: dict[str, Any] = {}
    if "sasl_plain_password" in spec or "sasl.password" in spec:  # which go over a file
        spec = {name: value for name, value in spec.items() if name != PASSWORD_FILE}
    for name, value in spec.items():
        if is_own_name(name):
            if name in OWNED:
                raise ValueError(f"{name}: {OWNED[name]}")
            settings[name] = value
        elif name not in SETTINGS:
            raise ValueError(f"the Kafka client has no setting {name}")
        elif not SETTINGS[name].name:
            raise ValueError(f"librdkafka has no setting {name}: {SETTINGS[name].instead}")
        elif SETTINGS[name].client in (client, BOTH) and (value is not None or name in NULLABLE):
            settings[SETTINGS[name].name] = SETTINGS[name].value(value)
    return settings
