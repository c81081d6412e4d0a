"""Sources: where a camera's pictures come from. Each is a module; `open_source` finds it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol

from ...flags import Camera
from ...forms import kind_of
from ..picture import Arrival

DEFAULT_FPS = 10.0  # for a video that does not say its own, and a folder


class SourceError(Exception):
    """A source that cannot be opened or has ended; the text says why, and what to do about it."""


class Source(Protocol):
    """An open source.

    Attributes:
        live: it goes on by itself, as the world does; else it waits for its reader.
        kind: what it is, in a few words.
        codec: FFmpeg's or picamera2's name of how the pictures come.
    """

    live: bool
    kind: str
    codec: str

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over what comes, for ever; raises SourceError where nothing more does."""

    def close(self) -> None:
        """Let go of it."""


def open_source(settings: Camera) -> Source:
    """Open the source that the settings name; raises SourceError where that fails."""
    return import_module(f".{_module_of(settings.source)}", __package__).open_source(settings)


def _module_of(source: str) -> str:
    """Return the name of the module that reads a source."""
    kind = kind_of(source)
    if kind == "file" and Path(source).is_dir():
        return "folder"
    return "network" if kind == "address" else kind
