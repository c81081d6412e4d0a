"""What is read and not yet in work: the two policies.

`Every` keeps all messages in their order, and takes no more than a few. `Latest` takes all that
come and keeps the newest of each camera; the cameras have their turns, the one that has waited
longest first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from ..streams import Message, Place

EVERY_MESSAGES = 4
LATEST_BYTES = 256 * 1024 * 1024  # of all cameras together
LATEST_CAMERAS = 2000


class Intake:
    """Messages between the reader and the first step. Each side is a thread or more."""

    def __init__(self) -> None:
        """Start empty."""
        self._changed = threading.Condition()
        self._closed = False

    def take(self) -> Message | None:
        """Return the next message, waiting for it; None when the intake is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self))
            message = None if self._closed else self._pop()
            self._changed.notify_all()
            return message

    def close(self) -> None:
        """Hand nothing on any more: what is left is left to the next worker."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def remove(self, unwanted: Callable[[Message], bool]) -> list[Message]:
        """Take out messages, and return them."""
        raise NotImplementedError

    def put(self, message: Message, timeout: float) -> bool:
        """Take a message in; False where there is no room for it in `timeout` seconds."""
        raise NotImplementedError

    def _pop(self) -> Message:
        raise NotImplementedError

    def __len__(self) -> int:
        """Return how many messages wait."""
        raise NotImplementedError


class Every(Intake):
    """All messages, in the order in which they came."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._messages: deque[Message] = deque()

    def put(self, message: Message, timeout: float) -> bool:
        """Take a message in; False where there is no room for it in `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self) < EVERY_MESSAGES, timeout):
                return False
            self._messages.append(message)
            self._changed.notify_all()
            return True

    def remove(self, unwanted: Callable[[Message], bool]) -> list[Message]:
        """Take out messages, and return them."""
        with self._changed:
            removed = [message for message in self._messages if unwanted(message)]
            self._messages = deque(m for m in self._messages if not unwanted(m))
            self._changed.notify_all()
            return removed

    def _pop(self) -> Message:
        return self._messages.popleft()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._messages)


class Latest(Intake):
    """The newest message of each camera, which is its record's key."""

    def __init__(self, passed_over: Callable[[Message], None]) -> None:
        """Start empty; `passed_over` is called with each message that gives way to a newer one."""
        super().__init__()
        self._passed_over = passed_over
        self._newest: OrderedDict[bytes | None, Message] = OrderedDict()
        self._bytes = 0

    def put(self, message: Message, timeout: float) -> bool:
        """Take a message in."""
        given_way = []
        with self._changed:
            if before := self._newest.get(message.key):
                given_way.append(before)
            # A camera keeps its place in the line, whatever comes from it meanwhile.
            self._newest[message.key] = message
            self._bytes += _size(message) - sum(map(_size, given_way))
            while len(self) > LATEST_CAMERAS or (self._bytes > LATEST_BYTES and len(self) > 1):
                given_way.append(self._pop())
            self._changed.notify_all()
        for each in given_way:
            self._passed_over(each)
        return True

    def remove(self, unwanted: Callable[[Message], bool]) -> list[Message]:
        """Take out messages, and return them."""
        with self._changed:
            removed = [message for message in self._newest.values() if unwanted(message)]
            for message in removed:
                del self._newest[message.key]
                self._bytes -= _size(message)
            return removed

    def _pop(self) -> Message:
        message = self._newest.popitem(last=False)[1]
        self._bytes -= _size(message)
        return message

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._newest)


def of_places(places: set[Place]) -> Callable[[Message], bool]:
    """Return what tells whether a message is of these partitions."""
    return lambda message: message.position[:2] in places


def _size(message: Message) -> int:
    return len(message.payload or b"")
