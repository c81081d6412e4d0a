"""Pictures of the street video."""

import contextlib
import functools
import sys
from pathlib import Path

import cv2
import fetch_assets
from posestream import frames

ASSETS = Path(__file__).parents[2] / ".cache" / "assets"
QUALITY = 85  # of the JPEGs
COUNT = 40


def pictures(size: tuple[int, int] | None = None) -> list[bytes]:
    """Return JPEGs from the whole length of the video.

    Args:
        size: (width, height) in pixels; None for the video's own.
    """
    video = cv2.VideoCapture(str(asset("vtest.avi")))
    step = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) // COUNT
    encoded = []
    while len(encoded) < COUNT and (read := video.read())[0]:
        frame = read[1] if size is None else cv2.resize(read[1], size)
        encoded.append(frames.encode_jpeg(frame, QUALITY))
        for _ in range(step - 1):
            video.grab()
    return encoded


@functools.cache
def asset(name: str) -> Path:
    """Return a file of `fetch_assets.ASSETS`, fetched where it is not there yet."""
    with contextlib.redirect_stdout(sys.stderr):
        return fetch_assets.provide(name, ASSETS)
