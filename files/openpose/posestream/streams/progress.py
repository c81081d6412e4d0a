"""Which offsets may be committed, when messages are finished in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kafka import TopicPartition

Position = tuple[str, int, int]  # topic, partition, offset


class Progress:
    """Which offsets may be committed: those before the first that is still being worked on."""

    def __init__(self) -> None:
        """Start with nothing delivered."""
        self._lock = threading.Lock()
        self._pending: dict[TopicPartition, dict[int, bool]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._ready: dict[TopicPartition, int] = {}

    def delivered(self, position: Position) -> None:
        """Note that a message is being worked on."""
        partition, offset = TopicPartition(*position[:2]), position[2]
        with self._lock:
            self._pending.setdefault(partition, {})[offset] = False
            self._next[partition] = offset + 1

    def stored(self, position: Position) -> None:
        """Note that a message's result is stored; an unknown one is of no interest."""
        partition, offset = TopicPartition(*position[:2]), position[2]
        with self._lock:
            pending = self._pending.get(partition, {})
            if offset in pending:
                pending[offset] = True
            while pending and pending[first := next(iter(pending))]:
                del pending[first]
                self._ready[partition] = first + 1

    def take(self) -> dict[TopicPartition, int]:
        """Return what can be committed since the last call: partition → next offset to read."""
        with self._lock:
            ready, self._ready = self._ready, {}
            return ready

    def give_back(self, offsets: dict[TopicPartition, int]) -> None:
        """Take back what could not be committed; the next `take` returns it, or better."""
        with self._lock:
            self._ready = {**offsets, **self._ready}

    def next_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset after the last delivered one."""
        with self._lock:
            return self._next.get(partition)

    def keep(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget all other partitions."""
        with self._lock:
            kept = set(partitions)
            for record in (self._pending, self._next, self._ready):
                for partition in record.keys() - kept:
                    del record[partition]
