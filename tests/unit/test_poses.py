"""Decoding against maps made here, whose answer is known, and against whole enlarged maps."""

import dataclasses
import json
import time

import cv2
import numpy as np
import pytest
from posestream import poses
from posestream.poses import GPU, PROCESSOR, peaks
from posestream.poses.enlarging import Maps
from posestream.skeletons import BODY_25, COCO_18, MPI

from . import full_decode

ROWS, COLUMNS = 46, 62
PARTS = {name: number for number, name in enumerate(COCO_18.parts)}
# A person seen from the front, 150 pixels tall, around the neck.
# fmt: off
FIGURE = np.array([
    (0, -16), (0, 0), (-20, 2), (-27, 28), (-30, 52), (20, 2), (27, 28), (30, 52),
    (-12, 55), (-14, 92), (-15, 128), (12, 55), (14, 92), (15, 128),
    (-7, -24), (7, -24), (-15, -18), (15, -18),
], float)
# fmt: on
# A peak right between two pixels is a tie, and a tie is no maximum by OpenPose's rule: stay off.
FIGURE += 0.3, 0.2
HEIGHT = 0.8  # of the peaks in the maps


def along(start, end, rows=ROWS, columns=COLUMNS):
    """Cells in the band along a line, bool (rows, columns), and the line's unit vector."""
    y, x = np.mgrid[:rows, :columns] * 8 + 3.5
    length = np.hypot(*(end - start))
    u = (end - start) / length
    ahead = (x - start[0]) * u[0] + (y - start[1]) * u[1]
    aside = (x - start[0]) * u[1] - (y - start[1]) * u[0]
    return (ahead > -8) & (ahead < length + 8) & (np.abs(aside) < 9), u


def add_limb(pafs, start, end, parts, strength):
    """Lay one more limb's field over the others."""
    band, direction = along(np.array(start), np.array(end))
    channels = COCO_18.paf_channels[COCO_18.limbs.index(tuple(PARTS[part] for part in parts))]
    for channel, value in zip(channels, direction, strict=True):
        pafs[band, channel] = strength * value


def maps(*figures, peak=HEIGHT, field=1.0, rows=ROWS, columns=COLUMNS):
    """Heat maps and fields of people; each is (18, 2) places in pixels, NaN for a missing part.

    As in training: Gaussians, and unit vectors in a band along each limb, averaged where they meet.
    """
    y, x = np.mgrid[:rows, :columns] * 8 + 3.5
    heat = np.zeros((rows, columns, 19), np.float32)
    pafs = np.zeros((rows, columns, 38), np.float32)
    hits = np.zeros((rows, columns, 19))
    for figure in figures:
        for part, (px, py) in enumerate(figure):
            if not np.isnan(px):
                blob = peak * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 9**2))
                heat[..., part] = np.maximum(heat[..., part], blob)
        for limb, (a, b) in enumerate(COCO_18.limbs):
            if not np.isnan(figure[a] + figure[b]).any():
                band, direction = along(figure[a], figure[b], rows, columns)
                for channel, value in zip(COCO_18.paf_channels[limb], direction, strict=True):
                    pafs[band, channel] += field * value
                hits[..., limb] += band
    for limb, (cx, cy) in enumerate(COCO_18.paf_channels):
        pafs[..., [cx, cy]] /= np.maximum(hits[..., limb, None], 1)
    return heat, pafs


def moved(figure, x, y):
    return figure + np.array((x, y))


def decode(*figures, number_people_max=-1, **kwargs):
    return poses.decode(*maps(*figures, **kwargs), COCO_18, number_people_max=number_people_max)


def without(figure, *names):
    figure = figure.copy()
    figure[[PARTS[name] for name in names]] = np.nan
    return figure


def match(people, figures, tolerance=1.1):
    """Everybody is found, every part of them is where it was put, nothing else is there."""
    assert len(people) == len(figures)
    for figure in figures:
        # OpenPose counts from the corner of a pixel: half a pixel more than its centre's number.
        errors = np.abs(people.keypoints[..., :2] - (figure + 0.5)).max(axis=2)
        person = int(np.nanmean(errors, axis=1).argmin())
        seen = ~np.isnan(figure[:, 0])
        assert (errors[person][seen] < tolerance).all(), errors[person]
        assert (people.keypoints[person][~seen] == 0).all()


