"""A mailbox with one slot: what is put in replaces what has not been taken out yet."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Hands the newest item from a fast producer to a slow consumer of the same event loop.

    A consumer that is slower than the producer misses items; it never falls behind, and never
    more than one item is held for it.
    """

    def __init__(self) -> None:
        """Make an empty mailbox."""
        self._filled = asyncio.Event()
        self._item: T | None = None

    def put(self, item: T) -> None:
        """Put `item` into the slot, in place of whatever lay there."""
        self._item = item
        self._filled.set()

    async def get(self) -> T:
        """Wait until there is an item, take it out and return it."""
        await self._filled.wait()
        self._filled.clear()
        item, self._item = self._item, None
        return item  # type: ignore[return-value]  # the event says that the slot is filled
