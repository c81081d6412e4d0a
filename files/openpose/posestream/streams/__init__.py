"""Messages from and to Kafka, through SINETStream's own readers and writers.

SINETStream encodes, encrypts and compresses; librdkafka talks to the broker. Between the two is
SINETStream's service provider interface, and `plugin` is this package's plugin for it. What the
public interface of SINETStream does not give is done here:

- a commit after the result is stored, by name (`reading`);
- a key for a message, and an acknowledgement that nobody stands still for (`writing`);
- to survive a record that is no SINETStream message: each is decoded on its own (`decoding`).

No other module of the package knows the Kafka client.
"""

from .messages import (
    SEALED,
    BrokerAway,
    Message,
    Refused,
    Reopen,
    Sink,
    Source,
    TopicMissing,
)
from .progress import Place, Position
from .reading import Reader, Watcher
from .writing import Writer

__all__ = [
    "SEALED",
    "BrokerAway",
    "Message",
    "Place",
    "Position",
    "Reader",
    "Refused",
    "Reopen",
    "Sink",
    "Source",
    "TopicMissing",
    "Watcher",
    "Writer",
]
