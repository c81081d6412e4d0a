"""The body models: which parts a person has, how they are joined, and in which colours.

Part numbers, limb order, channel order and colours are OpenPose's own, so that its documentation,
its tools and files written by it fit. Source: OpenPose's pose parameters and rendering tables.
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """One body model.

    Attributes:
        name: OpenPose's name of the model.
        parts: names of the parts; a part's number is its place here.
        limbs: pairs of part numbers that the network joins, in the order of its affinity fields.
        paf_channels: for each limb, the channels of the field's x and y, counted from the first
            affinity channel of the network's output; none where there is no such field.
        drawn: the limbs that are drawn; the others only help to find people.
        colours: (blue, green, red), each 0..255, for every part.
    """

    name: str
    parts: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    paf_channels: tuple[tuple[int, int], ...]
    drawn: tuple[tuple[int, int], ...]
    colours: tuple[tuple[int, int, int], ...]


def _colours(hues: tuple[float, ...]) -> tuple[tuple[int, int, int], ...]:
    """Full colours (blue, green, red) from hues in degrees."""
    rgb = (hsv_to_rgb(hue / 360, 1, 1) for hue in hues)
    return tuple((round(255 * b), round(255 * g), round(255 * r)) for r, g, b in rgb)


# fmt: off
_BODY_25_PARTS = (
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "MidHip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle",
    "REye", "LEye", "REar", "LEar",
    "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel",
)
_BODY_25_LIMBS = (
    (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7),         # trunk, shoulders and arms
    (8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14),         # hips and legs
    (1, 0), (0, 15), (15, 17), (0, 16), (16, 18),                   # head
    (2, 17), (5, 18),                                               # shoulder to ear
    (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),     # feet
)
_BODY_25_PAF_CHANNELS = (
    (0, 1), (14, 15), (22, 23), (16, 17), (18, 19), (24, 25), (26, 27),
    (6, 7), (2, 3), (4, 5), (8, 9), (10, 11), (12, 13),
    (30, 31), (32, 33), (36, 37), (34, 35), (38, 39),
    (20, 21), (28, 29),
    (40, 41), (42, 43), (44, 45), (46, 47), (48, 49), (50, 51),
)
_COCO_PARTS = (
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar",
)
_COCO_LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7),         # shoulders and arms
    (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),   # hips and legs
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),           # head
    (2, 16), (5, 17),                                       # shoulder to ear
)
_COCO_PAF_CHANNELS = (
    (12, 13), (20, 21), (14, 15), (16, 17), (22, 23), (24, 25),
    (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11),
    (28, 29), (30, 31), (34, 35), (32, 33), (36, 37),
    (18, 19), (26, 27),
)
_MPI_PARTS = (
    "Head", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "Chest",
)
_MPI_LIMBS = (
    (0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7),         # head, shoulders and arms
    (1, 14), (14, 8), (8, 9), (9, 10), (14, 11), (11, 12), (12, 13),  # trunk and legs
)
# fmt: on

COCO_18 = Skeleton(
    name="COCO_18",
    parts=_COCO_PARTS,
    limbs=_COCO_LIMBS,
    paf_channels=_COCO_PAF_CHANNELS,
    drawn=_COCO_LIMBS[:17],  # without shoulder to ear
    # From the neck round the wheel to the left ankle in steps of 20 degrees; the head has the rest.
    colours=_colours((340, *range(0, 260, 20), 320, 280, 300, 260)),
)

BODY_25 = Skeleton(
    name="BODY_25",
    parts=_BODY_25_PARTS,
    limbs=_BODY_25_LIMBS,
    paf_channels=_BODY_25_PAF_CHANNELS,
    drawn=_BODY_25_LIMBS[:18] + _BODY_25_LIMBS[20:],  # without shoulder to ear
    # The wheel as above, with a red middle of the hips; feet have the colour of their ankle.
    colours=_colours(
        (
            340,
            *range(0, 140, 20),
            0,
            *range(140, 260, 20),
            320,
            280,
            300,
            260,
            *[240] * 3,
            *[180] * 3,
        )
    ),
)

MPI = Skeleton(
    name="MPI",
    parts=_MPI_PARTS,
    limbs=_MPI_LIMBS,
    paf_channels=tuple((channel, channel + 1) for channel in range(0, 28, 2)),
    drawn=_MPI_LIMBS,
    colours=_colours((340, *range(0, 120, 20), 109.88, *range(120, 260, 20))),
)


def _chain(first: int, last: int, *, closed: bool = False) -> tuple[tuple[int, int], ...]:
    """Join points to a line, or to a ring."""
    pairs = tuple((point, point + 1) for point in range(first, last))
    return (*pairs, (last, first)) if closed else pairs


_FACE_LINES = (
    *_chain(0, 16),  # from ear to ear, over the chin
    *(_chain(17, 21) + _chain(22, 26)),  # eyebrows
    *(_chain(27, 30) + _chain(31, 35)),  # nose, from above and below
    *(_chain(36, 41, closed=True) + _chain(42, 47, closed=True)),  # eyes
    *(_chain(48, 59, closed=True) + _chain(60, 67, closed=True)),  # lips, outside and inside
)
FACE_70 = Skeleton(
    name="FACE_70",
    parts=tuple(f"Face{number}" for number in range(70)),  # the last two are the pupils
    limbs=_FACE_LINES,
    paf_channels=(),
    drawn=_FACE_LINES,
    colours=((255, 255, 255),) * 70,
)

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_HAND_LINES = tuple(
    pair for root in range(1, 21, 4) for pair in ((0, root), *_chain(root, root + 3))
)
# Each finger brightens from the palm to the tip.
_FULL, _HALF, _NONE = (100, 150, 200, 255), (50, 75, 100, 125), (0, 0, 0, 0)
_FINGER_COLOURS = (  # blue, green, red
    (_NONE, _NONE, _FULL),
    (_NONE, _FULL, _FULL),
    (_HALF, _FULL, _NONE),
    (_FULL, _HALF, _NONE),
    (_FULL, _NONE, _FULL),
)
HAND_21 = Skeleton(
    name="HAND_21",
    parts=("Wrist", *(f"{finger}{joint}" for finger in _FINGERS for joint in range(1, 5))),
    limbs=_HAND_LINES,
    paf_channels=(),
    drawn=_HAND_LINES,
    colours=(
        (100, 100, 100),
        *(colour for finger in _FINGER_COLOURS for colour in zip(*finger, strict=True)),
    ),
)

# By OpenPose's flag model_pose.
BY_MODEL = {"BODY_25": BODY_25, "COCO": COCO_18, "MPI": MPI, "MPI_4_layers": MPI}
