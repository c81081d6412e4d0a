#!/usr/bin/env python3
"""Prints docs/metrics.md: what worker, camera and viewer show, out of their registries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

sys.path.insert(0, str(Path(__file__).parents[1] / "files" / "openpose"))
from posestream import metrics as worker
from posestream.camera import metrics as camera
from posestream.viewer import metrics as viewer

PROGRAMS = {"worker": worker.Metrics, "camera": camera.Metrics, "viewer": viewer.Metrics}
HEAD = """# Metrics

What worker, camera and viewer show of themselves to Prometheus, at `/metrics` of the addresses
`openpose_metrics_bind`, `camera_metrics_bind` and `viewer_metrics_bind`. `make docs` writes this
page from the programs. How Prometheus is set up, and what the broker, ZooKeeper and the hosts
show: [monitoring.md](monitoring.md).

Counters grow from 0 at each start, and are of use as rates: results a second are
`rate(posestream_frames_processed_total[1m])`.
"""


def families(registry: CollectorRegistry) -> Iterator[tuple[str, str, list[str], str]]:
    """Yield the name, type, labels and meaning of each metric of a program, by name."""
    found = []
    for collector in registry._collector_to_names:
        labels = collector._labelnames if isinstance(collector, MetricWrapperBase) else ()
        for family in collector.collect():
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            kind = "gauge" if family.type == "info" else family.type
            found.append((family.name + suffix, kind, list(labels), family.documentation))
    yield from sorted(found)


def samples(kind: str, name: str) -> set[str]:
    """Return the names under which Prometheus keeps a metric of a kind."""
    several = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
    return {name + suffix for suffix in several.get(kind, ("",))}


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for program, made in PROGRAMS.items():
        lines += [
            f"## {program.capitalize()}\n",
            "| name | type | labels | meaning |",
            "|---|---|---|---|",
        ]
        for name, kind, labels, meaning in families(made().registry):
            named = ", ".join(f"`{label}`" for label in labels)
            lines.append(f"| `{name}` | {kind} | {named} | {meaning} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
