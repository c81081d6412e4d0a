"""What is drawn where, in which colour and how thick."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from posestream import drawing
from posestream.drawing import draw
from posestream.poses import People
from posestream.skeletons import BODY_25, COCO_18, FACE_70, HAND_21, MPI

GREY = 100
NECK, SHOULDER, ELBOW, EAR = 1, 2, 3, 16


def frame(height=480, width=640):
    return np.full((height, width, 3), GREY, np.uint8)


def person(**places):
    """Somebody with the parts given as part=(x, y) or (x, y, confidence)."""
    keypoints = np.zeros((1, 18, 3), np.float32)
    for name, place in places.items():
        keypoints[0, COCO_18.parts.index(name)] = (*place, 0.9)[:3]
    return People(keypoints, np.ones(1, np.float32))


def together(*people):
    return People(
        np.concatenate([one.keypoints for one in people]),
        np.concatenate([one.scores for one in people]),
    )


def blend(colour, under=(GREY,) * 3, alpha=0.6):
    return alpha * np.array(colour) + (1 - alpha) * np.array(under)


def drawn_width(picture, x):
    """How many pixels of a column are covered; those at a smooth edge count in part."""
    difference = np.abs(picture[:, x].astype(float) - GREY).sum(axis=1)
    return difference.sum() / difference.max()


def test_nobody():
    assert (draw(frame(), People.none(18), COCO_18) == GREY).all()


def test_the_frame_itself_is_drawn_on():
    before = frame()
    after = draw(before, person(Neck=(100, 100), RShoulder=(200, 100)), COCO_18)
    assert after is before
    assert not (before == GREY).all()


def blended_as_a_whole(frame, shapes, alpha):
    """Lay shapes over a frame as simply as it can be said: the measure for what is faster."""
    layer = frame.copy()
    for corners, colour in shapes:
        fixed = np.round(corners * 2**drawing._SHIFT).astype(np.int32)
        cv2.fillConvexPoly(layer, fixed, colour, cv2.LINE_AA, drawing._SHIFT)
    return cv2.addWeighted(frame, 1 - alpha, layer, alpha, 0)


def test_people_here_and_there_are_blended_as_if_the_whole_frame_were():
    rng = np.random.default_rng(3)
    for _ in range(40):
        height, width = rng.integers(40, 900, 2)
        before = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        number = rng.integers(1, 6)
        middles = rng.uniform(-0.1, 1.1, (number, 1, 2)) * (width, height)
        places = middles + rng.normal(0, rng.uniform(3, 120), (number, 18, 2))
        keypoints = np.concatenate([places, rng.uniform(0, 1, (number, 18, 1))], 2)
        side = min(height, width)
        limbs, discs = drawing._shapes(
            keypoints.astype(np.float32), [-1] * number, COCO_18, 0.05, side / 120, side / 100
        )
        after = before.copy()
        drawing._blend(after, limbs, 0.6)
        drawing._blend(after, discs, 0.6)
        expected = blended_as_a_whole(blended_as_a_whole(before, limbs, 0.6), discs, 0.6)
        assert np.abs(after.astype(int) - expected).max() <= 1


def test_a_limb_has_the_colour_of_its_outer_part_and_discs_their_own():
    after = draw(frame(), person(Neck=(100, 100), RShoulder=(300, 100)), COCO_18)
    limb = blend(COCO_18.colours[SHOULDER])
    assert after[100, 200] == pytest.approx(limb, abs=1)
    # The disc lies on the end of the limb, which is pointed: what is under it is the frame.
    assert after[98, 299] == pytest.approx(blend(COCO_18.colours[SHOULDER]), abs=1)
    assert after[98, 101] == pytest.approx(blend(COCO_18.colours[NECK]), abs=1)
    assert (after[120:] == GREY).all()


def test_the_colours_are_openposes():
    # Blue, green, red of OpenPose's rendering table for COCO, by part.
    assert COCO_18.colours[0] == (85, 0, 255)
    assert COCO_18.colours[1] == (0, 0, 255)
    assert COCO_18.colours[4] == (0, 255, 255)
    assert COCO_18.colours[7] == (0, 255, 0)
    assert COCO_18.colours[10] == (255, 255, 0)
    assert COCO_18.colours[13] == (255, 0, 0)
    assert COCO_18.colours[14] == (170, 0, 255)
    assert COCO_18.colours[17] == (255, 0, 85)
    assert len(set(COCO_18.colours)) == 18


def test_the_colours_of_the_other_bodies_are_openposes():
    # Blue, green, red of OpenPose's rendering tables, by part.
    assert BODY_25.colours[:9] == (*COCO_18.colours[:8], (0, 0, 255))
    assert BODY_25.colours[9:15] == COCO_18.colours[8:14]
    assert BODY_25.colours[15:19] == COCO_18.colours[14:]
    assert BODY_25.colours[19:] == ((255, 0, 0),) * 3 + ((255, 255, 0),) * 3
    assert MPI.colours[7:10] == ((0, 255, 43), (0, 255, 0), (85, 255, 0))
    assert MPI.colours[14] == (255, 0, 0)
    assert [HAND_21.colours[part] for part in (0, 1, 8, 12, 13, 20)] == [
        (100, 100, 100),
        (0, 0, 100),
        (0, 255, 255),
        (125, 255, 0),
        (100, 50, 0),
        (255, 0, 255),
    ]


@pytest.mark.parametrize("skeleton", [BODY_25, COCO_18, MPI, FACE_70, HAND_21])
def test_a_body_model_fits_together(skeleton):
    parts = len(skeleton.parts)
    assert len(set(skeleton.parts)) == len(skeleton.colours) == parts
    assert set(skeleton.drawn) <= set(skeleton.limbs)
    assert {part for limb in skeleton.limbs for part in limb} <= set(range(parts))
    channels = sorted(channel for pair in skeleton.paf_channels for channel in pair)
    assert channels in ([], list(range(2 * len(skeleton.limbs))))


def test_faces_and_hands_are_drawn_by_thresholds_of_their_own():
    faces = np.zeros((1, 70, 3), np.float32)
    faces[0, :2] = (100, 100, 0.3), (140, 100, 0.3)
    hands = np.zeros((1, 2, 21, 3), np.float32)
    hands[0, 1, :2] = (300, 300, 0.15), (340, 300, 0.15)  # the right one
    people = person(Neck=(500, 400))
    people = People(people.keypoints, people.scores, faces, hands)

    def covered(**thresholds):
        after = draw(frame(), people, COCO_18, alpha=1, **thresholds)
        return [(after[y, x] != GREY).any() for x, y in ((120, 100), (320, 300), (500, 400))]

    assert covered() == [False, False, True]
    assert covered(face_render_threshold=0.29) == [True, False, True]
    assert covered(hand_render_threshold=0.14) == [False, True, True]
    after = draw(frame(), people, COCO_18, alpha=1, face_render_threshold=0)
    assert after[100, 120].tolist() == [255, 255, 255]
    after = draw(frame(), people, COCO_18, alpha=1, hand_render_threshold=0)
    assert after[300, 320].tolist() == list(HAND_21.colours[1])


def numbered(people, *numbers):
    return replace(people, ids=np.array(numbers, np.int64))


def test_by_person_everybody_with_a_number_has_a_colour_of_their_own():
    people = together(
        person(Neck=(100, 100), RShoulder=(300, 100), RElbow=(300, 200)),
        person(Neck=(100, 300), RShoulder=(300, 300)),
        person(Neck=(100, 400), RShoulder=(300, 400)),  # has no number
    )
    after = draw(frame(), numbered(people, 7, 2, -1), COCO_18, by_person=True)
    for y, x, colour in (
        (100, 200, drawing.person_colour(7)),
        (150, 300, drawing.person_colour(7)),
        (98, 101, drawing.person_colour(7)),  # a disc
        (300, 200, drawing.person_colour(2)),
        (400, 200, COCO_18.colours[SHOULDER]),
    ):
        assert after[y, x] == pytest.approx(blend(colour), abs=1)
    unnumbered = draw(frame(), people, COCO_18)
    assert (draw(frame(), people, COCO_18, by_person=True) == unnumbered).all()
    assert (draw(frame(), numbered(people, 7, 2, -1), COCO_18) == unnumbered).all()


def test_faces_and_hands_have_the_colour_of_their_person():
    faces, hands = np.zeros((2, 70, 3), np.float32), np.zeros((2, 2, 21, 3), np.float32)
    faces[1, :2] = (100, 100, 1), (140, 100, 1)
    hands[1, 0, :2], hands[0, 1, :2] = (((300, y, 1), (340, y, 1)) for y in (300, 400))
    people = People(np.zeros((2, 18, 3), np.float32), np.ones(2, np.float32), faces, hands)
    after = draw(frame(), numbered(people, 3, 4), COCO_18, alpha=1, by_person=True)
    assert after[100, 120].tolist() == list(drawing.person_colour(4))
    assert after[300, 320].tolist() == list(drawing.person_colour(4))
    assert after[400, 320].tolist() == list(drawing.person_colour(3))


def test_the_colours_of_twenty_people_in_a_row_are_easily_told_apart():
    colours = np.array([drawing.person_colour(number) for number in range(100, 120)], np.float32)
    lab = cv2.cvtColor(colours[None] / 255, cv2.COLOR_BGR2LAB)[0]  # two or three are just seen
    apart = np.linalg.norm(lab[:, None] - lab, axis=2)
    assert (apart + 100 * np.eye(20)).min() > 20
    assert np.linalg.norm(np.diff(lab, axis=0), axis=1).min() > 60


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_alpha(alpha):
    people = person(Neck=(100, 100), RShoulder=(300, 100))
    after = draw(frame(), people, COCO_18, alpha=alpha)
    expected = blend(COCO_18.colours[SHOULDER], alpha=alpha)
    assert after[100, 200] == pytest.approx(expected, abs=1)


def test_what_is_below_the_threshold_is_not_drawn():
    people = person(Neck=(100, 100), RShoulder=(300, 100, 0.3), RElbow=(300, 300))
    after = draw(frame(), people, COCO_18, render_threshold=0.3)
    assert (after[100, 120:] == GREY).all()
    assert (after[100, 100] != GREY).any()
    assert (after[300, 300] != GREY).any()
    assert (draw(frame(), people, COCO_18, render_threshold=0.29)[100, 200] != GREY).any()


def test_a_part_that_was_not_found_is_not_drawn_in_the_corner():
    after = draw(frame(), person(Neck=(100, 100)), COCO_18, render_threshold=0)
    assert (after[:80, :80] == GREY).all()


def test_shoulder_to_ear_is_never_drawn():
    after = draw(frame(), person(RShoulder=(100, 100), REar=(300, 100)), COCO_18)
    assert (after[:, 200] == GREY).all()


def test_large_people_are_drawn_by_the_frame_and_small_ones_slimmer():
    # 480 / 120 to both sides of a limb of somebody of 400 pixels, and a third of that for the small
    large = draw(frame(), person(Neck=(100, 100), RShoulder=(500, 100)), COCO_18)
    assert drawn_width(large, 300) == pytest.approx(8, abs=1.5)
    small = draw(frame(), person(Neck=(100, 100), RShoulder=(120, 100)), COCO_18)
    assert drawn_width(small, 110) == pytest.approx(8 / 3, abs=1.5)
    # A disc is as wide as two radii of 480 / 100.
    assert drawn_width(large, 500) == pytest.approx(9.6, abs=1.5)
    hd = draw(frame(1080, 1920), person(Neck=(100, 100), RShoulder=(900, 100)), COCO_18)
    assert drawn_width(hd, 500) == pytest.approx(18, abs=1.5)


def test_each_person_has_a_size_of_its_own():
    both = draw(
        frame(),
        together(
            person(Neck=(100, 100), RShoulder=(500, 100)),
            person(Neck=(100, 300), RShoulder=(120, 300)),
        ),
        COCO_18,
    )
    assert drawn_width(both[:200], 300) > 2 * drawn_width(both[200:], 110)


def test_parts_outside_of_the_frame_do_no_harm():
    after = draw(frame(), person(Neck=(-5000, 100), RShoulder=(5000, 100)), COCO_18)
    assert (after[100, 320] != GREY).any()


def test_two_parts_in_one_place_do_no_harm():
    after = draw(frame(), person(Neck=(100, 100), RShoulder=(100, 100)), COCO_18)
    assert (after[100, 100] != GREY).any()
