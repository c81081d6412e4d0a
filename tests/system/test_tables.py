"""The committed table of Kafka's properties is what the image of the broker says of itself."""

import importlib.util

from . import lab


def test_the_table_is_what_kafka_says():
    spec = importlib.util.spec_from_file_location("tables", lab.ROOT / "scripts/tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)

    assert tables.KAFKA.read_text() == tables.kafka()