def test_one_person():
    figure = moved(FIGURE, 250, 120)
    people = decode(figure)
    match(people, [figure])
    # Bicubic enlarging lets the tops of the Gaussians in the coarse maps sink a little at most.
    assert (np.abs(people.keypoints[0, :, 2] - HEIGHT) < 0.15).all()
    assert people.keypoints.dtype == people.scores.dtype == np.float32
    # The score: 18 confidences and 19 limbs of about 1, over 37.
    parts = people.keypoints[0, :, 2].sum()
    assert (parts + 19 * 0.9) / 37 < people.scores[0] < (parts + 19 * 1.2) / 37


def test_places_are_finer_than_the_maps():
    offsets = np.arange(0, 8, 0.5)  # none of them a tie
    found = [
        decode(moved(FIGURE, 200 + offset, 130)).keypoints[0, :, 0].mean() for offset in offsets
    ]
    errors = np.array(found) - (FIGURE[:, 0].mean() + 200 + offsets + 0.5)
    assert np.abs(errors).max() < 0.3


def test_six_people():
    figures = [
        FIGURE * size + place
        for size, place in [
            (1.0, (60, 50)),
            (0.9, (160, 60)),
            (1.1, (270, 45)),
            (0.8, (390, 40)),
            (1.0, (120, 210)),
            (1.0, (330, 205)),
        ]
    ]
    match(decode(*figures), figures)


def test_arms_crossing_between_two_people():
    left, right = moved(FIGURE, 190, 100), moved(FIGURE, 270, 100)
    # Each one's inner forearm reaches over the other's: the candidates are nearer to the
    # wrong elbow, only the fields tell them apart.
    left[PARTS["LElbow"]], left[PARTS["LWrist"]] = (212, 130), (262, 150)
    right[PARTS["RElbow"]], right[PARTS["RWrist"]] = (248, 130), (198, 150)
    # Give both the same part's names, else the two never compete.
    right[[PARTS["RElbow"], PARTS["LElbow"]]] = right[[PARTS["LElbow"], PARTS["RElbow"]]]
    right[[PARTS["RWrist"], PARTS["LWrist"]]] = right[[PARTS["LWrist"], PARTS["RWrist"]]]
    right[[PARTS["RShoulder"], PARTS["LShoulder"]]] = right[
        [PARTS["LShoulder"], PARTS["RShoulder"]]
    ]
    match(decode(left, right), [left, right])


def test_missing_parts_are_zero():
    figure = moved(without(FIGURE, "RKnee", "RAnkle", "LKnee", "LAnkle", "REar"), 250, 120)
    match(decode(figure), [figure])


def test_a_part_without_a_field_to_it_is_left_out():
    figure = moved(FIGURE, 250, 120)
    heat, pafs = maps(figure)
    limb = COCO_18.limbs.index((PARTS["RElbow"], PARTS["RWrist"]))
    pafs[..., COCO_18.paf_channels[limb]] *= 0.04
    match(poses.decode(heat, pafs, COCO_18), [without(figure, "RWrist")])


