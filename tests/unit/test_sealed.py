"""Messages that stay closed: what the viewer and the export make of them.

SINETStream encrypts them; the broker is librdkafka's own stand-in.
"""

import logging
from contextlib import closing
from functools import partial

import pytest
from confluent_kafka import Producer
from posestream.export import command as export
from posestream.logs import Limited
from posestream.streams import SEALED, reading
from posestream.viewer import command as viewer
from posestream.viewer.metrics import Metrics

from .refusing_broker import RefusingBroker
from .test_closed_broker import crypto
from .test_export import people
from .test_streams import Lab, encoded, until

KEY, OTHER, PLAIN = crypto(), crypto(password="another"), {}
CASES = [(PLAIN, KEY, "encrypted"), (KEY, PLAIN, "not_encrypted"), (KEY, OTHER, "wrong_key")]


@pytest.fixture(params=CASES, ids=SEALED)
def case(request):
    """Return what the reader has, what the writer has, and why that stays closed."""
    return request.param


@pytest.fixture(scope="module")
def broker():
    with closing(RefusingBroker()) as broker:  # it refuses nothing here
        yield broker


@pytest.fixture
def lab(broker):
    lab = Lab(broker.address)
    broker.make(lab.topic)
    return lab


def send(lab, *messages):
    """Store messages: each with its writer's settings, payload and key."""
    producer = Producer({"bootstrap.servers": lab.brokers, "log_level": 0})
    for writes, payload, key in messages:
        producer.produce(lab.topic, encoded(payload, **writes), key)
    assert producer.flush(10) == 0


def said_by(program, caplog):
    """Return the lines of one program: SINETStream says something of its own of each message."""
    return [record.message for record in caplog.records if record.name == program.log.name]


# -- the viewer -------------------------------------------------------------------------------


def test_the_viewer_passes_over_what_stays_closed_and_counts_it(lab, case):
    reads, writes, why = case
    metrics = Metrics()
    with closing(viewer._Ears(metrics, lab.streams(**reads), "it")) as ears:
        send(lab, *[(writes, b"closed", b"door")] * 3, (reads, b"open", b"door"))
        (shown,) = until(ears, 1)

    assert shown.payload == b"open"
    name = "posestream_viewer_frames_sealed_total"
    counted = {each: metrics.registry.get_sample_value(name, {"reason": each}) for each in SEALED}
    assert counted == dict.fromkeys(SEALED) | {why: 3}


def test_the_viewer_says_it_once_a_minute(lab, case, monkeypatch, caplog):
    reads, writes, why = case
    caplog.set_level(logging.WARNING, viewer.log.name)
    clock = [0.0]
    monkeypatch.setattr(viewer, "Limited", partial(Limited, clock=lambda: clock[0]))
    with closing(viewer._Ears(Metrics(), lab.streams(**reads), "it")) as ears:
        for now in (0.0, 59.0, 60.0):
            clock[0] = now
            send(lab, *[(writes, b"closed", b"door")] * 2, (reads, b"open", b"door"))
            (shown,) = until(ears, 1)

    place = "{}/{}".format(*shown.position)
    assert said_by(viewer, caplog) == [
        f"not shown: {place} offset 0: {SEALED[why]}",
        "3 more of such lines were left out",
        f"not shown: {place} offset 6: {SEALED[why]}",
    ]


# -- the export -------------------------------------------------------------------------------


@pytest.fixture
def exported(lab, monkeypatch, tmp_path, capsys):
    """Return what exports messages, each with its writer's settings and key; returns what it says.

    The stand-in of a broker knows no times, so it is looked on from before the first message.
    """

    def run(reads, *messages, **wanted):
        reader = reading.Watcher(lab.streams(**reads), "it")
        send(lab, *((writes, people(1), camera) for writes, camera in messages))
        monkeypatch.setattr(export, "Watcher", lambda *_, **__: reader)
        monkeypatch.setattr(export, "_stops", lambda: lambda: False)
        settings = type("Settings", (), {"streams": None})
        output = tmp_path / "out.jsonl"
        assert export.run(settings, kind=None, output=str(output), **wanted) == 0
        return len(output.read_bytes().splitlines()), capsys.readouterr().err

    return run


def test_the_export_leaves_out_what_stays_closed_and_says_why(exported, case):
    (reads, writes, why), door = case, b"door"
    lines, said = exported(reads, (writes, door), (reads, door), (writes, door))

    assert lines == 1
    assert said == f"exported 1 frames with 1 people; of 2 messages, {SEALED[why]}\n"


def test_the_export_says_of_each_reason_how_many(exported):
    of = [PLAIN, OTHER, OTHER, KEY, PLAIN, OTHER]
    lines, said = exported(KEY, *((each, b"door") for each in of))

    assert lines == 1
    assert said == (
        "exported 1 frames with 1 people"
        f"; of 2 messages, {SEALED['not_encrypted']}; of 3 messages, {SEALED['wrong_key']}\n"
    )


def test_an_export_of_closed_messages_alone_names_their_cameras(exported):
    lines, said = exported(PLAIN, (KEY, b"door"))

    assert lines == 0
    assert said == (
        "exported 0 frames with 0 people; cameras that were read: door"
        f"; of 1 messages, {SEALED['encrypted']}\n"
    )


def test_closed_messages_that_are_not_wanted_are_not_counted(exported):
    messages = [(KEY, b"hall"), (KEY, b"verify-0123abcd"), (PLAIN, b"door"), (KEY, b"door")]
    _, said = exported(PLAIN, *messages, cameras=["door"])
    assert said == f"exported 1 frames with 1 people; of 1 messages, {SEALED['encrypted']}\n"
