"""People as files: what is chosen, how it is written, what is said; tests/system has a broker."""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
from posestream import __main__ as program
from posestream.export import command, files, options
from posestream.export.keypoints import parse
from posestream.poses.people import People, to_json
from posestream.settings import SettingsError, Streams
from posestream.skeletons import BODY_25, COCO_18
from posestream.streams import BrokerAway, Message, TopicMissing

BEGIN = 1_795_000_000.25


def people(count, parts=18, *, faces=False, hands=False, ids=None):
    """Return OpenPose's JSON of people whose values are all different."""
    values = np.arange(count * parts * 3, dtype=np.float32).reshape(count, parts, 3)
    return to_json(
        People(
            values,
            np.ones(count, np.float32),
            np.full((count, 70, 3), 0.5, np.float32) if faces else None,
            np.full((count, 2, 21, 3), 0.25, np.float32) if hands else None,
            None if ids is None else np.asarray(ids, np.int64),
        )
    ).encode()


class Watcher:
    """A topic of two partitions in memory, of which a poll returns one message."""

    def __init__(self, *messages: tuple[bytes | None, bytes | None, float]):
        self.messages = [
            Message(payload, key, at, ("it", number % 2, number // 2))
            for number, (payload, key, at) in enumerate(messages)
        ]
        self.left = list(self.messages)
        self.errors: list[Exception] = []
        self.past, self.closed = None, False

    def edges(self):
        return {("it", n): (0, len(self.messages[n::2])) for n in (0, 1)}

    def has_read(self, ends):
        read = self.messages[: len(self.messages) - len(self.left)]
        return all(len(read[place[1] :: 2]) >= end for place, (_, end) in ends.items())

    def poll(self, timeout):
        if self.errors:
            raise self.errors.pop(0)
        return [self.left.pop(0)] if self.left else []

    def publish(self, payload, key, at):
        number = len(self.messages)
        self.messages.append(Message(payload, key, at, ("it", number % 2, number // 2)))
        self.left.append(self.messages[-1])

    def close(self):
        self.closed = True


@pytest.fixture
def export(monkeypatch, tmp_path):
    """Return what exports the messages of a watcher, and returns the code and the file's bytes."""

    def run(watcher, **told):
        def opened(streams, service, past):
            watcher.past = past
            return watcher

        monkeypatch.setattr(command, "Watcher", opened)
        stopped = told.pop("stopped", lambda: False)
        monkeypatch.setattr(command, "_stops", lambda: stopped)
        output = tmp_path / "out"
        settings = type("Settings", (), {"streams": Streams({})})
        code = command.run(settings, **({"kind": None, "output": str(output)} | told))
        return code, output.read_bytes() if output.exists() else b""

    return run


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


# -- the formats ------------------------------------------------------------------------------


def test_a_row_for_each_part(export):
    code, content = export(Watcher((people(2, ids=[7, 9]), b"door", BEGIN)))

    found = rows(content)
    assert code == 0
    assert len(found) == 2 * 18
    assert list(found[0]) == ["time", "camera", "person", "id", "part", "x", "y", "confidence"]
    assert found[0]["time"] == "1795000000.250000"
    assert [row["part"] for row in found[:18]] == list(COCO_18.parts)
    last = found[-1]
    assert (last["camera"], last["person"], last["id"], last["part"]) == ("door", "1", "9", "LEar")
    assert [float(last[name]) for name in ("x", "y", "confidence")] == [105, 106, 107]


def test_who_is_not_followed_has_no_number(export):
    _, content = export(Watcher((people(1), b"door", BEGIN)))

    assert {row["id"] for row in rows(content)} == {""}


def test_names_that_contain_commas_and_quotes_are_one_cell(export):
    _, content = export(Watcher((people(1), 'die "Tür", 入口\n'.encode(), BEGIN)))

    assert {row["camera"] for row in rows(content)} == {'die "Tür", 入口\n'}


def test_a_row_for_each_person(export):
    _, content = export(Watcher((people(2, 25), b"door", BEGIN)), kind="wide")

    found = rows(content)
    assert len(found) == 2
    assert list(found[0])[4:7] == ["Nose_x", "Nose_y", "Nose_confidence"]
    assert list(found[0])[-1] == "RHeel_confidence"
    assert float(found[1]["RHeel_confidence"]) == 2 * 25 * 3 - 1


def test_a_line_for_each_frame_in_openposes_words(export):
    payload = people(1, faces=True)
    _, content = export(
        Watcher((payload, b"door", BEGIN), (people(0), b"door", BEGIN + 1)), kind="jsonl"
    )

    first, second = map(json.loads, content.splitlines())
    assert first == {"time": BEGIN, "camera": "door"} | json.loads(payload)
    assert second["people"] == []


def test_arrays_by_time_padded(export, monkeypatch):
    monkeypatch.setattr(files, "CHUNK_FRAMES", 2)
    watcher = Watcher(
        (people(1, ids=[3]), b"door", BEGIN + 2),
        (people(3), b"hall", BEGIN),
        (people(0), b"door", BEGIN + 3),
        (people(2), b"hall", BEGIN + 1),
        (people(1), b"door", BEGIN + 4),
    )
    _, content = export(watcher, kind="npz")

    found = np.load(io.BytesIO(content))
    assert found["keypoints"].shape == (5, 3, 18, 3)
    assert found["keypoints"].dtype == np.float32
    assert (found["times"] == BEGIN + np.arange(5)).all()
    assert found["cameras"].tolist() == ["hall", "hall", "door", "door", "door"]
    assert found["people"].tolist() == [3, 2, 1, 0, 1]
    assert found["ids"].tolist()[2:4] == [[3, -1, -1], [-1, -1, -1]]
    assert found["parts"].tolist() == list(COCO_18.parts)
    there = ~np.isnan(found["keypoints"]).all(axis=(2, 3))
    assert there.sum(axis=1).tolist() == [3, 2, 1, 0, 1]
    assert found["keypoints"][1, 1].ravel().tolist() == list(range(54, 108))


@pytest.mark.parametrize("messages", [[], [(people(0), b"door", BEGIN)]])
def test_arrays_of_nobody(export, messages):
    _, content = export(Watcher(*messages), kind="npz")

    found = np.load(io.BytesIO(content))
    assert found["keypoints"].shape == (len(messages), 0, 0, 3)
    assert found["cameras"].tolist() == ["door"] * len(messages)


def test_arrays_that_wait_lie_on_a_disk_and_not_in_the_little_memory_of_tmp(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    arrays = files.Arrays(io.BytesIO())
    place = str(Path(f"/proc/self/fd/{arrays._points.fileno()}").readlink())
    arrays._points.close()

    assert place.startswith(str(tmp_path))


@pytest.mark.parametrize("kind", ["wide", "npz"])
def test_another_network_does_not_fit_into_one_table(export, capsys, kind):
    watcher = Watcher((people(1), b"door", BEGIN), (people(1, 25), b"door", BEGIN + 1))
    code, content = export(watcher, kind=kind)

    assert code == 1
    assert "from 1795000001.250000 on, people have 25 parts, and before 18" in (
        capsys.readouterr().err
    )
    assert content  # what came before


def test_the_long_table_takes_any_network(export):
    watcher = Watcher((people(1), b"door", BEGIN), (people(1, 25), b"door", BEGIN + 1))
    _, content = export(watcher)

    assert [row["part"] for row in rows(content)] == [*COCO_18.parts, *BODY_25.parts]


def test_faces_and_hands_have_their_names():
    frame = parse(people(1, faces=True, hands=True), "door", BEGIN)

    assert len(frame.parts) == 18 + 70 + 21 + 21 == len(frame.people[0].points)
    assert frame.parts[18:20] == ("Face0", "Face1")
    assert frame.parts[88:90] == ("LeftHandWrist", "LeftHandThumb1")
    assert frame.parts[-1] == "RightHandPinky4"
    assert frame.people[0].points[18] == (0.5, 0.5, 0.5)
    assert frame.people[0].points[-1] == (0.25, 0.25, 0.25)


def test_the_format_is_what_the_name_ends_with(export, tmp_path):
    for name, begins in (("a.npz", b"PK"), ("a.JSONL", b'{"time"'), ("a.txt", b"time,")):
        watcher = Watcher((people(1), b"door", BEGIN))
        export(watcher, output=str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(begins)


# -- which frames -----------------------------------------------------------------------------


def cameras(content: bytes) -> list[str]:
    return [json.loads(line)["camera"] for line in content.splitlines()]


def test_times_and_cameras_are_chosen(export):
    watcher = Watcher(*((people(0), b"ab"[n % 2 :][:1], BEGIN + n) for n in range(10)))
    told = {"since": BEGIN + 2, "until": BEGIN + 8, "cameras": ["a"]}
    _, content = export(watcher, kind="jsonl", **told)

    assert [json.loads(line)["time"] - BEGIN for line in content.splitlines()] == [2, 4, 6]
    # The topic is sought from somewhat before, as clocks differ.
    assert watcher.past == pytest.approx(time.time() - BEGIN - 2 + command.CLOCK_SECONDS, abs=5)


def test_the_self_check_is_no_camera_unless_it_is_asked_for(export):
    messages = [(people(0), key, BEGIN) for key in (b"verify-0123abcd", b"verify-door", None)]
    _, content = export(Watcher(*messages), kind="jsonl")
    _, asked = export(Watcher(*messages), kind="jsonl", cameras=["verify-0123abcd"])

    assert cameras(content) == ["verify-door", ""]
    assert cameras(asked) == ["verify-0123abcd"]


def test_no_frames_are_said_with_the_cameras_that_there_are(export, capsys):
    export(Watcher((people(0), b"hall", BEGIN)), cameras=["door"])

    assert "exported 0 frames with 0 people; cameras that were read: hall" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "payload",
    [
        None,
        b"",
        b"\xff\xd8",
        b"[]",
        b'{"people": 1}',
        b'{"people": [{"pose_keypoints_2d": [1, 2]}]}',
        b'{"people": [{"pose_keypoints_2d": ["a", 2, 3]}]}',
        b'{"people": [{"pose_keypoints_2d": [NaN, 2, 3]}]}',
        b'{"people": [{"pose_keypoints_2d": [1, 2, 3]}, {}]}',
        b'{"people": [{"person_id": {"a": 1}, "pose_keypoints_2d": [1, 2, 3]}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_openposes_json_is_counted(export, capsys, payload):
    code, content = export(
        Watcher((payload, b"door", BEGIN), (people(1), b"door", BEGIN)), kind="jsonl"
    )

    assert code == 0
    assert len(content.splitlines()) == 1
    assert "1 messages were not OpenPose's JSON" in capsys.readouterr().err


def test_it_ends_where_the_topic_ended_when_it_began(export):
    watcher = Watcher(*[(people(0), b"door", BEGIN)] * 4)
    poll = watcher.poll

    def growing(timeout):
        watcher.publish(people(0), b"door", BEGIN)
        return poll(timeout)

    watcher.poll = growing
    _, content = export(watcher, kind="jsonl")

    assert len(content.splitlines()) == 4
    assert watcher.closed


# -- following --------------------------------------------------------------------------------


def test_it_follows_until_it_is_stopped(export):
    watcher = Watcher((people(0), b"door", BEGIN))
    polls = itertools.count()

    def stopped():
        if next(polls) == 3:
            watcher.publish(people(0), b"late", BEGIN + 1)
        return cameras_written() == ["door", "late"]

    def cameras_written():
        return [message.key.decode() for message in watcher.messages if message not in watcher.left]

    code, content = export(watcher, kind="jsonl", follow=True, stopped=stopped)

    assert code == 0
    assert cameras(content) == ["door", "late"]


def test_it_follows_until_the_time_that_is_said(export):
    watcher = Watcher((people(0), b"door", BEGIN))
    begun = time.time()
    code, content = export(watcher, kind="npz", follow=True, until=begun + 0.3)

    assert code == 0
    assert time.time() >= begun + 0.3
    assert np.load(io.BytesIO(content))["people"].tolist() == [0]


def test_a_broker_that_is_away_is_waited_for_where_the_topic_is_followed(export):
    watcher = Watcher((people(0), b"door", BEGIN))
    watcher.errors = [BrokerAway("away")] * 3
    code, content = export(
        watcher, kind="jsonl", follow=True, stopped=lambda: not watcher.left and not watcher.errors
    )

    assert code == 0
    assert cameras(content) == ["door"]


def test_an_export_that_is_interrupted_is_not_whole(export, capsys):
    watcher = Watcher(*[(people(0), b"door", BEGIN)] * 4)
    code, _ = export(watcher, stopped=lambda: len(watcher.left) <= 2)

    assert code == 1
    assert capsys.readouterr().err == "interrupted; before that, 2 frames with 0 people\n"


# -- what goes wrong --------------------------------------------------------------------------


def test_a_broker_that_is_away_is_said(export, capsys):
    watcher = Watcher(*[(people(1), b"door", BEGIN)] * 2)
    poll = watcher.poll

    def breaks(timeout):
        if len(watcher.left) == 1:
            raise BrokerAway("keypoints on kafka:9092: the broker cannot be reached")
        return poll(timeout)

    watcher.poll = breaks
    code, content = export(watcher)

    assert code == 1
    assert len(rows(content)) == 18
    assert capsys.readouterr().err == (
        "failed: keypoints on kafka:9092: the broker cannot be reached; before that, "
        "1 frames with 1 people\n"
    )


def test_a_missing_topic_is_said_and_no_file_is_touched(monkeypatch, capsys, tmp_path):
    def missing(*_, **__):
        raise TopicMissing("keypoints on kafka:9092: there is no topic keypoints")

    monkeypatch.setattr(command, "Watcher", missing)
    settings = type("Settings", (), {"streams": Streams({})})

    assert command.run(settings, kind=None, output=str(tmp_path / "out")) == 1
    assert "there is no topic keypoints" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", options.FORMATS)
def test_a_full_disk_is_said(export, capsys, kind):
    code, _ = export(Watcher((people(1), b"door", BEGIN)), kind=kind, output="/dev/full")

    assert code == 1
    assert "/dev/full cannot be written: No space left on device" in capsys.readouterr().err


def test_progress_is_said_when_it_takes_longer(export, capsys, monkeypatch):
    monkeypatch.setattr(command, "PROGRESS_SECONDS", 0.0)
    export(Watcher(*[(people(1), b"door", BEGIN)] * 3))

    assert "1 frames with 1 people, 2 messages to go, 0 s\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"since": 2.0, "until": 1.0}, "--to: should be after --from"),
        ({"kind": "npz", "follow": True}, "--follow: an npz file is complete only at its end"),
    ],
)
def test_options_that_do_not_go_together(export, told, problem):
    with pytest.raises(SettingsError, match=problem):
        export(Watcher(), **told)


# -- the command line -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beginning", 0.0),
        ("1795000000.25", BEGIN),
        ("2026-11-18T11:06:40", 1_795_000_000),
        ("2026-11-18T11:06:40Z", 1_795_000_000),
        ("2026-11-18T20:06:40+09:00", 1_795_000_000),
    ],
)
def test_a_time_is_said_in_one_of_several_forms(text, expected):
    assert options.moment(text) == expected


def test_a_time_is_said_as_how_long_ago():
    for text, seconds in (("30s", 30), ("1.5m", 90), ("2h", 7200), ("1d", 86400)):
        assert time.time() - options.moment(text) == pytest.approx(seconds, abs=5)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "-5m", "10x", "nan"])
def test_other_times_are_refused_with_what_would_be_right(text):
    with pytest.raises(argparse.ArgumentTypeError, match="such as 30s, 10m, 2h or 1d"):
        options.moment(text)


def test_the_options_arrive(monkeypatch):
    told = {}
    monkeypatch.setattr(program, "_run", lambda name, **options: told.update(options, name=name))
    line = "export --from 5 --to 9 --camera a --camera b --format wide --output x --follow"
    program.main(line.split())

    assert told == {
        "name": "export",
        "since": 5.0,
        "until": 9.0,
        "cameras": ["a", "b"],
        "kind": "wide",
        "output": "x",
        "follow": True,
    }


def test_the_formats_that_are_offered_are_those_that_there_are():
    assert tuple(files.FORMATS) == options.FORMATS