@pytest.mark.parametrize(("length", "points", "kept"), [(70, 19, False), (160, 25, True)])
def test_a_limb_may_miss_one_point_only_if_it_has_many(length, points, kept):
    figure = moved(FIGURE, 250, 60)
    elbow, wrist = PARTS["RElbow"], PARTS["RWrist"]
    figure[elbow], figure[wrist] = (60.3, 100.2), (60.3, 100.2 + length)
    figure[PARTS["RShoulder"]] = (100.3, 70.2)
    heat, pafs = maps(figure)
    channels = COCO_18.paf_channels[COCO_18.limbs.index((elbow, wrist))]
    # In one row of cells the field runs the other way: a gap as wide as one step of the long limb.
    pafs[int(100 + length / 2) // 8, :, channels[1]] *= -0.6
    at = 100.7 + length * np.arange(points) / points
    field = full_decode.enlarge(pafs[..., channels], GPU)[1][(at + 0.5).astype(int), 60]
    assert (field <= 0.05).sum() in ([1] if kept else [1, 2]), "the test's own map is wrong"
    people = poses.decode(heat, pafs, COCO_18)
    assert (people.keypoints[0, wrist, 2] > 0) == kept


def test_of_two_limbs_to_one_part_the_more_trusted_is_taken():
    figure, other_wrist = moved(FIGURE, 250, 120), np.array((160.3, 150.2))
    heat, pafs = maps(figure)
    only_wrist = np.full((18, 2), np.nan)
    only_wrist[PARTS["RWrist"]] = other_wrist
    heat = np.maximum(heat, maps(only_wrist)[0])
    add_limb(pafs, figure[PARTS["RElbow"]], other_wrist, ("RElbow", "RWrist"), 0.5)
    add_limb(pafs, *figure[[PARTS["RElbow"], PARTS["RWrist"]]], ("RElbow", "RWrist"), 1)
    match(poses.decode(heat, pafs, COCO_18), [figure])
    # The other way round, the other wrist is the right one.
    add_limb(pafs, *figure[[PARTS["RElbow"], PARTS["RWrist"]]], ("RElbow", "RWrist"), 0.5)
    add_limb(pafs, figure[PARTS["RElbow"]], other_wrist, ("RElbow", "RWrist"), 1)
    figure[PARTS["RWrist"]] = other_wrist
    match(poses.decode(heat, pafs, COCO_18), [figure])


def test_a_false_limb_between_two_whole_people_does_not_merge_them():
    left, right = moved(FIGURE, 150, 120), moved(FIGURE, 330, 120)
    heat, pafs = maps(left, right)
    ends = [PARTS["Neck"], PARTS["RHip"]]
    add_limb(pafs, left[ends[0]], right[ends[1]], ("Neck", "RHip"), 0.5)
    for figure in (left, right):
        add_limb(pafs, *figure[ends], ("Neck", "RHip"), 1)
    match(poses.decode(heat, pafs, COCO_18), [left, right])


def test_two_halves_of_a_person_are_joined_by_a_late_limb():
    figure = moved(FIGURE, 250, 120)
    heat, pafs = maps(figure)
    # Neck to hips is the weakest: by then both legs and the rest are groups of their own.
    for hip in ("RHip", "LHip"):
        add_limb(pafs, *figure[[PARTS["Neck"], PARTS[hip]]], ("Neck", hip), 0.4)
    match(poses.decode(heat, pafs, COCO_18), [figure])


def test_parts_closer_than_a_field_can_show_are_joined():
    figure = moved(FIGURE, 250, 120)
    eye = figure[PARTS["REye"]] = figure[PARTS["Nose"]] + (-2, 0)
    heat, pafs = maps(figure)
    for name in (("Nose", "REye"), ("REye", "REar")):
        limb = COCO_18.limbs.index(tuple(PARTS[part] for part in name))
        pafs[..., COCO_18.paf_channels[limb]] = 0
    people = poses.decode(heat, pafs, COCO_18)
    assert np.abs(people.keypoints[0, PARTS["REye"], :2] - eye - 0.5).max() < 1


def test_two_parts_are_nobody():
    keep = {PARTS["Neck"], PARTS["RShoulder"]}
    pair = without(FIGURE, *(name for name, part in PARTS.items() if part not in keep))
    assert len(decode(moved(pair, 250, 120))) == 0
    trio = pair.copy()
    trio[PARTS["RElbow"]] = FIGURE[PARTS["RElbow"]]
    assert len(decode(moved(trio, 250, 120))) == 1


def test_somebody_too_faint_is_nobody():
    assert len(decode(moved(FIGURE, 250, 120), peak=0.15, field=0.15)) == 0
    assert len(decode(moved(FIGURE, 250, 120), peak=0.35, field=0.35)) == 1


def test_nothing_in_nothing():
    people = decode()
    assert people.keypoints.shape == (0, 18, 3)
    assert people.scores.shape == (0,)


def test_the_best_people_come_first_and_stay():
    whole, half = moved(FIGURE, 120, 120), moved(without(FIGURE, "LKnee", "LAnkle"), 350, 120)
    everyone = decode(half, whole)
    assert list(everyone.scores) == sorted(everyone.scores, reverse=True)
    match(everyone, [half, whole])
    match(decode(half, whole, number_people_max=1), [whole])
    for no_limit in (0, -1, 2):
        assert len(decode(half, whole, number_people_max=no_limit)) == 2


def test_frame_pixels_and_padding():
    inside, in_padding = moved(FIGURE, 120, 120), moved(FIGURE, 400, 120)
    people = poses.decode(
        *maps(inside, in_padding), COCO_18, scale=2.0, frame_size=(640, 2 * ROWS * 8)
    )
    assert len(people) == 1
    assert np.abs(people.keypoints[0, :, :2] - (2 * inside + 0.5)).max() < 2


def test_a_peak_is_half_a_pixel_of_the_frame_from_its_pixels_centre():
    figure = moved(FIGURE, 250, 120)
    near, far = (poses.decode(*maps(figure), COCO_18, scale=scale) for scale in (1.0, 4.0))
    places = near.keypoints[..., :2] - 0.5
    assert far.keypoints[..., :2] == pytest.approx(4 * places + 0.5, abs=1e-2)


def test_the_most_prominent_people_are_kept():
    """OpenPose keeps those with the greatest score times root of their area."""
    small, large = 0.6 * FIGURE + (100, 120), 1.3 * moved(FIGURE, 220, 90)
    heat, pafs = maps(small, large, peak=0.8)
    large_heat, large_pafs = maps(large, peak=0.6, field=0.9)
    where = np.arange(COLUMNS) * 8 > 180
    heat[:, where], pafs[:, where] = large_heat[:, where], large_pafs[:, where]
    both = poses.decode(heat, pafs, COCO_18)
    assert np.ptp(both.keypoints[0, :, 1]) < np.ptp(both.keypoints[1, :, 1])
    one = poses.decode(heat, pafs, COCO_18, number_people_max=1)
    assert (one.keypoints == both.keypoints[1:]).all()
    assert (one.scores == both.scores[1:]).all()


BOTH = pytest.mark.parametrize("rules", [GPU, PROCESSOR], ids=lambda rules: rules.name)
EASY = poses.Thresholds(peak=0.15, field=0.05, share=0.7, parts=3, score=0.2)


def smooth_noise(seed, channels, rows=14, columns=19):
    noise = np.random.default_rng(seed).normal(size=(rows, columns, channels)).astype(np.float32)
    return 0.6 * cv2.GaussianBlur(noise, (5, 5), 0.8)


def check_peaks(heatmaps, rules, thresholds, **tolerance):
    """Return how many peaks there were to compare."""
    expected = full_decode.candidates(heatmaps, rules, thresholds)
    maps = Maps(np.ascontiguousarray(heatmaps.transpose(2, 0, 1)), rules)
    found = peaks.find(maps, thresholds.peak)
    for part, wanted in zip(found, expected, strict=True):
        assert part[:127, :3] == pytest.approx(np.reshape(wanted, (-1, 3)), **tolerance)
    return sum(map(len, expected))


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_peaks_are_those_of_whole_enlarged_maps(rules, seed):
    # Faint noise: many values about the threshold, which the choice of cells must not miss.
    assert check_peaks(smooth_noise(seed, 6), rules, poses.Thresholds(), abs=2e-4) > 30


@BOTH
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (2, 7)])
def test_peaks_of_tiny_maps(rules, size):
    noise = np.random.default_rng(1).random((*size, 60)).astype(np.float32)
    assert check_peaks(noise, rules, poses.Thresholds(), abs=1e-3) > 0


