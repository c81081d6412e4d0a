#!/usr/bin/env python3
"""What decoding costs next to the network, on the street video's frame with the most people.

    python tests/benchmarks/decode.py [--net-resolution=-1x432] [--limit 0.15]

Exits with 1 where decoding takes more than --limit of the network's time. Needs what
files/openpose/requirements.txt names.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "files" / "openpose"))

import cv2  # noqa: E402
import fetch_assets  # noqa: E402
from posestream import engines, poses  # noqa: E402

RUNS = 50


def milliseconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net-resolution", default="-1x368", metavar="WIDTHxHEIGHT")
    parser.add_argument("--limit", type=float, default=0.15, metavar="SHARE")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.net_resolution.split("x"))

    assets = ROOT / ".cache" / "assets"
    options = engines.Options((width, height), model=fetch_assets.provide("graph_opt.pb", assets))
    engine = engines.create("openvino", options)
    video = cv2.VideoCapture(str(fetch_assets.provide("vtest.avi", assets)))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    frame = max(frames[::8], key=lambda frame: len(engine.detect([frame])[0]))

    parts = len(engine.skeleton.parts)
    network, decoding = [], []
    for _ in range(RUNS):
        network.append(milliseconds(lambda: engine.infer(frame)))
        maps, scale = engine.infer(frame)
        heatmaps, pafs = maps[..., :parts], maps[..., parts + 1 :]
        decoding.append(
            milliseconds(lambda: poses.decode(heatmaps, pafs, engine.skeleton, scale=1 / scale))  # noqa: B023
        )
    share = median(decoding) / median(network)
    print(f"people    {len(engine.detect([frame])[0])}")
    print(f"network   {median(network):.1f} ms")
    print(f"decoding  {median(decoding):.1f} ms")
    print(f"share     {share:.1%} (limit {arguments.limit:.0%})")
    return 0 if share <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
