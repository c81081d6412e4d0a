"""How the workers fare, as far as the streams tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SILENT_AFTER = 5.0  # seconds without anything until it counts as stopped
SKIPPED_SHARE = 0.2  # of the frames without a result, from which on the worker is too slow
LATE_SECONDS = 3.0  # from a picture to its result, from which on it is, too


def state(cameras: Iterable[dict[str, Any]], lag: int | None) -> dict[str, Any]:
    """Return what `wire` says of the workers.

    Args:
        cameras: the state of each camera, as `Cameras.status` returns it.
        lag: messages that the workers' group has yet to read; None where that is not known.
    """
    cameras = list(cameras)
    flowing = [camera for camera in cameras if _flows(camera["raw"])]
    answered = [camera for camera in flowing if _flows(camera["annotated"])]
    frames = sum(camera["raw"]["fps"] for camera in answered)
    skipped = sum(camera["skipped"] or 0.0 for camera in answered)
    share = round(min(1.0, skipped / frames), 3) if frames else None
    late = any((camera["delay"] or 0.0) > LATE_SECONDS for camera in answered)
    if answered:
        name = "slow" if late or (share or 0.0) > SKIPPED_SHARE else "working"
    else:
        name = "down" if any(_is_owed(camera["raw"], camera) for camera in flowing) else "idle"
    return {"state": name, "lag": lag, "skipped": share}


def _flows(stream: dict[str, float] | None) -> bool:
    return stream is not None and stream["silent"] < SILENT_AFTER


def _is_owed(raw: dict[str, float], camera: dict[str, Any]) -> bool:
    """Say whether pictures have come for so long that there should be a result."""
    return camera["since"] > SILENT_AFTER and raw["fps"] > 0
