"""A frame as the networks want it: how large, and its pixels, by OpenPose's own rules.

OpenPose scales with OpenCV's warpAffine, whose fourth version computes with places of 1/32 of a
pixel; the fifth does otherwise. The places are made here, so that each version gives the same.
"""

from functools import lru_cache

import cv2
import numpy as np

STEP = 16  # sizes of the networks' input are multiples of it
ASPECT_MAX = 16 / 9  # a side of -1 is at most so many times the other, or its inverse
_SUBPIXELS = 32  # cv::INTER_TAB_SIZE
_FRACTION = 1024  # cv::AB_SCALE: what warpAffine's fixed-point numbers count in
_SIDE_MAX = 32766  # of a picture that OpenCV's remap takes

Places = tuple[np.ndarray, np.ndarray]


def net_size(frame_size: tuple[int, int], net_resolution: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the network's input for a frame of (width, height).

    A side of -1 follows the other one by the frame's aspect, but no further than 16:9 (OpenPose's
    flag net_resolution_dynamic of 1), to the nearest multiple of 16.
    """
    width, height = net_resolution
    if width == -1:
        width = _steps(height * min(ASPECT_MAX, frame_size[0] / frame_size[1]))
    elif height == -1:
        height = _steps(width * min(1 / ASPECT_MAX, frame_size[1] / frame_size[0]))
    return width, height


def _steps(side: float) -> int:
    return max(STEP, int(side / STEP + 0.5) * STEP)


def scale_sizes(
    size: tuple[int, int], scale_number: int, scale_gap: float
) -> list[tuple[int, int]]:
    """(width, height) of each scale, from `size` on; multiples of 16 for each side.

    Raises:
        ValueError: the last scale would be nothing.
    """
    scales = [1 - number * scale_gap for number in range(scale_number)]
    if not all(0 < scale <= 1 for scale in scales):
        raise ValueError(
            f"{scale_number} scales with a gap of {scale_gap} come to nothing: use fewer, or less"
        )
    width, height = size
    return [
        tuple(max(STEP, int(side * scale + 0.5) // STEP * STEP) for side in (width, height))
        for scale in scales
    ]


def scaled_by(frame_size: tuple[int, int], size: tuple[int, int]) -> float:
    """Pixels of the network's input per pixel of the frame; both sizes are (width, height).

    From the centres of the first pixels to those of the last ones.
    """
    ratios = [(to - 1) / (side - 1) for side, to in zip(frame_size, size, strict=True) if side > 1]
    return min(ratios, default=1.0)


def back_by(frame_size: tuple[int, int], scale: float) -> float:
    """Pixels of the frame per pixel of the network's input, where the frame was scaled by `scale`.

    Not quite 1 / scale: OpenPose measures what became of the frame in whole pixels. A peak's place
    in the frame is its place times this, and half a pixel.
    """
    inside = tuple(max(1, int(side * scale + 0.5)) for side in frame_size)
    return scaled_by(inside, frame_size)


def fit(frame: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Scale a frame to a picture for the network.

    Args:
        frame: uint8 (height, width, 3).
        size: (width, height) of the picture.

    Returns the picture, uint8 (height, width, 3), with the frame in its upper left corner and
    black elsewhere; and the pixels of the picture per pixel of the frame.
    """
    height, width = frame.shape[:2]
    scale = scaled_by((width, height), size)
    if scale == 1 and size == (width, height):
        return frame.copy(), scale
    inverse = scale * (1 / (scale * scale))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    return warp(frame, _kept_places((inverse, inverse), (0.0, 0.0), size), method), scale


def warp(frame: np.ndarray, places: Places, method: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Take the pixels of a picture from these places of a frame; what is outside of it is black."""
    return cv2.remap(frame, *places, method, borderMode=cv2.BORDER_CONSTANT)


def places(scale: tuple[float, float], shift: tuple[float, float], size: tuple[int, int]) -> Places:
    """Where each pixel of a picture of (width, height) is in the frame, as cv2.remap wants it.

    Pixel i of a row or column is at i * scale + shift, both of (x, y). Returns whole pixels, int16
    (height, width, 2), and the numbers of their 32 x 32 parts, uint16 (height, width).
    """
    columns, rows = map(np.arange, size)
    # Along a row, warpAffine rounds the row's beginning and the way from there each by itself.
    fine = (
        np.rint(columns * scale[0] * _FRACTION) + np.rint(shift[0] * _FRACTION),
        np.rint((rows * scale[1] + shift[1]) * _FRACTION),
    )
    steps = _FRACTION // _SUBPIXELS
    x, y = np.meshgrid(*((at.astype(np.int64) + steps // 2) // steps for at in fine))
    whole = np.stack([x, y], axis=-1) // _SUBPIXELS
    fractions = y % _SUBPIXELS * _SUBPIXELS + x % _SUBPIXELS
    return whole.clip(-_SIDE_MAX, _SIDE_MAX).astype(np.int16), fractions.astype(np.uint16)


_kept_places = lru_cache(maxsize=32)(places)  # cameras keep their sizes
