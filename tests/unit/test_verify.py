"""What `posestream verify` takes for a right result, and what not."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from posestream import drawing, frames, settings, verify
from posestream.poses import People
from posestream.settings import SettingsError
from posestream.skeletons import COCO_18
from posestream.verify import Failed

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
    with pytest.raises(SettingsError, match="CAMERA_VIDEO"):
        verify.a_picture(str(tmp_path / "missing.avi"))
