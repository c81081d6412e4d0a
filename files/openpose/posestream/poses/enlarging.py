"""Maps as if they were enlarged to the size of the network's input, only where that is wanted.

Half-pixel centres put pixel p at (p + 0.5) / stride - 0.5 cells. A pixel is the weighted sum of the
4 x 4 cells around it, by the same weights along rows and columns. Beyond its edges a map repeats
its outermost cells.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from .rules import STRIDE, Rules

_PAD = 3  # cells beyond the edges that a patch can reach
_MARGIN = STRIDE  # pixels likewise; they are 0


@dataclass(frozen=True)
class Maps:
    """Maps of one size.

    Attributes:
        cells: float32 (maps, rows, columns), contiguous.
        rules: how they are enlarged.
        stride: pixels of the network's input per cell; 1 if they are enlarged already.
    """

    cells: np.ndarray
    rules: Rules
    stride: int = STRIDE

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of the network's input."""
        return self.cells.shape[1] * self.stride, self.cells.shape[2] * self.stride

    def points(self, channels: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Read single pixels.

        Args:
            channels: int (k, points): which maps are read at each point.
            x: int (points,), inside of the maps.
            y: likewise.

        Returns float32 (k, points).
        """
        if self.stride == 1:
            return self.cells[channels, y, x]
        down, down_weights = self._taps(0, y)
        along, along_weights = self._taps(1, x)
        places = (down * self.cells.shape[2])[:, None] + along
        weights = down_weights[:, None] * along_weights
        flat, size = self.cells.ravel(), self.cells[0].size
        values = (flat.take(places + size * own, mode="clip") for own in channels)
        return np.stack([np.einsum("ijp,ijp->p", value, weights) for value in values])

    def patches(self, index: np.ndarray, x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
        """Enlarge squares; what lies outside of the picture is 0. The stride has to be STRIDE.

        Args:
            index: int (patches,): the map of each.
            x: int (patches,): a patch's first column; no more than _MARGIN pixels outside.
            y: likewise.
            size: pixels of a patch's sides.

        Returns float32 (size, size, patches): y, x, patch. The patches are the last axis so that
        each step runs along many values.
        """
        down, down_weights = self._window(0, y, size)
        along, along_weights = self._window(1, x, size)
        places = (down * self.cells.shape[2] + index * self.cells[0].size)[:, None] + along
        # Not by matrix multiplication: NumPy's BLAS starts threads that go on spinning for a while,
        # and the network, which comes next, takes twice as long.
        lines = np.einsum("xc...,rc...->rx...", along_weights, self.cells.ravel().take(places))
        return np.einsum("yr...,rx...->yx...", down_weights, lines)

    def overshoot(self, axis: int) -> tuple[float, float]:
        """Return the greatest sum of a pixel's positive weights, and of its negative ones."""
        weights = _taps(self.cells.shape[1 + axis], self.stride, self.rules)[1]
        return tuple(float(np.maximum(w, 0).sum(axis=0).max()) for w in (weights, -weights))

    def _taps(self, axis: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tell what single pixels of a line are made of: cells and weights, both (4, *at)."""
        places, weights = _taps(self.cells.shape[1 + axis], self.stride, self.rules)
        return places.take(at, axis=1), weights.take(at, axis=1)

    def _window(self, axis: int, start: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Tell what stretches of a line are made of.

        Returns int (n, patches): the cells, and float32 (size, n, patches or 1): their weights.
        """
        cells = self.cells.shape[1 + axis]
        first = (start - STRIDE // 2) // STRIDE - 1
        window = np.arange((size + STRIDE - 2) // STRIDE + 4)[:, None]
        places = np.clip(first + window, 0, cells - 1)
        inside = start.size and start.min() >= STRIDE and start.max() + size <= STRIDE * cells
        if inside and (start % STRIDE == start[0] % STRIDE).all():
            start, first = start[:1], first[:1]  # all have the same weights
        pixels = np.arange(size)[:, None, None]
        return places, _matrix(cells, self.rules)[start + pixels + _MARGIN, first + window + _PAD]


@cache
def _taps(cells: int, stride: int, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Tell what the pixels of a line are made of.

    Returns int (4, cells * stride): the cells; and float32 of the same shape: their weights (Keys
    1981, its parameter is `rules.cubic`).
    """
    places, weights = _unbounded_taps(cells, stride, rules)
    return np.clip(places, 0, cells - 1), weights


def _unbounded_taps(cells: int, stride: int, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Tell the same, with cells beyond the edges: from -2 to cells + 1."""
    centre = (np.arange(cells * stride) + 0.5) / stride - 0.5
    cell = np.floor(centre)
    if rules.edge_cells == "extend":
        cell = np.maximum(cell, 0)
    a, d = rules.cubic, centre - cell
    weights = (
        a * (d**3 - 2 * d**2 + d),
        (a + 2) * d**3 - (a + 3) * d**2 + 1,
        -(a + 2) * d**3 + (2 * a + 3) * d**2 - a * d,
        a * (d**2 - d**3),
    )
    return cell.astype(int) + np.arange(-1, 3)[:, None], np.array(weights, np.float32)


@cache
def _matrix(cells: int, rules: Rules) -> np.ndarray:
    """Weights as a matrix: float32 (_MARGIN + pixels + _MARGIN, _PAD + cells + _PAD)."""
    places, weights = _unbounded_taps(cells, STRIDE, rules)
    pixels = np.arange(cells * STRIDE)
    matrix = np.zeros((len(pixels) + 2 * _MARGIN, cells + 2 * _PAD), np.float32)
    matrix[pixels + _MARGIN, places + _PAD] = weights
    return matrix