def test_the_edges_are_each_ones_own():
    """A bright cell in the corner: its top is in the second row for the one, none for the other."""
    heat = np.zeros((5, 6, 1), np.float32)
    heat[0, 0] = 1
    found = {
        rules.name: peaks.find(Maps(heat.transpose(2, 0, 1).copy(), rules), 0.05)[0]
        for rules in (GPU, PROCESSOR)
    }
    assert found["processor"][:, 3].tolist() == [48 + 1]
    assert len(found["gpu"]) == len(full_decode.candidates(heat, GPU, poses.Thresholds())[0])


def test_as_high_as_a_neighbour_is_a_peak_in_the_ring_alone():
    maps = Maps(np.full((1, 6, 6), 0.5, np.float32), PROCESSOR)
    at = np.arange(48)
    y, x = (axis.ravel() for axis in np.meshgrid(at, at, indexing="ij"))
    for alone, expected in ((False, 0), (True, 44 * 44)):
        counts = peaks._counts(maps, y, x, np.full(len(x), alone)).reshape(48, 48)
        ring = counts.copy()
        ring[2:-2, 2:-2] = False
        assert (counts.sum() - ring.sum(), ring[1].sum(), ring[0].sum()) == (expected, 48, 2)


@BOTH
@pytest.mark.parametrize("skeleton", [BODY_25, COCO_18, MPI], ids=lambda skeleton: skeleton.name)
@pytest.mark.parametrize("seed", range(3))
def test_people_in_noise_are_those_of_the_plain_way(rules, skeleton, seed):
    heat = np.maximum(smooth_noise(seed, len(skeleton.parts), rows=10, columns=13), 0)
    heat[..., seed + 3] = 0  # a part of which there is none
    pafs = 2 * smooth_noise(seed + 10, 2 * len(skeleton.limbs), rows=10, columns=13)
    expected, scores = full_decode.decode(heat, pafs, skeleton, rules, EASY)
    people = poses.decode(heat, pafs, skeleton, rules=rules, thresholds=EASY)
    assert len(people) == len(expected) > 3
    assert people.scores == pytest.approx(scores, abs=1e-4)
    assert people.keypoints == pytest.approx(expected, abs=2e-3)


