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
            affinity channel of the network's output.
        drawn: the limbs that are drawn; the others only help to find people.
        colours: (blue, green, red), each 0..255, for every part.
    """

    name: str
    parts: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    paf_channels: tuple[tuple[int, int], ...]
    drawn: tuple[tuple[int, int], ...]
    colours: tuple[tuple[int, int, int], ...]


def _colours(hues: tuple[int, ...]) -> tuple[tuple[int, int, int], ...]:
    """Full colours (blue, green, red) from hues in degrees."""
    rgb = (hsv_to_rgb(hue / 360, 1, 1) for hue in hues)
    return tuple((round(255 * b), round(255 * g), round(255 * r)) for r, g, b in rgb)


# fmt: off
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
