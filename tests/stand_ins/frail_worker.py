#!/usr/bin/env python3
"""Be `posestream worker`, with a stand-in for an engine that finds nobody and dies of white frames.

FRAIL says how: segfault, killed, hangs, or holds-the-interpreter. All else is said by the
environment, as ever.
"""

import ctypes
import os
import re
import signal
import sys
import time

import numpy as np
from posestream.__main__ import main
from posestream.poses import People
from posestream.skeletons import COCO_18

WAYS = {
    "segfault": lambda: ctypes.string_at(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": lambda: time.sleep(1000),
    "holds-the-interpreter": lambda: re.match(r"(a+)+$", "a" * 60 + "b"),
}


class Frail:
    """Finds nobody on a frame that is not white."""

    skeleton = COCO_18
    batch = 1

    def detect(self, frames: list[np.ndarray]) -> list[People]:
        """Return nobody."""
        if any(frame.min() > 250 for frame in frames):
            WAYS[os.environ["FRAIL"]]()
        return [People.none(len(COCO_18.parts)) for _ in frames]


def create(_options: object) -> Frail:
    """Make the engine, in the place of `posestream.engines.openvino`."""
    return Frail()


sys.modules["posestream.engines.openvino"] = sys.modules[__name__]
sys.exit(main(["worker"]))
