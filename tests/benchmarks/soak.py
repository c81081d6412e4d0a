#!/usr/bin/env python3
"""Whether memory and age stay flat while the deployment of `make up` works for long.

    python tests/benchmarks/soak.py [--minutes 30] [--broker localhost:9092]

Besides what the deployment's own camera sends, it writes pictures of changing shapes and such that
cannot be decoded. Prints a line now and then; exits with 1 where the memory of a container in the
last third of the time is well above that of the second third, or the results are older, or a
container was started again. The first third is for caches to fill.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "files" / "openpose"))

import street  # noqa: E402
from posestream.settings import Streams  # noqa: E402
from posestream.streams import Writer  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

METRICS = "http://localhost:9095/metrics"
TOPIC = "sinetstream.image.camera"
CONTAINERS = ("openpose-openpose-1", "camera-camera-1", "viewer-viewer-1", "kafka-broker-1")
SAMPLES = 90  # of all the time
SHAPES = ((640, 480), (480, 640), (320, 240), (1280, 720), (800, 800), (500, 300))
SECONDS = 1.0  # between two pictures, and two that are none
MEMORY_GROWTH, MEMORY_MIB = 1.05, 8.0  # which is noise
AGE_GROWTH, AGE_SECONDS = 1.5, 0.1


def write(broker: str, stops: threading.Event) -> None:
    """Write pictures and what is none, until told to stop."""
    service = {"type": "kafka", "brokers": broker, "topic": TOPIC}
    writer = Writer(Streams({"image-dest": service}), "image-dest")
    pictures = [street.pictures(shape)[0] for shape in SHAPES]
    bad = [b"", b"no picture", pictures[0][:1000], pictures[0][:200] + bytes(500)]
    number = 0
    while not stops.wait(SECONDS):
        for payload in (pictures[number % len(pictures)], bad[number % len(bad)]):
            writer.publish(payload, key=b"soak", timestamp=time.time(), done=lambda error: None)
        number += 1
    writer.close()


def metrics() -> dict[str, float]:
    """Return the worker's sums: results, their ages in seconds, and what it has skipped."""
    with urlopen(METRICS, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families for sample in family.samples]

    def total(name: str) -> float:
        return sum(sample.value for sample in samples if sample.name == name)

    return {
        "results": total("posestream_result_age_seconds_count"),
        "age": total("posestream_result_age_seconds_sum"),
        "skipped": total("posestream_frames_skipped_total"),
    }


def docker(*arguments: str) -> list[str]:
    """Return the lines that a command of Docker's prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def memory() -> dict[str, float]:
    """Return the resident memory of the containers' processes, in MiB."""
    found = {}
    for name in CONTAINERS:
        _head, *rows = docker("top", name, "-o", "pid,rss")
        found[name] = sum(int(row.split()[1]) for row in rows) / 1024
    return found


def samples(seconds: float) -> Iterator[dict[str, float]]:
    """Yield, `SAMPLES` times in so many seconds, memory, age and rates since the last time."""
    before, begun = metrics(), time.monotonic()
    for number in range(1, SAMPLES + 1):
        then = time.monotonic()
        time.sleep(max(0.0, begun + number * seconds / SAMPLES - then))
        now, span = metrics(), time.monotonic() - then
        grown = {name: now[name] - before[name] for name in now}
        before = now
        yield memory() | {
            "age": grown["age"] / max(1.0, grown["results"]),
            "results/s": grown["results"] / span,
            "skipped/s": grown["skipped"] / span,
        }


def grown(name: str, seen: list[dict[str, float]]) -> str:
    """Return how a figure has grown from the second to the last third; "" where it has not."""
    third = len(seen) // 3
    middle, last = (
        median(sample[name] for sample in part)
        for part in (seen[third : 2 * third], seen[2 * third :])
    )
    growth, noise = (AGE_GROWTH, AGE_SECONDS) if name == "age" else (MEMORY_GROWTH, MEMORY_MIB)
    print(f"{name:>22}: {middle:.2f}, then {last:.2f}")
    return f"{name} grew from {middle:.2f} to {last:.2f}" if last > middle * growth + noise else ""


def main() -> int:
    """Watch and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--broker", default="localhost:9092", metavar="HOST:PORT")
    given = parser.parse_args()
    started = docker("inspect", "--format", "{{.Name}} {{.State.StartedAt}}", *CONTAINERS)
    stops, seen = threading.Event(), []
    writing = threading.Thread(target=write, args=(given.broker, stops), daemon=True)
    writing.start()
    for number, sample in enumerate(samples(60 * given.minutes), 1):
        seen.append(sample)
        if number == 1 or number % 9 == 0:
            text = "  ".join(f"{name} {figure:.2f}" for name, figure in sample.items())
            print(f"{number / SAMPLES:4.0%}  {text}", flush=True)
    stops.set()
    writing.join(30)
    problems = [text for name in (*CONTAINERS, "age") if (text := grown(name, seen))]
    if docker("inspect", "--format", "{{.Name}} {{.State.StartedAt}}", *CONTAINERS) != started:
        problems.append("a container was started again")
    if min(sample["results/s"] for sample in seen) == 0:
        problems.append("there was a time without results")
    print("\n".join(problems or ["flat"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
