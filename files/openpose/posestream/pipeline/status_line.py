"""The words of the worker's status line."""

from __future__ import annotations

from collections.abc import Mapping

from ..metrics import Metrics

COUNTED = ("received", "processed", "skipped")


def counts(metrics: Metrics) -> dict[str, float]:
    """Return how many frames there were, by what became of them."""
    return {name: metrics.total(f"posestream_frames_{name}") for name in COUNTED}


def line(metrics: Metrics, counted: Mapping[str, float], seconds: float) -> str:
    """Return how fast frames come and go in so many seconds, and how old they are."""
    age = metrics.value("posestream_newest_result_age_seconds")
    people = metrics.value("posestream_people")
    newest = f"newest result {age:.2f} s after its capture, {people:.0f} people"
    return (
        f"{counted['received'] / seconds:.1f} frames/s in, "
        f"{counted['processed'] / seconds:.1f} out, {counted['skipped']:.0f} skipped; "
        f"{newest if counted['processed'] else 'no new result'}"
    )
