"""Writing: keyed messages, each of which is known to be stored, none of which is waited for."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from sinetstream.api import BaseMessageWriter
from sinetstream.spi import PluginMessageWriter

from ..settings import Streams
from .messages import BrokerAway, Done, Forbidden, Refused, TopicMissing
from .opening import CLOSE_SECONDS, WAIT_SECONDS, opened, registry, without
from .plugin import KafkaWriter, reach
from .trouble import FORBIDDEN

AWAY_SECONDS = 5.0  # without an acknowledgement for so long, a writer says so
LOOK_SECONDS = 2.0  # between two questions whether the broker is there, and for an answer

_TOO_LARGE = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
}
_HOPELESS = {
    KafkaError._FATAL,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}

log = logging.getLogger(__name__)


class _Producer(KafkaWriter):
    """The plugin, which here encodes alone: `Writer` hands the bytes on, with a key.

    The record's own timestamp stays the time of storage, as SINETStream leaves it: Kafka deletes
    by it, and a camera whose clock stands at 1970 would see its frames vanish.
    """

    expire = 0.0

    def _of_consistency(self, consistency: Any) -> dict[str, Any]:
        return {"message.timeout.ms": int(self.expire * 1000)} if self.expire else {}

    def open(self) -> KafkaWriter:
        self.client = Producer(self.config)
        error = reach(self.client, self, self.topic).topics[self.topic].error
        if error is not None and error.code() in FORBIDDEN:
            raise Forbidden(self.trouble.forbidden(f"to write the topic {self.topic}"))
        if error is not None:
            raise TopicMissing(
                f"there is no topic {self.topic} on {self.config['bootstrap.servers']}"
            )
        return self

    def close(self) -> None:
        self.client = None

    def publish(self, message: bytes) -> bytes:
        return bytes(message)


class _RecordEncoder(BaseMessageWriter):
    """A SINETStream writer that gives its records away."""

    def __init__(self, plugin: type[_Producer], arguments: dict[str, Any]) -> None:
        only = registry("posestream.writer", PluginMessageWriter, plugin)
        super().__init__(only, value_type="byte_array", **without("value_type", arguments))

    @property
    def plugin(self) -> _Producer:
        return self._plugin

    def encode(self, payload: bytes, timestamp: float) -> bytes:
        # SINETStream cuts off what is below a microsecond, where a float needs it rounded.
        return self._publish(payload, Fraction(round(timestamp * 1e6), 1_000_000))


@dataclass
class _Publication:
    """A message on its way."""

    record: bytes
    key: bytes | None
    done: Done
    since: float
    handed_over: bool = False


class Writer:
    """Writes one service's topic; any thread may publish.

    Every publication is acknowledged by all replicas and sent by an idempotent producer, whatever
    `consistency` says: order holds, and what the client sends again is not stored twice.
    """

    def __init__(self, streams: Streams, service: str, *, expire: float = 0.0) -> None:
        """Connect to the broker.

        Args:
            streams: the services.
            service: the one to write.
            expire: seconds after which a message that is not acknowledged is given up; 0 for never.

        Raises:
            BrokerAway: the broker cannot be reached, or has no such topic.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        self._what = streams.describe(service)
        self._open = functools.partial(
            opened,
            self._what,
            functools.partial(
                _RecordEncoder,
                type("_Expiring", (_Producer,), {"expire": expire}),
                streams.arguments(service),
            ),
        )
        self._io: _RecordEncoder = self._open()
        self._lock = threading.RLock()
        self._numbers = 0
        self._generation = 0  # of the producer: an answer of an older one is of no interest
        self._pending: OrderedDict[int, _Publication] = OrderedDict()
        self._broken = False
        self._forbidden = False  # by the broker's rules; tried with one message now and then
        self._again = 0.0  # when
        self._why = ""
        self._up_since = self._looked = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, name=f"acknowledgements of {service}", daemon=True
        )
        self._thread.start()

    def publish(self, payload: bytes, *, key: bytes | None, timestamp: float, done: Done) -> None:
        """Hand a message over.

        Args:
            payload: the message's bytes.
            key: the Kafka record's key.
            timestamp: event time, seconds since the epoch.
            done: is called once, in a thread of this writer's or in this call: with None when the
                message is stored, with Refused when the broker does not take it now or later, with
                BrokerAway when it is given up.
        """
        with self._lock:
            record = self._io.encode(payload, timestamp)
            number = self._numbers = self._numbers + 1
            self._pending[number] = _Publication(record, key, done, time.monotonic())
            if not self._waiting_to_be_handed_over(before=number):
                self._hand_over(number)

    def store(self, payload: bytes, *, key: bytes | None, timestamp: float) -> None:
        """Publish a message and wait until it is stored.

        Raises:
            BrokerAway: it has not been acknowledged in `WAIT_SECONDS`.
            Refused: the broker does not take it, now or later.
        """
        answered, answers = threading.Event(), []

        def done(error: Exception | None) -> None:
            answers.append(error)
            answered.set()

        self.publish(payload, key=key, timestamp=timestamp, done=done)
        if not answered.wait(WAIT_SECONDS):
            raise BrokerAway(f"{self._what}: {self._why_not()}")
        if answers[0] is not None:
            raise answers[0]

    def away(self) -> str:
        """Return why messages have waited for their acknowledgement for long; "" if none has."""
        return f"{self._what}: {self._why_not()}" if self._waiting() > AWAY_SECONDS else ""

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""
        waiting = min(self._waiting(), time.monotonic() - self._up_since)
        return waiting, f"a message to {self._what} is not acknowledged, and the broker is there"

    def close(self) -> None:
        """Let go of the broker; what is not stored by then is given up."""
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)
        with self._lock:
            client = self._io.plugin.client
            client.purge()
            client.poll(0)
            self._io.close()

    # -- in any thread, with the lock ---------------------------------------------------------

    def _waiting_to_be_handed_over(self, before: int) -> bool:
        last = next((number for number in reversed(self._pending) if number < before), None)
        return self._broken or (last is not None and not self._pending[last].handed_over)

    def _hand_over(self, number: int) -> bool:
        """Give a message to librdkafka; False where it has no room for it now."""
        publication = self._pending[number]
        try:
            self._io.plugin.client.produce(
                self._io.plugin.topic,
                value=publication.record,
                key=publication.key,
                on_delivery=functools.partial(self._answer, self._generation, number),
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._settle(number, error.args[0])
            return True
        publication.handed_over = True
        return True

    def _answer(self, generation: int, number: int, error: KafkaError | None, _record: Any) -> None:
        with self._lock:
            if generation == self._generation and number in self._pending:
                self._settle(number, error)

    def _settle(self, number: int, error: KafkaError | None) -> None:
        """Take the answer to a message: it is stored, refused, given up, or sent again."""
        publication = self._pending[number]
        if error is None:
            outcome, self._forbidden = None, False
        elif error.code() in _TOO_LARGE:
            size = len(publication.record)
            outcome = Refused(f"{self._what}: {size} bytes are too many: {error.str()}")
        elif error.code() == KafkaError._MSG_TIMED_OUT:
            outcome = BrokerAway(f"{self._what}: {self._why_not()}")
        else:
            publication.handed_over = False
            if not self._broken:  # what a broken producer drops says less than why it broke
                self._why = error.str()
            if error.code() in FORBIDDEN:
                self._is_forbidden()
            # Those after which an idempotent producer cannot go on, and that of a broker which
            # has just been started and does not know its topics yet: librdkafka would believe it
            # for half a minute.
            self._broken = self._broken or error.fatal() or error.code() in _HOPELESS
            return
        del self._pending[number]
        publication.done(outcome)

    def _give_up(self, error: KafkaError) -> None:
        """Note that this producer cannot go on."""
        self._broken, self._why = True, error.str()
        if error.code() in FORBIDDEN:
            self._is_forbidden()

    def _is_forbidden(self) -> None:
        """Note that the broker's rules are against it; that is no fault of this client's."""
        plugin = self._io.plugin
        self._why = plugin.trouble.forbidden(f"to write the topic {plugin.topic}")
        self._forbidden = True
        self._up_since = time.monotonic()
        self._again = self._up_since + LOOK_SECONDS

    # -- in its own thread --------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                self._io.plugin.client.poll(0.2)
            except KafkaException as error:  # one after which this producer cannot go on
                with self._lock:
                    self._give_up(error.args[0])
            if self._broken:
                self._replace()
            with self._lock:
                unsent = [n for n, each in self._pending.items() if not each.handed_over]
                if self._broken or (self._forbidden and time.monotonic() < self._again):
                    unsent = []
                elif self._forbidden:
                    unsent = unsent[:1]
                for number in unsent:
                    if not self._hand_over(number):
                        break
            if self._waiting() > LOOK_SECONDS < time.monotonic() - self._looked:
                self._look()

    def _replace(self) -> None:
        """Put a new producer in the place of one that cannot go on; nothing is lost."""
        if self._forbidden and time.monotonic() < self._again:
            return
        try:
            fresh = self._open()
        except BrokerAway as error:
            self._why, self._up_since = str(error), time.monotonic()
            return
        if not self._forbidden:
            log.info("%s: the client was replaced: %s", self._what, self._why)
        with self._lock:
            self._generation += 1
            self._io, self._broken, self._why = fresh, False, ""
            for publication in self._pending.values():
                publication.handed_over = False

    def _look(self) -> None:
        """Ask whether the broker is there, and has the topic."""
        topic = self._io.plugin.topic
        try:
            found = self._io.plugin.client.list_topics(topic, timeout=LOOK_SECONDS).topics[topic]
        except KafkaException as error:
            why = self._io.plugin.trouble.why(error.args[0])
            self._why = f"the broker cannot be reached: {why}"
            self._up_since = time.monotonic()
        else:
            self._io.plugin.trouble.over()
            if found.error is not None and found.error.code() in FORBIDDEN:
                self._is_forbidden()
            elif found.error is not None:
                self._why = f"there is no topic {topic}"
                self._up_since = time.monotonic()
            elif self._why.startswith("the broker cannot be reached"):
                self._why = ""
        self._looked = time.monotonic()

    def _waiting(self) -> float:
        with self._lock:
            oldest = next(iter(self._pending.values()), None)
        return 0.0 if oldest is None else time.monotonic() - oldest.since

    def _why_not(self) -> str:
        return self._why or f"the broker has not acknowledged in {self._waiting():.0f} s"
