"""Messages from and to Kafka, through SINETStream's own readers and writers.

SINETStream encodes, encrypts and compresses, and its Kafka plugin (sinetstream-kafka, on
kafka-python) talks to the broker. Three things its public interface does not give, and what is
done about them here:

- a commit after the result is stored: the plugin commits by the clock. A plugin of
  the same kind (in `reading`) switches that off, and `Reader.commit` does it.
- a key for a message, and a wait for its acknowledgement that ends: see `writing`.
- to survive a record that is not a SINETStream message: `Reader` decodes each record on its own.

Every publication is acknowledged by all replicas and sent by an idempotent producer, whatever
`consistency` says: order holds, and what the client sends again is not stored twice.
"""

from .messages import BrokerAway, Message, Refused, Sink, Source, TopicMissing
from .reading import Reader
from .writing import Writer

__all__ = [
    "BrokerAway",
    "Message",
    "Reader",
    "Refused",
    "Sink",
    "Source",
    "TopicMissing",
    "Writer",
]
