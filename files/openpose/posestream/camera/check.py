"""`posestream camera --check`: what comes from the source, or what is wrong with it."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field

from ..flags import Camera
from ..forms import redacted
from ..frames import FrameError, size
from .picture import Picture
from .preparing import Preparer
from .sources import Source, SourceError, open_source

SECONDS = 3.0  # of pictures are looked at
PATIENCE_SECONDS = 30.0  # for a source, which may hang in its driver


@dataclass
class Findings:
    """What a look at a source has found.

    Attributes:
        lines: what to print, by name.
        problem: what is wrong; "" where nothing is.
    """

    lines: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def look(settings: Camera) -> int:
    """Open the source, look at some seconds of it, print what it is; return 0, or 1 and why."""
    findings = Findings(problem=f"{redacted(settings.source)} hangs: unplug it, or restart it")
    thread = threading.Thread(target=_find, args=(settings, findings), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    for name, text in findings.lines.items():
        print(f"{name:<10}{text}")
    if findings.problem:
        print(f"posestream camera: {findings.problem}", file=sys.stderr)
        return 1
    return 0


def _find(settings: Camera, findings: Findings) -> None:
    findings.lines |= {"name": settings.name, "source": redacted(settings.source)}
    try:
        source = open_source(settings)
        findings.lines["kind"] = source.kind
        findings.lines |= _described(settings, source)
    except SourceError as error:
        findings.problem = str(error)
    except FrameError as error:
        findings.problem = f"{redacted(settings.source)}: no picture of it can be used: {error}"
    except Exception as error:  # whatever a library has in store
        findings.problem = redacted(f"{settings.source} fails: {error!r}")
    else:
        findings.problem = ""


def _described(settings: Camera, source: Source) -> dict[str, str]:
    pictures, times = [], []
    begun, damaged = None, None
    for arrival in source:
        begun = begun or time.monotonic()
        if arrival.wanted and (arrival.data or arrival.load):
            times.append(arrival.taken)
        try:
            pictures = arrival.pictures() or pictures
        except FrameError as error:
            damaged = error
        if time.monotonic() - begun > SECONDS and (pictures or damaged):
            break
    if not pictures:
        raise damaged
    picture, preparer = pictures[-1], Preparer(settings)
    jpeg = preparer.jpeg(picture)
    width, height = _size(picture)
    # Those that were read while the stream was looked into came all at once, but have their times.
    lasted = times[-1] - times[0]
    rate = (len(times) - 1) / lasted if lasted > 0 else 0.0
    return {
        "pictures": f"{width}x{height}, {source.codec}, {rate:.1f} a second",
        "frames": _published(settings, jpeg, jpeg is picture.jpeg),
    }


def _size(picture: Picture) -> tuple[int, int]:
    if picture.jpeg is not None:
        return size(picture.jpeg)
    height, width = picture.pixels.shape[:2]
    return width, height


def _published(settings: Camera, jpeg: bytes, untouched: bool) -> str:
    width, height = size(jpeg)
    how = "as they came" if untouched else f"encoded here, quality {settings.jpeg_quality}"
    rate = f"at most {settings.fps:g} a second" if settings.fps else "all of them"
    return f"{width}x{height}, JPEG {how}, {len(jpeg) / 1000:.0f} kB each, {rate}"
