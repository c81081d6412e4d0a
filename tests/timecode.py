"""Pictures that say when they were made: a row of bars, black and white, read back off a screen."""

from __future__ import annotations

import cv2
import numpy as np

BITS = 32  # of a number of milliseconds
MARK = (1, 0)  # bars before the number, by which it is known to be one


def bars(milliseconds: int, size: tuple[int, int] = (768, 576)) -> np.ndarray:
    """Return a grey picture (width, height), uint8 BGR, with bars across its upper quarter."""
    width, height = size
    picture = np.full((height, width, 3), 110, np.uint8)
    edges = np.linspace(0, width, len(MARK) + BITS + 1).round().astype(int)
    bits = (*MARK, *(milliseconds >> bit & 1 for bit in reversed(range(BITS))))
    for left, right, bit in zip(edges, edges[1:], bits, strict=False):
        picture[: height // 4, left:right] = 235 if bit else 20
    return picture


def jpeg(milliseconds: int, size: tuple[int, int] = (768, 576)) -> bytes:
    """Return the picture of `bars` as a JPEG."""
    return cv2.imencode(".jpg", bars(milliseconds, size))[1].tobytes()


def read(picture: np.ndarray) -> int | None:
    """Return the milliseconds that the bars of a picture say; None where there are none."""
    if picture.shape[0] < 8 or picture.shape[1] < 2 * (len(MARK) + BITS):
        return None
    row = picture[picture.shape[0] // 8].mean(axis=1)
    edges = np.linspace(0, len(row), len(MARK) + BITS + 1)
    middle = ((edges[:-1] + edges[1:]) / 2).astype(int)
    bits = tuple(int(row[place] > 128) for place in middle)
    if bits[: len(MARK)] != MARK:
        return None
    return int("".join(map(str, bits[len(MARK) :])), 2)