@BOTH
def test_people_in_the_street_are_those_of_the_plain_way(engine, street_frames, rules):
    output, _ = engine.infer(street_frames[9])
    heat, pafs = output[..., :18], output[..., 19:]
    expected, scores = full_decode.decode(heat, pafs, COCO_18, rules, poses.Thresholds())
    people = poses.decode(heat, pafs, COCO_18, rules=rules)
    assert len(people) == len(expected) > 2
    assert people.scores == pytest.approx(scores, abs=1e-4)
    assert people.keypoints == pytest.approx(expected, abs=2e-3)


def as_peaks(heat, rules=GPU):
    maps = Maps(np.ascontiguousarray(heat[..., :18].transpose(2, 0, 1)), rules)
    return peaks.find(maps, 0.05)


@BOTH
@pytest.mark.parametrize("columns", [3, 4])
def test_from_peaks_in_any_order(rules, columns):
    heat, pafs = maps(*(size * FIGURE + (x, 100) for size, x in ((0.9, 80), (1, 200), (1.1, 350))))
    fields = pafs.transpose(2, 0, 1)
    expected = poses.decode(heat, pafs, COCO_18, scale=1.5, rules=rules)
    rng = np.random.default_rng(0)
    shuffled = [rng.permutation(part[:, :columns]) for part in as_peaks(heat, rules)]
    people = poses.from_peaks(shuffled, fields, COCO_18, scale=1.5, rules=rules)
    assert (people.keypoints == expected.keypoints).all()
    assert (people.scores == expected.scores).all()
    # Fields that are enlarged already are read as they are.
    large = full_decode.enlarge(pafs, rules)
    people = poses.from_peaks(shuffled, large, COCO_18, stride=1, scale=1.5, rules=rules)
    assert people.keypoints == pytest.approx(expected.keypoints)
    assert people.scores == pytest.approx(expected.scores, abs=1e-4)


def test_split_sorts_rows_by_part():
    rows = np.array([(2, 5, 6, 0.5), (0, 1, 2, 0.3), (2, 7, 8, 0.4)], np.float32)
    first, second, third, fourth = poses.split(rows, 4)
    assert first.tolist() == np.float32([(1, 2, 0.3)]).tolist()
    assert third.tolist() == np.float32([(5, 6, 0.5), (7, 8, 0.4)]).tolist()
    assert second.shape == fourth.shape == (0, 3)
    heat, pafs = maps(moved(FIGURE, 250, 120))
    rows = np.concatenate(
        [np.insert(part, 0, number, axis=1) for number, part in enumerate(as_peaks(heat))]
    )
    people = poses.from_peaks(poses.split(rows[::-1], 18), pafs.transpose(2, 0, 1), COCO_18)
    match(people, [moved(FIGURE, 250, 120)])


@pytest.mark.parametrize(
    ("parts", "columns", "channels"), [(17, 3, 38), (18, 2, 38), (18, 5, 38), (18, 3, 36)]
)
def test_peaks_that_do_not_fit_are_refused(parts, columns, channels):
    candidates = [np.zeros((2, columns), np.float32)] * parts
    with pytest.raises(ValueError, match="COCO_18: expected"):
        poses.from_peaks(candidates, np.zeros((channels, 5, 6), np.float32), COCO_18)


