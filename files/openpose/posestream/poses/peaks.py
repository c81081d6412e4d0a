"""The candidates for each part: the peaks of its heat map."""

import numpy as np

from .enlarging import Maps
from .rules import REFINE_RADIUS, STRIDE

_TILES = 1024  # enlarged at once: their pixels stay in the processor's cache
_NEIGHBOURS = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]


def find(heatmaps: Maps, peak_min: float) -> list[np.ndarray]:
    """Find the maxima above `peak_min` of each map, in row-major order as OpenPose does.

    Returns an array float32 (candidates, 4) for each part: x and y in pixels of the network's
    input, from the centre of its first pixel; score; the number of the peak's pixel,
    row * width + column.
    """
    part, y, x, score = _maxima(heatmaps, peak_min)
    pixel = y * heatmaps.size[1] + x

    # The exact place: the mean of the pixels around, weighted by their score where it is positive.
    size = 2 * REFINE_RADIUS + 1
    weights = heatmaps.patches(part, x - REFINE_RADIUS, y - REFINE_RADIUS, size)
    weights = np.maximum(weights, 0, out=weights)
    around = np.arange(-REFINE_RADIUS, REFINE_RADIUS + 1, dtype=np.float32)
    total = weights.sum(axis=(0, 1))
    x = x + np.einsum("yxp,x->p", weights, around) / total
    y = y + np.einsum("yxp,y->p", weights, around) / total
    found = np.stack((x, y, score, pixel), axis=1, dtype=np.float32, casting="same_kind")
    order = np.lexsort((pixel, part))
    ends = np.searchsorted(part[order], np.arange(1, len(heatmaps.cells)))
    return np.split(found[order], ends)


def _maxima(heatmaps: Maps, peak_min: float) -> tuple[np.ndarray, ...]:
    """Find the pixels that are peaks. Returns four arrays: map, y, x, value."""
    tiles = _may_peak(heatmaps, peak_min)
    # flatnonzero and unravel_index are many times faster here than nonzero.
    index = np.unravel_index(np.flatnonzero(tiles), tiles.shape)
    # Away from the edges all tiles have the same weights.
    _, rows, columns = heatmaps.cells.shape
    _, row, column = index
    inside = (row > 1) & (row < rows) & (column > 1) & (column < columns)
    found = [
        _maxima_of(heatmaps, *(at[where[first : first + _TILES]] for at in index), peak_min)
        for where in (np.flatnonzero(inside), np.flatnonzero(~inside))
        for first in range(0, max(len(where), 1), _TILES)
    ]
    return tuple(np.concatenate(values) for values in zip(*found, strict=True))


def _maxima_of(
    heatmaps: Maps, part: np.ndarray, row: np.ndarray, column: np.ndarray, peak_min: float
) -> tuple[np.ndarray, ...]:
    """Find the pixels of these tiles that are peaks."""
    top, left = row * STRIDE - STRIDE // 2, column * STRIDE - STRIDE // 2
    pixels = heatmaps.patches(part, left - 1, top - 1, STRIDE + 2)
    inner = pixels[1:-1, 1:-1]
    highest = np.maximum(np.maximum(pixels[:-2], pixels[1:-1]), pixels[2:])
    highest = np.maximum(np.maximum(highest[:, :-2], highest[:, 1:-1]), highest[:, 2:])
    is_peak = (inner >= highest) & (inner > peak_min)
    y, x, tile = np.unravel_index(np.flatnonzero(is_peak), is_peak.shape)
    value = inner[y, x, tile]
    alone = np.all([value > pixels[y + dy, x + dx, tile] for dy, dx in _NEIGHBOURS], axis=0)
    part, y, x = part[tile], top[tile] + y, left[tile] + x
    counts = np.flatnonzero(_counts(heatmaps, y, x, alone))
    return part[counts], y[counts], x[counts], value[counts]


def _counts(heatmaps: Maps, y: np.ndarray, x: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """Tell which maxima count, by their pixels and whether no neighbour is as high."""
    # Pixels to the nearest row and column at an edge.
    down, along = (
        np.minimum(at, side - 1 - at) for at, side in zip((y, x), heatmaps.size, strict=True)
    )
    if heatmaps.rules.edge_peaks == "none":
        return alone & (down > 0) & (along > 0)
    return (down == 1) | (along == 1) | (alone & (down > 1) & (along > 1))


def _may_peak(heatmaps: Maps, peak_min: float) -> np.ndarray:
    """Tell which tiles can have a pixel above `peak_min`: bool (maps, rows + 1, columns + 1).

    The STRIDE pixels between the centres of two neighbouring cells depend on the same four cells of
    a line, and the square between four centres, a tile, on the same 4 x 4 cells. Tile (r, c) ends
    at the centre of cell (r, c): there is one row and one column of tiles more than of cells, and
    the outermost tiles lie half outside of the picture.

    Bicubic weights are negative too, so a pixel can rise above the cells that it is made of: it is
    at most their maximum times the sum of the positive weights, plus the depth of their minimum
    below zero times the sum of the negative ones.
    """
    (up, up_negative), (along, along_negative) = (heatmaps.overshoot(axis) for axis in (0, 1))
    rise, fall = (
        up * along + up_negative * along_negative,
        up * along_negative + up_negative * along,
    )
    high, low = (_greatest(np.maximum(cells, 0)) for cells in (heatmaps.cells, -heatmaps.cells))
    bound = rise * high + fall * low
    return bound > peak_min


def _greatest(maps: np.ndarray) -> np.ndarray:
    """Return the greatest of each tile's cells: (maps, rows + 1, columns + 1)."""
    maps = np.pad(maps, ((0, 0), (2, 2), (2, 2)), mode="edge")
    for axis in (1, 2):
        for step in (1, 2):
            ahead, behind = [slice(None)] * 3, [slice(None)] * 3
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            maps = np.maximum(maps[tuple(ahead)], maps[tuple(behind)])
    # The first tiles, where they carry on the cubic of the second ones, depend on their cells too.
    maps[:, 0] = np.maximum(maps[:, 0], maps[:, 1])
    maps[:, :, 0] = np.maximum(maps[:, :, 0], maps[:, :, 1])
    return maps
