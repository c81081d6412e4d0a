"""A mailbox with a slot for each camera: in it lies that there is news, and not what."""

from __future__ import annotations

import asyncio


class Mailbox:
    """Says to a slow consumer, in the same event loop, which cameras have something new.

    The consumer takes what is newest when its turn comes: it misses items where it is slower than
    the producer, and never falls behind. Cameras come in the order of their first news, so that
    none waits longer than all others take.
    """

    def __init__(self) -> None:
        """Make an empty mailbox."""
        self._filled = asyncio.Event()
        self._cameras: dict[str, None] = {}

    def put(self, camera: str) -> bool:
        """Note that there is news; return whether there was some already, not yet taken."""
        waited = camera in self._cameras
        self._cameras[camera] = None
        self._filled.set()
        return waited

    async def get(self) -> str:
        """Wait until there is news; return the camera that has waited the longest."""
        await self._filled.wait()
        camera = next(iter(self._cameras))
        del self._cameras[camera]
        if not self._cameras:
            self._filled.clear()
        return camera

    def clear(self) -> None:
        """Forget all news."""
        self._cameras.clear()
        self._filled.clear()
