#!/usr/bin/env python3
"""Prints docs/engines.md: what each engine can, from the table in posestream.flags."""

from __future__ import annotations

import sys
from pathlib import Path

import platforms

sys.path.insert(0, str(Path(__file__).parents[1] / "files" / "openpose"))
from posestream.flags import ABLE, FREE, TABLE

HEAD = """# Engines

What turns pixels into people. `openpose_engine` chooses, for a host, a group or all;
[openpose.md](openpose.md) says how. `make docs` writes this page from the table by which the
worker's settings and preflight refuse what an engine has not.
"""
ABOUT = {
    "": ("the network", "runs on", "by", "precision", "frames at once", "licence of the network"),
    FREE: ("the free one: COCO's parts", "processor", "OpenVINO", "single", "1", "Apache-2.0"),
    "openvino": ("OpenPose's", "processor", "OpenVINO", "single", "1", "OpenPose's"),
    "onnx": (
        "OpenPose's",
        "NVIDIA GPU",
        "ONNX Runtime, CUDA",
        "half, or single",
        "up to 8, of all cameras",
        "OpenPose's",
    ),
    "pyopenpose": (
        "OpenPose's",
        "NVIDIA GPU",
        "OpenPose itself, Caffe",
        "single",
        "1",
        "OpenPose's",
    ),
}
NOTES = """
Every engine takes JPEG and PNG of any size, and knows `openpose_net_resolution`,
`openpose_number_people_max`, `openpose_maximize_positives`, `openpose_track_people`, and all
that is about drawing. It gives keypoints in pixels of the frame, each with a score, and a score
for each person.

`openvino` runs a network of OpenPose's where `openpose_model_pose` names it and
`openpose_license_accepted` is true, and the free one otherwise. `openpose_rules` is about the
places where OpenPose's code for GPUs and that for processors differ: how maps are enlarged
(bicubic with a = -0.5, or -0.75), which pixels at the edge can be peaks, and in which order
limbs are joined. `gpu`, the default, is what OpenPose does for nearly everybody who uses it.
"""


def page() -> str:
    """Return the whole page."""
    engines = list(ABLE)
    head = ["", *(name if name == FREE else f"`{name}`" for name in engines)]
    about = [[what, *(ABOUT[name][row] for name in engines)] for row, what in enumerate(ABOUT[""])]
    variables = [name for name in TABLE if any(name in able for able in ABLE.values())]
    can = [
        [
            f"`openpose_{name.partition('_')[2].lower()}`: {TABLE[name].metadata['meaning']}",
            *("yes" if name in ABLE[engine] else "" for engine in engines),
        ]
        for name in variables
    ]
    return "\n".join([HEAD, platforms.table(head, *about, *can) + NOTES])


if __name__ == "__main__":
    print(page(), end="")
