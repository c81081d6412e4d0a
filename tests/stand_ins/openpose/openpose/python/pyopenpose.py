"""Stands in for OpenPose's Python module: the same calls and flags, people at made-up places.

`gpus` is the number of GPUs that it pretends to see, `dies` the reason for which its threads die.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

gpus = int(os.environ.get("STAND_IN_GPUS", "1"))
dies = ""

# The flags of include/openpose/flags.hpp that the engine uses or may use, and their types there.
FLAGS = {
    "model_folder": str,
    "model_pose": str,
    "net_resolution": str,
    "scale_number": int,
    "scale_gap": float,
    "number_people_max": int,
    "face": bool,
    "face_net_resolution": str,
    "hand": bool,
    "hand_net_resolution": str,
    "tracking": int,
    "maximize_positives": bool,
    "render_pose": int,
    "num_gpu": int,
    "num_gpu_start": int,
    "logging_level": int,
    "output_resolution": str,
    "keypoint_scale": int,
}
MODELS = {
    "BODY_25": (25, "pose/body_25/pose_deploy", "pose/body_25/pose_iter_584000"),
    "COCO": (18, "pose/coco/pose_deploy_linevec", "pose/coco/pose_iter_440000"),
    "MPI": (15, "pose/mpi/pose_deploy_linevec", "pose/mpi/pose_iter_160000"),
    "MPI_4_layers": (
        15,
        "pose/mpi/pose_deploy_linevec_faster_4_stages",
        "pose/mpi/pose_iter_160000",
    ),
}
SCORES = (0.25, 0.75, 0.5)  # of the people that it finds, in OpenPose's order: none


def error(text):
    """OpenPose's way to say it."""
    return RuntimeError(f"\nError:\n{text}\n\nComing from:\n- a stand-in\n")


def get_gpu_number():
    if gpus < 0:
        raise error("Cuda check failed (35 vs. 0): CUDA driver version is insufficient")
    return gpus


class Datum:
    def __init__(self):
        self.cvInputData = self.poseKeypoints = self.poseScores = self.poseIds = None
        self.faceKeypoints = None
        self.handKeypoints = [None, None]


class VectorDatum(list):
    pass


class WrapperPython:
    def __init__(self):
        self.flags, self.started = {}, False

    def configure(self, flags):
        for name, value in flags.items():
            if type(value) is not FLAGS.get(name):
                raise error(f"no flag {name} of {type(value).__name__}")
        print("stand-in configured:", json.dumps(flags), file=sys.stderr, flush=True)
        self.flags = flags

    def start(self):
        folder = self.flags["model_folder"]
        _, description, weights = MODELS[self.flags["model_pose"]]
        files = [f"{description}.prototxt", f"{weights}.caffemodel"]
        for part, trained in (("face", "pose_iter_116000"), ("hand", "pose_iter_102000")):
            if self.flags[part]:
                files += [f"{part}/pose_deploy.prototxt", f"{part}/{trained}.caffemodel"]
        for name in files:
            Path(folder + name).read_bytes()  # OpenPose joins them without a slash
        if self.flags["tracking"] > -1 and self.flags["number_people_max"] != 1:
            raise error("Person tracking needs number_people_max 1.")
        self.started = True

    def emplaceAndPop(self, datums):  # noqa: N802 (OpenPose's name)
        if dies:
            raise error(dies)
        if not self.started or not isinstance(datums, VectorDatum):
            return False
        for datum in datums:
            self._find(datum)
        return True

    def _find(self, datum):
        pixels = datum.cvInputData
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or not pixels.flags.c_contiguous:
            raise error("Input must be a continuous 3-channel image of bytes.")
        if not pixels.any():
            return  # nobody in the dark: OpenPose leaves all as it was
        parts = MODELS[self.flags["model_pose"]][0]
        people = np.arange(len(SCORES), dtype=np.float32)
        most = self.flags["number_people_max"]
        if most > 0:  # as OpenPose: who stays keeps the order, and nobody's score is taken out
            people = people[np.sort(np.argsort(-np.array(SCORES))[:most])]
        datum.poseScores = np.array(SCORES, np.float32)
        datum.poseKeypoints = self._points(people, parts)
        if self.flags["face"]:
            datum.faceKeypoints = self._points(people + 100, 70)
        if self.flags["hand"]:
            datum.handKeypoints = [self._points(people + left, 21) for left in (200, 300)]
        datum.poseIds = np.full(len(people), -1, np.int64)
        if self.flags["tracking"] > -1:
            datum.poseIds = people.astype(np.int64) + 40

    def _points(self, people, count):
        """Place them on a slope that begins at x = person; confident as somebody in full view."""
        points = np.full((len(people), count, 3), 0.9, np.float32)
        points[..., 0] = people[:, None] + np.arange(count)
        points[..., 1] = np.arange(count)
        return points
