"""What `posestream verify` takes for a right result, and what not."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from posestream import drawing, frames, settings, verify
from posestream.poses import People
from posestream.settings import SettingsError
from posestream.skeletons import COCO_18
from posestream.streams import BrokerAway, Message
from posestream.verify import Failed, Watch

ENVIRON = {"SS_BROKERS": "kafka:9092", "SSSRC_TOPIC": "a", "SSDST_TOPIC": "b"}


@pytest.fixture(scope="module")
def sent():
    """Return a picture that JPEG changes as much as a busy street."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    return cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)


def loaded(**environ):
    return settings.load("verify", ENVIRON | environ, Path("/none"))


def annotated(sent, alpha):
    places = np.random.default_rng(1).uniform((250, 60), (390, 420), (1, 18, 2))
    keypoints = np.concatenate([places, np.ones((1, 18, 1))], axis=2).astype(np.float32)
    people = People(keypoints, np.ones(1, np.float32))
    return drawing.draw(sent.copy(), people, COCO_18, alpha=alpha)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("quality", [20, 85])
def test_an_annotated_picture_is_right(sent, alpha, quality):
    result = frames.encode_jpeg(annotated(sent, alpha), quality)

    verify.check_picture(result, sent, loaded(OPENPOSE_ALPHA_POSE=str(alpha)))


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (lambda sent: None, "not a JPEG"),
        (lambda sent: b"text", "not a JPEG"),
        (lambda sent: cv2.imencode(".png", sent)[1].tobytes(), "not a JPEG"),
        (lambda sent: frames.encode_jpeg(sent, 95)[:500], "not a picture"),
        (lambda sent: frames.encode_jpeg(sent[:100], 95), "the picture sent was"),
        (lambda sent: frames.encode_jpeg(sent, 95), "nothing is drawn"),
        (lambda sent: frames.encode_jpeg(sent, 60), "nothing is drawn"),
    ],
    ids=["null", "text", "png", "truncated", "another size", "not annotated", "smaller"],
)
def test_a_wrong_picture_is_explained(sent, result, complaint):
    with pytest.raises(Failed, match=complaint):
        verify.check_picture(result(sent), sent, loaded())


def test_people_are_counted():
    assert verify.count_people(json.dumps({"version": 1.3, "people": [{}, {}]}).encode()) == 2


@pytest.mark.parametrize("payload", [None, b"", b"text", b"{}", b"[]"])
def test_other_bytes_are_no_keypoints(payload):
    with pytest.raises(Failed, match="JSON"):
        verify.count_people(payload)


def test_a_missing_video_is_a_wrong_setting(tmp_path):
    with pytest.raises(SettingsError, match="CAMERA_SOURCE"):
        verify.a_picture(str(tmp_path / "missing.avi"))


# The streams' figures


def watch(service, *published, delay=0.0, key=b"camera", payload=b"{}"):
    """Return what has come by, published at these times."""
    position = ("topic", 0, 0)
    there = [
        Message(payload, key, moment - delay, position, published=moment) for moment in published
    ]
    return Watch(service, None, there)


def figures(*watches, now=10.0):
    by_service = {"image-src": watch("image-src"), "image-dest": watch("image-dest")}
    return verify.figures(by_service | {each.service: each for each in watches}, b"own", now)


def test_rates_and_ages_are_those_of_the_last_seconds():
    steady = [5 + number / 5 for number in range(25)]
    people = watch("keypoints-dest", *steady, payload=b'{"people": [{}, {}]}')
    said = figures(watch("image-src", *steady), watch("image-dest", *steady, delay=0.4), people)

    assert said == {
        "source_fps": 5.0,
        "result_fps": 5.0,
        "age_seconds_median": 0.4,
        "people_mean": 2.0,
    }


@pytest.mark.parametrize(
    ("published", "rate"),
    [
        ([], 0.0),
        ([8.0, 8.5, 9.0, 9.5], 2.0),  # it has just begun
        ([5.0, 5.5, 6.0, 6.5], 0.8),  # it has ended
        ([9.9], 1.0),
    ],
)
def test_a_stream_that_begins_or_ends(published, rate):
    assert figures(watch("image-src", *published))["source_fps"] == rate


def test_pictures_that_were_sent_to_verify_do_not_count():
    said = figures(watch("image-dest", 9.0, 9.5, key=b"own"))

    assert (said["result_fps"], said["age_seconds_median"]) == (0.0, None)


@dataclass
class Topic:
    """Stands in for a watcher: what is there, and what a worker answers."""

    there: list[Message]
    at: int = 0

    def edges(self):
        return {("topic", 0): (0, len(self.there))}

    def has_read(self, ends):
        return self.at >= ends["topic", 0][1]

    def poll(self, timeout):
        new = self.there[self.at :]
        self.at = len(self.there)
        return new

    def close(self):
        pass


@pytest.fixture
def lab(monkeypatch, sent):
    """Return the topics of a lab whose worker is at work on what came three seconds ago."""
    before = time.time() - 3
    lab = SimpleNamespace(
        topics={
            service: Topic(
                [Message(b"a frame", b"camera", before, ("topic", 0, 0), published=before)]
            )
            for service in ("image-src", "image-dest")
        },
        works=True,
    )

    class Writer:
        def __init__(self, streams, service):
            pass

        def store(self, payload, key, timestamp):
            result = frames.encode_jpeg(annotated(sent, 0.6), 85)
            message = Message(result, key, timestamp, ("topic", 0, 1), published=time.time())
            for topic in lab.topics.values() if lab.works else ():
                topic.there.append(message)

        def close(self):
            pass

    monkeypatch.setattr(verify, "Watcher", lambda streams, service, past: lab.topics[service])
    monkeypatch.setattr(verify, "Writer", Writer)
    monkeypatch.setattr(verify, "a_picture", lambda video: sent)
    return lab


def test_a_worker_that_answers_is_measured_without_waiting(lab):
    said = verify.verify(loaded(), timeout=10.0, seconds=5.0)

    assert said["result_fps"] == pytest.approx(1 / 3, abs=0.1)
    assert said["age_seconds_median"] == 0.0
    assert said["round_trip_seconds"] < 1


def test_results_from_before_do_not_speak_for_a_worker_that_does_not_answer(lab):
    lab.works = False
    with pytest.raises(Failed, match="no other result came either"):
        verify.verify(loaded(), timeout=0.2, seconds=5.0)


def test_what_has_failed_is_said(lab, monkeypatch, capsys):
    def away(*_, **__):
        raise BrokerAway("no answer")

    monkeypatch.setattr(verify, "verify", away)
    assert verify.run(loaded(), 1.0, 5.0) == 1
    assert capsys.readouterr().err == "failed: no answer\n"