def test_a_flood_of_peaks_is_bounded():
    """Of too many, the first are kept, line by line."""
    noise = np.random.default_rng(0).random((ROWS, COLUMNS, 57)).astype(np.float32)
    found = as_peaks(noise)
    assert min(len(part) for part in found) > 127
    strict = {"scale": 1.0, "thresholds": poses.Thresholds(field=0.5)}
    fields = noise[..., 19:].transpose(2, 0, 1)
    whole = poses.from_peaks(found, fields, COCO_18, **strict)
    cut = poses.from_peaks([part[:127] for part in found], fields, COCO_18, **strict)
    assert len(whole) == len(cut) > 0
    assert (whole.keypoints == cut.keypoints).all()


@pytest.mark.parametrize(
    ("model", "maximize", "expected"),
    [
        ("COCO", False, (0.05, 0.05, 0.95, 3, 0.4, False)),
        ("BODY_25", True, (0.02, 0.01, 0.75, 2, 0.05, True)),
        ("MPI", False, (0.6, 0.01, 0.95, 3, 0.4, False)),
        ("MPI", True, (0.6, 0.01, 0.75, 2, 0.05, True)),
        ("MPI_4_layers", False, (0.3, 0.01, 0.95, 3, 0.4, False)),
    ],
)
def test_thresholds(model, maximize, expected):
    """As OpenPose's getPoseDefault... functions say."""
    thresholds = poses.thresholds_of(model, maximize_positives=maximize)
    assert dataclasses.astuple(thresholds) == expected


def test_maximize_positives_finds_more():
    faint = {"peak": 0.15, "field": 0.15}
    figure = moved(FIGURE, 250, 120)
    assert len(decode(figure, **faint)) == 0
    people = poses.decode(
        *maps(figure, **faint),
        COCO_18,
        thresholds=poses.thresholds_of("COCO", maximize_positives=True),
    )
    match(people, [figure])


def test_decoding_leaves_the_other_processors_alone():
    """No thread may go on spinning after decoding, as those of NumPy's BLAS do."""
    heat, pafs = maps(*(moved(FIGURE, x, 120) for x in (80, 200, 320, 420)))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        poses.decode(heat, pafs, COCO_18)
        everywhere, here = time.process_time(), time.thread_time()
        for _ in range(10):
            poses.decode(heat, pafs, COCO_18)
            time.sleep(0.02)
        everywhere, here = time.process_time() - everywhere, time.thread_time() - here
    finally:
        cv2.setNumThreads(threads)
    assert everywhere - here < 0.5 * here + 0.01


@pytest.mark.parametrize(
    ("heat", "field"),
    [((5, 6, 17), (5, 6, 38)), ((5, 6, 19), (5, 6, 36)), ((5, 6, 19), (6, 5, 38)), ((5, 6), (5,))],
)
def test_maps_that_do_not_fit_are_refused(heat, field):
    with pytest.raises(ValueError, match="COCO_18: expected"):
        poses.decode(np.zeros(heat, np.float32), np.zeros(field, np.float32), COCO_18)


def test_json():
    keypoints = np.zeros((2, 18, 3), np.float32)
    keypoints[1, 4] = 12.34567, 99.5, 0.87654321
    written = poses.to_json(poses.People(keypoints, np.ones(2, np.float32)))
    assert "\n" not in written
    read = json.loads(written)
    assert read["version"] == 1.3
    assert [list(person) for person in read["people"]] == [["person_id", "pose_keypoints_2d"]] * 2
    assert read["people"][0] == {"person_id": [-1], "pose_keypoints_2d": [0] * 54}
    assert read["people"][1]["pose_keypoints_2d"][12:15] == [12.3457, 99.5, 0.8765]


def test_json_of_faces_hands_and_people_who_are_followed():
    faces = np.full((1, 70, 3), 0.5, np.float32)
    hands = np.stack([np.full((1, 21, 3), side, np.float32) for side in (1, 2)], axis=1)
    body = np.zeros((1, 25, 3), np.float32)
    people = poses.People(body, np.ones(1, np.float32), faces, hands, np.array([7]))
    (person,) = json.loads(poses.to_json(people))["people"]

    assert person == {
        "person_id": [7],
        "pose_keypoints_2d": [0] * 75,
        "face_keypoints_2d": [0.5] * 210,
        "hand_left_keypoints_2d": [1] * 63,
        "hand_right_keypoints_2d": [2] * 63,
    }


def test_json_of_nobody():
    assert json.loads(poses.to_json(poses.People.none(18))) == {"version": 1.3, "people": []}
