#!/usr/bin/env python3
"""What the worker does in a second, and what that costs, from Kafka to Kafka.

    python tests/benchmarks/worker.py [PART ...] [--broker HOST:PORT] [--seconds 10] [--turns 3]

Prints a table for each part, then which targets are missed; exits with 1 where one is. What the
columns mean: docs/benchmarks.md. Makes topics on the broker and deletes them. Needs what
requirements-dev.txt names, and Linux; figures are true where nothing else is at work.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "files" / "openpose"))

import parts  # noqa: E402
from bench import Bench, Row  # noqa: E402
from broker import Broker, Failed  # noqa: E402
from cameras import cameras  # noqa: E402
from confluent_kafka import KafkaException  # noqa: E402
from posestream.streams import BrokerAway  # noqa: E402

PARTS = {
    "null": parts.null,
    "cpu": parts.cpu,
    "workers": parts.workers,
    "cameras": cameras,
    "start": parts.start,
    "profile": parts.profile,
}


@dataclass(frozen=True)
class Target:
    """What a column of some rows may be: of those that have these values in other columns."""

    part: str
    rows: Row
    column: str
    least: float = float("-inf")
    most: float = float("inf")


TARGETS = (
    Target("null", {"people": 0, "size": "640x480"}, "fps", least=250),
    Target("null", {"people": 0, "size": "640x480"}, "cpu_ms", most=6),
    Target("null", {"people": 0, "size": "1920x1080"}, "fps", least=90),
    Target("null", {"people": 0, "size": "1920x1080"}, "cpu_ms", most=18),
    Target("null", {"people": 0}, "ratio", least=3),
    Target("cpu", {"cores": "some free"}, "share", least=0.95),
    Target("cpu", {"cores": "none free"}, "cpu_ratio", most=1.15),
    Target("cameras", {"policy": "latest"}, "late_ms", most=300),
    Target("cameras", {"policy": "latest"}, "wait_to_fair", most=2),
    Target("start", {"engine": "openvino"}, "seconds", most=4),
)


def missed(part: str, rows: list[Row]) -> list[str]:
    """Return a line for each target that a part's rows miss."""
    lines = []
    for target in (target for target in TARGETS if target.part == part):
        for row in (row for row in rows if target.rows.items() <= row.items()):
            figure = row[target.column]
            if target.least <= figure <= target.most:
                continue
            bound = "at least" if figure < target.least else "at most"
            limit = target.least if figure < target.least else target.most
            lines.append(
                f"missed: {part}, {_shown(row)}: {target.column} {_text(figure)}, {bound} {limit:g}"
            )
    return lines


def _shown(row: Row) -> str:
    return " ".join(f"{name}={_text(figure)}" for name, figure in list(row.items())[:2])


def _text(figure: str | float | None) -> str:
    if figure is None:
        return "-"
    return (
        f"{figure:.{0 if abs(figure) >= 100 else 2}f}" if isinstance(figure, float) else str(figure)
    )


def table(rows: list[Row]) -> str:
    """Return rows as aligned columns below their names."""
    lines = [list(rows[0]), *([_text(figure) for figure in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in lines
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all where none is named"
    )
    parser.add_argument("--broker", default="localhost:9092", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=10, help="of one measurement (10)")
    parser.add_argument("--turns", type=int, default=3, help="whose median counts (3)")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    failures = []
    for name in given.parts or PARTS:
        try:
            with Broker(given.broker) as broker:
                rows = list(PARTS[name](Bench(broker, given.seconds, given.turns)))
        except (Failed, BrokerAway, KafkaException) as error:
            failures.append(f"failed: {name}: {error}")
            continue
        print(f"{name}\n{table(rows)}\n", flush=True)
        failures += missed(name, rows)
    print("\n".join(failures or ["all targets are met"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
