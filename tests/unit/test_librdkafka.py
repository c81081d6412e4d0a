"""The Kafka client's properties: the table is the library's, and what it says of values."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from posestream import client_settings, librdkafka

ROOT = Path(__file__).parents[2]


def test_the_table_is_what_the_library_says():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts/tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)

    assert tables.LIBRDKAFKA.read_text() == tables.librdkafka()


def test_every_translated_setting_is_in_it():
    assert {each.name for each in client_settings.SETTINGS.values()} - {""} <= set(
        librdkafka.PROPERTIES
    )
    assert set(client_settings.OWNED) <= set(librdkafka.PROPERTIES)


GOOD = [
    ("acks", "all"),
    ("acks", 1),
    ("compression.type", "lz4"),
    ("debug", "broker,topic"),
    ("fetch.wait.max.ms", "100"),
    ("linger.ms", 0.5),
    ("security.protocol", "SSL"),
    ("socket.keepalive.enable", True),
    ("socket.keepalive.enable", "true"),
    ("client.id", 7),
]
BAD = [
    ("acks", "some", "a whole number from -1 to 1000"),
    ("compression.type", "zip", "one of none, gzip, snappy, lz4, zstd"),
    ("debug", "broker,topics", "names with commas, of generic"),
    ("fetch.wait.max.ms", -1, "a whole number from 0 to 300000"),
    ("fetch.wait.max.ms", " 100", "a whole number from 0 to 300000"),
    ("fetch.wait.max.ms", "1_00", "a whole number from 0 to 300000"),
    ("fetch.wait.max.ms", 100.0, "a whole number from 0 to 300000"),
    ("fetch.wait.max.ms", True, "a whole number from 0 to 300000"),
    ("linger.ms", "soon", "a number from 0 to 900000"),
    ("security.protocol", "SSLv3", "one of plaintext, ssl, sasl_plaintext, sasl_ssl"),
    ("socket.keepalive.enable", "yes", "true or false"),
    ("client.id", ["a"], "a text"),
    ("error_cb", "print", "left out: it is an object"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_the_library_takes_is_good(name, value):
    make(name, value)
    assert librdkafka.should_be(name, value) == ""


@pytest.mark.parametrize(("name", "value", "should"), BAD)
def test_what_is_wrong_is_said(name, value, should):
    assert librdkafka.should_be(name, value).startswith(should)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, value, _ in BAD[:4]])
def test_the_library_refuses_it_too(name, value):
    with pytest.raises(KafkaException, match=r"(?i)configuration property"):
        make(name, value)


def make(name: str, value: object) -> None:
    """Let the library itself take a property."""
    if librdkafka.PROPERTIES[name].get("client") == client_settings.READER:
        Consumer({"group.id": "a", name: value}).close()
    else:
        Producer({name: value})
