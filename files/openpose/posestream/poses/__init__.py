"""From a network's part maps and affinity fields to people, by OpenPose's own rules.

The network says, on a grid coarser than its input (one cell is `STRIDE` pixels), how likely each
part is at each place (heat maps) and which way each limb runs there (part affinity fields, PAFs).
OpenPose enlarges all of these maps to the input's size (`enlarging`), takes the peaks of the heat
maps as candidate parts (`peaks`), scores every pair of candidates by the field along the line
between them (`limbs`), and puts the best pairs together into people (`joining`).

This package gives the same answer without enlarging whole maps: heat maps are enlarged only in
the cells that can hold a peak, and fields are read only at the points that are asked for.
"""

from .decoding import best, decode, from_peaks, split
from .people import People, to_json
from .rules import GPU, PEAKS_MAX, PROCESSOR, RULES, STRIDE, Rules, Thresholds, thresholds_of

__all__ = [
    "GPU",
    "PEAKS_MAX",
    "PROCESSOR",
    "RULES",
    "STRIDE",
    "People",
    "Rules",
    "Thresholds",
    "best",
    "decode",
    "from_peaks",
    "split",
    "thresholds_of",
    "to_json",
]
