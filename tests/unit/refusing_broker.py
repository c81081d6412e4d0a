"""A stand-in for a broker with ACLs: librdkafka's own (see test_streams), told what to refuse.

It knows no users. It answers requests with the errors by which Kafka says that they are not
allowed, and what the client makes of them is the client's own. Python's binding does not reach its
functions, which are those of `rdkafka_mock.h`.
"""

from __future__ import annotations

import ctypes
import re
from enum import IntEnum
from pathlib import Path

import confluent_kafka  # noqa: F401 (loads librdkafka)

TIMES = 100_000  # that a request is refused, unless it is allowed before


class Request(IntEnum):
    """Kafka's requests, by the number that its protocol gives them."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    OFFSET_COMMIT = 8
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    INIT_PRODUCER_ID = 22


class RefusingBroker:
    """A cluster of one broker."""

    def __init__(self) -> None:
        path = re.search(r"/\S*/librdkafka\S*", Path("/proc/self/maps").read_text())[0]
        self._library = library = ctypes.CDLL(path)
        for name in ("conf_new", "new", "mock_cluster_new"):
            getattr(library, f"rd_kafka_{name}").restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        config = ctypes.c_void_p(library.rd_kafka_conf_new())
        library.rd_kafka_conf_set(config, b"log_level", b"0", None, ctypes.c_size_t(0))
        self._client = ctypes.c_void_p(library.rd_kafka_new(0, config, None, ctypes.c_size_t(0)))
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(self._client, 1))
        self.address = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def make(self, topic: str) -> None:
        """Make a topic of one partition."""
        self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), 1, 1)

    def refuse(self, what: Request | str, code: int) -> None:
        """Answer a kind of request, or questions about a topic of this name, with an error."""
        if isinstance(what, str):
            self._library.rd_kafka_mock_topic_set_error(self._cluster, what.encode(), code)
            return
        self._library.rd_kafka_mock_push_request_errors_array(
            *(self._cluster, ctypes.c_int16(what), ctypes.c_size_t(TIMES)),
            (ctypes.c_int * TIMES)(*[code] * TIMES),
        )

    def allow(self, what: Request | str) -> None:
        """Refuse it no longer."""
        if isinstance(what, str):
            self.refuse(what, 0)
        else:
            self._library.rd_kafka_mock_clear_request_errors(self._cluster, ctypes.c_int16(what))

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
