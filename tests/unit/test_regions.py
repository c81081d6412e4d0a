"""Squares of faces and hands against OpenPose's answers, and their pictures against warpAffine."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from posestream.networks import regions
from posestream.skeletons import BODY_25, COCO_18, MPI

SIZE = 64
DATA = Path(__file__).parent / "data" / "openpose-seed0.npz"


@pytest.fixture(params=["messi5", "vtest50"])
def answers(request):
    with np.load(DATA) as data:
        prefix = f"BODY_25.160x96.facehand.{request.param}.png."
        return {key[len(prefix) :]: data[key] for key in data.files if key.startswith(prefix)}


def check(found, square, *, mirrored=False):
    """Hold points to whole pixels of the square's picture; without a square there are none."""
    if square[2] == 0:
        assert (found == 0).all()
        return 0
    there = regions.back(np.float32([(0, 0, 0), (63, 63, 0)]), square, SIZE, mirrored=mirrored)
    pixels = (found[:, :2] - there[0, :2]) / (there[1, :2] - there[0, :2]) * 63
    assert pixels == pytest.approx(np.rint(pixels), abs=2e-3)
    assert (np.rint(pixels).min(), np.rint(pixels).max()) >= (0, 0)
    assert np.rint(pixels).max() <= SIZE - 1
    again = np.column_stack((np.rint(pixels), found[:, 2]))
    points = regions.back(again, square, SIZE, mirrored=mirrored)
    assert points == pytest.approx(found, abs=2e-3)
    return 1


def test_openposes_faces_are_on_the_pixels_of_the_squares(answers):
    squares = regions.faces(answers["keypoints"], BODY_25)
    seen = [check(*pair) for pair in zip(answers["faces"], squares, strict=True)]
    assert len(seen) == 3


def test_openposes_hands_are_on_the_pixels_of_the_squares(answers):
    squares = regions.hands(answers["keypoints"], BODY_25)
    seen = [
        check(found, square, mirrored=side == 0)
        for side in (0, 1)
        for found, square in zip(answers["hands"][side], squares[:, side], strict=True)
    ]
    assert len(seen) == 6


def body(skeleton, **places):
    """One person (1, parts, 3) who has these parts alone, all with a score of 0.5."""
    keypoints = np.zeros((1, len(skeleton.parts), 3), np.float32)
    for name, place in places.items():
        keypoints[0, skeleton.parts.index(name)] = *place, 0.5
    return keypoints


FRONT = {"Neck": (200, 200), "Nose": (200, 100), "LEye": (220, 80), "REye": (180, 80)}


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize(
    ("places", "centre", "side"),
    [
        # Neck to nose twice, eye to eye three times; the means.
        (FRONT, (200, (150 + 80) / 2), (2 * 100 + 3 * 40) / 2),
        (
            FRONT | {"LEar": (240, 90), "REar": (160, 90)},
            (200, (150 + 80 + 90) / 3),
            (200 + 120 + 160) / 3,
        ),
        # From the side: eye, ear and nose, and the paths between them and the neck.
        (
            {"Neck": (200, 200), "Nose": (200, 100), "LEye": (230, 60), "LEar": (260, 100)},
            (230, 260 / 3),
            0.85 * (50 + 60 + 100),
        ),
        (
            {"Neck": (200, 200), "Nose": (200, 100), "REye": (170, 60), "REar": (140, 100)},
            (170, 260 / 3),
            0.85 * (50 + 60 + 100),
        ),
        # One eye without its ear is no profile.
        ({"Neck": (200, 200), "Nose": (200, 100), "LEye": (230, 60)}, (200, 150), 200),
        ({"LEar": (240, 90), "REar": (160, 90)}, (200, 90), 160),
    ],
)
def test_faces(skeleton, places, centre, side):
    expected = [centre[0] - side / 2, centre[1] - side / 2, side]
    assert regions.faces(body(skeleton, **places), skeleton)[0] == pytest.approx(expected, abs=1e-3)


def test_faces_of_mpi():
    person = body(MPI, Neck=(100, 200), Head=(100, 100))
    expected = [100 - 66.5, 100 - 66.5, 133]
    assert regions.faces(person, MPI)[0] == pytest.approx(expected, abs=1e-3)
    assert (regions.faces(body(MPI, Head=(100, 100)), MPI) == 0).all()


def test_no_face_where_it_is_small_or_faint():
    small = body(COCO_18, LEar=(120, 90), REar=(100, 90))  # a side of 40
    assert (regions.faces(small, COCO_18) == 0).all()
    small[0, COCO_18.parts.index("LEar"), 0] += 1
    assert regions.faces(small, COCO_18)[0, 2] == pytest.approx(42)
    small[..., 2] = 0.25
    assert (regions.faces(small, COCO_18) == 0).all()


@pytest.mark.parametrize("skeleton", [COCO_18, BODY_25, MPI], ids=lambda skeleton: skeleton.name)
def test_hands(skeleton):
    arm = {"RShoulder": (100, 100), "RElbow": (100, 200), "RWrist": (100, 250)}
    left = {"LShoulder": (300, 100), "LElbow": (300, 120), "LWrist": (330, 120)}
    found = regions.hands(body(skeleton, **arm, **left), skeleton)
    assert found.shape == (1, 2, 3)
    # A third of the lower arm beyond the wrist; 1.5 of it, or of 0.9 of the upper arm.
    assert found[0, 0] == pytest.approx([339.9 - 22.5, 120 - 22.5, 45], abs=1e-3)
    assert found[0, 1] == pytest.approx([100 - 67.5, 266.5 - 67.5, 135], abs=1e-3)
    without_elbow = {name: at for name, at in arm.items() if name != "RElbow"}
    assert (regions.hands(body(skeleton, **without_elbow), skeleton) == 0).all()


def test_nobody():
    keypoints = np.zeros((0, 25, 3), np.float32)
    assert regions.faces(keypoints, BODY_25).shape == (0, 3)
    assert regions.hands(keypoints, BODY_25).shape == (0, 2, 3)


FRAME = cv2.GaussianBlur(
    np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8), (9, 9), 2
)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("square", [(30.2, 20.7, 55.3), (-20.1, 90.4, 133.7), (5, 5, 64)])
def test_crop_is_warp_affine_by_steps_of_a_32nd(square, mirrored):
    picture = regions.crop(FRAME, np.float32(square), 64, mirrored=mirrored)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    x, y, side = square
    scale = side / 64
    matrix = [[-scale, 0, x + side], [0, scale, y]] if mirrored else [[scale, 0, x], [0, scale, y]]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(FRAME, np.array(matrix), (64, 64), flags=flags)
    # At the frame's edges a 32nd of a pixel can be a step of 8.
    assert np.abs(picture.astype(int) - expected).max() <= 8
    assert np.abs(picture.astype(int) - expected).mean() < 0.5


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_frame():
    square, size = np.float32((30, 20, 48)), 64
    mirror = np.float32((FRAME.shape[1] - 1 - 30 - 48, 20, 48))
    expected = regions.crop(np.ascontiguousarray(FRAME[:, ::-1]), mirror, size)
    assert (regions.crop(FRAME, square, size, mirrored=True) == expected).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_back_finds_what_the_crop_shows(mirrored):
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[40, 60] = 255
    square = np.float32((45, 30, 32))
    picture = regions.crop(frame, square, 64, mirrored=mirrored)
    y, x = np.unravel_index(picture[..., 0].argmax(), (64, 64))
    (found,) = regions.back(np.float32([(x, y, 0.7)]), square, 64, mirrored=mirrored)
    assert found == pytest.approx([60, 40, 0.7])
