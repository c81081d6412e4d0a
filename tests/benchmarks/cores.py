"""An engine on some of the machine's cores, alone in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from posestream import engines, frames


@contextlib.contextmanager
def limited(cores: int) -> Iterator[None]:
    """Have an engine that is made meanwhile think that there are so many: OpenVINO asks then."""
    mask = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mask)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, mask)


def alone(model: Path, cores: int, pictures: list[bytes], count: int) -> dict[str, float]:
    """Return seconds and processor time of the engine openvino for so many of the pictures."""
    # OpenVINO keeps the threads of the first engine in a process.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_alone, model, cores, pictures, count).result()


def _alone(model: Path, cores: int, pictures: list[bytes], count: int) -> dict[str, float]:
    decoded = [frames.decode(picture, max_pixels=10**8) for picture in pictures]
    with limited(cores):
        engine = engines.create("openvino", engines.Options(model=model))
    engine.detect(decoded[:1])
    begun, used = time.monotonic(), time.process_time()
    for number in range(count):
        engine.detect([decoded[number % len(decoded)]])
    return {
        "seconds": time.monotonic() - begun,
        "cpu": time.process_time() - used,
        "frames": count,
    }
