"""OpenPose's rules and thresholds.

Its CUDA code and its processor code differ, so the same network gives other people on a GPU than
without one. `GPU` is what OpenPose is known for; `PROCESSOR` is the other one.
"""

from dataclasses import dataclass, replace
from typing import Literal

STRIDE = 8  # pixels of the network's input per cell of its maps
REFINE_RADIUS = 3  # a peak's place is the mean over 7 x 7 pixels, weighted by what is above 0
PEAKS_MAX = 127  # candidates for one part in one picture (POSE_MAX_PEOPLE)


@dataclass(frozen=True)
class Rules:
    """Where the two differ.

    Attributes:
        name: for messages and tests.
        cubic: the free parameter a of bicubic enlarging (Keys 1981).
        edge_cells: how a map goes on beyond its first row and column of cells. "repeat": the
            cell is repeated. "extend": the cubic between the first two cells is carried on.
            Beyond the last ones, both repeat.
        edge_peaks: which pixels at the edges of the picture can be peaks. "none": not those of the
            first and last row and column. "ring": any pixel of the second row or column from an
            edge, though a neighbour outside of the picture does not count and a neighbour as high
            is allowed; none of the others beyond the ring.
        smaller_scales: how the maps of smaller scales of the picture are laid over the first one's.
            "by_ratio": by what the frame was scaled; "edge_to_edge": by the maps' own sizes.
        joining: how limbs become people, see `joining`.
    """

    name: str
    cubic: float
    edge_cells: Literal["repeat", "extend"]
    edge_peaks: Literal["none", "ring"]
    smaller_scales: Literal["by_ratio", "edge_to_edge"]
    joining: Literal["most_trusted_first", "limb_by_limb"]


GPU = Rules("gpu", -0.5, "extend", "none", "by_ratio", "most_trusted_first")
PROCESSOR = Rules("processor", -0.75, "repeat", "ring", "edge_to_edge", "limb_by_limb")
RULES = {rules.name: rules for rules in (GPU, PROCESSOR)}


@dataclass(frozen=True)
class Thresholds:
    """What is enough; each is to be exceeded, the last two reached.

    Attributes:
        peak: a part's score. Parts too near to each other for a field are joined with this score.
        field: the field along the limb, for a point on it to count.
        share: of a limb's points that count.
        parts: how many parts a person has.
        score: a person's score per part.
        feet: whether feet count as parts (BODY_25 alone has any).
    """

    peak: float = 0.05
    field: float = 0.05
    share: float = 0.95
    parts: int = 3
    score: float = 0.4
    feet: bool = False


# The models of which OpenPose has thresholds of their own; maximize_positives leaves them.
_PEAK = {"MPI": 0.6, "MPI_4_layers": 0.3}
_MPI_FIELD = 0.01


def thresholds_of(model_pose: str, *, maximize_positives: bool = False) -> Thresholds:
    """OpenPose's default thresholds.

    Args:
        model_pose: OpenPose's flag of this name, or the name of a `skeletons.Skeleton`.
        maximize_positives: OpenPose's flag of this name: more is found, and more of it wrongly.
    """
    normal = Thresholds()
    if maximize_positives:
        normal = Thresholds(peak=0.02, field=0.01, share=0.75, parts=2, score=0.05, feet=True)
    if model_pose not in _PEAK:
        return normal
    return replace(normal, peak=_PEAK[model_pose], field=_MPI_FIELD)
