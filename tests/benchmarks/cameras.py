"""Many cameras on one worker, in both of its policies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from statistics import quantiles

import processes
import street
from bench import SIZES, SMALL, START_SECONDS, Bench, Row, rate
from broker import Result
from processes import Worker

OVERLOAD = 3
CAMERAS = {1: 0.1, 10: 0.05, 100: 0.02, 1000: 0.01}  # → seconds that a frame takes, of `latest`
ROUNDS = 3  # of all cameras' turns, at least


def cameras(bench: Bench) -> Iterator[Row]:
    """Give one worker many cameras: all frames of each, then the newest of each under overload."""
    for number in CAMERAS:
        yield _every(bench, _keys(number))
    for number, seconds in CAMERAS.items():
        yield _latest(bench, _keys(number), seconds)


def _every(bench: Bench, keys: list[bytes]) -> Row:
    count = max(int(SIZES[SMALL] * bench.seconds), ROUNDS * len(keys))
    environ = bench.broker.environ(bench.source(SMALL, count, keys))
    with Worker("null", environ) as worker:
        span = bench.span([worker], environ["SSDST_TOPIC"], count)
        memory = worker.peak_memory()
    results = bench.broker.results(environ["SSDST_TOPIC"])
    wait, fair = _longest_wait(results, keys, results[0].stored, results[-1].stored)
    return {
        "policy": "every",
        "cameras": len(keys),
        "engine_ms": 0,
        "fps_in": None,
        "fps": rate(span),
        "memory_mib": memory,
        "fair_ms": 1000 * fair,
        "wait_to_fair": wait / fair,
        "age_ms": None,
        "age_p99_ms": None,
        "late_ms": None,
    }


def _latest(bench: Bench, keys: list[bytes], engine_seconds: float) -> Row:
    """Offer `OVERLOAD` times as many frames as the engine can do."""
    seconds = max(bench.seconds, ROUNDS * len(keys) * engine_seconds)
    offered = OVERLOAD / engine_seconds
    source = bench.broker.topic()
    environ = bench.broker.environ(source)
    environ |= {"WORKER_POLICY": "latest", "NULL_SECONDS": str(engine_seconds)}
    with Worker("null", environ) as worker:
        processes.until(worker.is_ready, START_SECONDS, "a worker that is ready", [worker])
        pictures = street.pictures(SMALL)
        begun, ended = bench.broker.fill(source, pictures, int(offered * seconds), keys, offered)
        memory = worker.peak_memory()
    # What is stored afterwards has nothing newer to give way to.
    stored = bench.broker.results(environ["SSDST_TOPIC"])
    results = [result for result in stored if begun <= result.stored <= ended]
    wait, fair = _longest_wait(results, keys, begun, ended)
    ages = quantiles([1000 * (result.stored - result.taken) for result in results], n=100)
    interval = 1000 * len(keys) / offered
    return {
        "policy": "latest",
        "cameras": len(keys),
        "engine_ms": 1000 * engine_seconds,
        "fps_in": offered,
        "fps": len(results) / (ended - begun),
        "memory_mib": memory,
        "fair_ms": 1000 * fair,
        "wait_to_fair": wait / fair,
        "age_ms": ages[49],
        "age_p99_ms": ages[98],
        # A camera's newest frame may be as old as its next one is away: that is not the worker's.
        # Two engine times are: for the frame in work, and the one that is decoded meanwhile.
        "late_ms": ages[98] - interval - 2 * 1000 * engine_seconds,
    }


def _longest_wait(
    results: list[Result], keys: list[bytes], begun: float, ended: float
) -> tuple[float, float]:
    """Return the longest that a camera was without a result, and its fair share, in seconds."""
    moments = {key: [begun] for key in keys}
    for result in results:
        moments[result.camera].append(result.stored)
    waits = (
        after - before
        for stored in moments.values()
        for before, after in itertools.pairwise([*stored, ended])
    )
    return max(waits), (ended - begun) / len(results) * len(keys)


def _keys(number: int) -> list[bytes]:
    return [f"camera {each}".encode() for each in range(number)]
