"""The command `posestream viewer`."""

from __future__ import annotations

from functools import partial

from .. import frames
from ..settings import Settings
from ..streams import Watcher
from .cameras import Cameras, Stream
from .server import serve


def run(settings: Settings) -> int:
    """Serve the page until told to stop; return the exit code.

    The streams are only looked at: no consumer group, from now on, nothing committed. Without the
    service of the keypoints the page shows no number of people.
    """
    open_readers = {
        stream: partial(Watcher, settings.streams, stream.value)
        for stream in Stream
        if stream.value in settings.streams
    }
    accepts = partial(is_showable, max_pixels=settings.worker.max_pixels)
    return serve(open_readers, Cameras(accepts), port=settings.viewer.port)


def is_showable(payload: bytes | None, *, max_pixels: int) -> bool:
    """Say whether a browser may be given this: a whole picture, not one that fills its memory."""
    try:
        width, height = frames.size(payload or b"")
    except frames.FrameError:
        return False
    return width * height <= max_pixels
