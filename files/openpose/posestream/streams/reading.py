"""Reading: a member of a consumer group that commits what is stored, and who only looks on."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from ..logs import Limited
from ..services import topics
from ..settings import Streams
from .decoding import RecordDecoder
from .messages import BrokerAway, Forbidden, Message, Reopen, TopicMissing
from .opening import CLOSE_SECONDS, WAIT_SECONDS, close_in_time, opened
from .plugin import KafkaReader, reach
from .progress import Place, Progress
from .trouble import FORBIDDEN

AWAY_SECONDS = 5.0  # without a sign of the broker for so long, a reader says so
JOIN_SECONDS = 20.0  # for a group to come about, before another client tries
COMMIT_MILLISECONDS = 500  # between two commits; what a killed worker may do twice
HANDOVER_SECONDS = 5.0  # for what is under way in partitions that go to others
LOOK_SECONDS = 2.0  # between two questions about the ends of the partitions, and for an answer
BATCH = 16  # messages that one poll returns at most

_UNREADABLE = {
    KafkaError._BAD_COMPRESSION,
    KafkaError._BAD_MSG,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
}
_NO_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}

T = TypeVar("T")

log = logging.getLogger(__name__)


class _Consumer(KafkaReader):
    """The plugin, without the clock's commits."""

    instance = ""

    def __init__(self, confver: Any, params: dict[str, Any]) -> None:
        super().__init__(confver, params)
        # Where a group begins is decided in `Reader`; else it is where retention has left off.
        self.begins = self.config.pop("auto.offset.reset", "latest")
        if self.instance:
            self.config.setdefault("group.instance.id", self.instance)
        self.config |= {
            "auto.offset.reset": "earliest",
            # librdkafka commits by the clock, and before partitions go, what `Reader` tells it to.
            "enable.auto.commit": True,
            "auto.commit.interval.ms": COMMIT_MILLISECONDS,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "on_commit": self._pass_on,
        }

    def _of_consistency(self, consistency: Any) -> dict[str, Any]:
        return {}

    def open(self) -> KafkaReader:
        self.client = Consumer(self.config)
        reach(self.client, self)
        return self

    def _pass_on(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Pass on librdkafka's answer to a commit."""
        self.on_commit(error, partitions)

    @staticmethod
    def on_commit(error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Take the answer; who opens the reader puts its own here."""


class _Reading:
    """What reading has in common: records to messages, and an eye on the broker."""

    plugin: type[_Consumer] = _Consumer

    def __init__(self, streams: Streams, service: str) -> None:
        """Connect to the broker.

        Raises:
            BrokerAway: the broker cannot be reached.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        self._what = streams.describe(service)
        self._topics = sorted(topics(streams.services[service]))
        self._progress = Progress()
        self._places: set[Place] = set()
        self._behind: dict[Place, float] = {}  # since when there is something that is not read
        self._forbidden: dict[Place | None, Forbidden] = {}  # what must not be read; None: anything
        self._failures: dict[Place, int] = {}  # offsets that could not be read in a row
        self.lags: dict[Place, int] = {}  # messages not dealt with, when it was last looked
        self._heard = self._looked = self._up_since = time.monotonic()
        self._trouble: BrokerAway | None = None
        self._holding = False
        self._io: RecordDecoder = opened(
            self._what, lambda: RecordDecoder(self.plugin, streams.arguments(service))
        )

    @property
    def client(self) -> Consumer:
        """Kafka's client below."""
        return self._io.plugin.client

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""
        since = min(self._behind.values(), default=None)
        if since is None:
            return 0.0, ""
        return time.monotonic() - since, f"nothing is read of {self._what}, and there are messages"

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages, waiting for them for `timeout` seconds at the most.

        Raises BrokerAway while there is no connection, TopicMissing while there is no topic; the
        reader goes on trying with each further call, unless it is Reopen.
        """
        messages: list[Message] = []
        while len(messages) < BATCH:
            record = self.client.poll(0 if messages else timeout)
            if record is None:
                break
            timeout = 0
            if record.error() is None:
                messages.append(self._message(record))
            elif (message := self._sort_out(record)) is not None:
                messages.append(message)
        self._look()
        trouble = self._trouble or next(iter(self._forbidden.values()), None)
        if trouble is not None and not messages:
            raise trouble.with_traceback(None)
        return messages

    def _message(self, record: Any) -> Message:
        message = self._io.decode(record)
        self._delivered(message.position)
        self._failures.pop(message.position[:2], None)
        return message

    def _hear(self) -> None:
        """Note a sign of the broker."""
        self._trouble = None
        now = time.monotonic()
        if now - self._heard > AWAY_SECONDS:
            self._up_since = now
        self._heard = now

    def _delivered(self, position: tuple[str, int, int]) -> None:
        self._progress.delivered(position)
        self._hear()
        self._may_read(position[:2])
        self._behind.pop(position[:2], None)

    def _may_read(self, place: Place) -> None:
        """Note that a partition was read."""
        if self._forbidden:
            self._forbidden.pop(place, None)
            self._forbidden.pop(None, None)
            self._up_since = time.monotonic()  # what is owed counts from here

    def _sort_out(self, record: Any) -> Message | None:
        """Deal with what librdkafka hands out in place of a record."""
        error = record.error()
        if error.code() == KafkaError._PARTITION_EOF:
            place = (record.topic(), record.partition())
            self._hear()
            self._may_read(place)
            self._behind.pop(place, None)
            if place in self._places:
                self._progress.reached(place, record.offset())
        elif error.code() in _UNREADABLE and record.topic() is not None:
            return self._pass_over(record)
        elif error.code() in FORBIDDEN:
            self._is_forbidden(record)
        elif error.code() in _NO_TOPIC:
            self._trouble = self._topic_is_gone()
        elif error.fatal():
            self._trouble = Reopen(f"{self._what}: {error.str()}")
        elif error.code() != KafkaError._MAX_POLL_EXCEEDED:  # it joins again by itself
            self._trouble = BrokerAway(f"{self._what}: {error.str()}")
        return None

    def _pass_over(self, record: Any) -> Message | None:
        """Pass over a record that the client cannot read, where it could not the second time.

        What cannot be read is a batch of records, whose end is not known: the next record is
        tried, and so on until one can be read.
        """
        place = (record.topic(), record.partition())
        offset = max(record.offset(), self._progress.next_offset(place) or 0)
        tries = self._failures.get(place, 0)
        self._failures[place] = tries + 1
        message = None
        if tries:
            position = (*place, offset)
            self._delivered(position)
            message = Message(None, None, time.time(), position, unreadable=record.error().str())
            offset += 1
        self.client.seek(TopicPartition(*place, offset))
        return message

    def _is_forbidden(self, record: Any) -> None:
        """Note what the broker's rules are against; it is said until it can be read."""
        place = (record.topic(), record.partition())
        # Of a whole topic librdkafka says partition 0, which may be another reader's.
        known = place if place in self._places else None
        self._forbidden[known] = self._forbidden_to_read(record.error().code())

    def _forbidden_to_read(self, code: int) -> Forbidden:
        what = f"to read the topic {', '.join(self._topics)}"
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            what = f"to use the consumer group {self.group}"
        return Forbidden(f"{self._what}: {self._io.plugin.trouble.forbidden(what)}")

    def _topic_is_gone(self) -> BrokerAway:
        """Say what follows of a topic that there was, or should be; a group waits for it."""
        return self._no_topic()

    def _no_topic(self) -> TopicMissing:
        return TopicMissing(f"{self._what}: there is no topic {', '.join(self._topics)}")

    def _look(self) -> None:
        """Ask the broker now and then how far the partitions go: it is there, and all is read."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        lags = {}
        try:
            for place in self._places:
                _, end = self.client.get_watermark_offsets(
                    TopicPartition(*place), timeout=LOOK_SECONDS
                )
                self._hear()
                lags[place] = self._progress.behind(place, end)
                is_free = not self._holding and place not in self._forbidden
                if is_free and end > (self._progress.next_offset(place) or end):
                    self._behind.setdefault(place, self._heard)
                else:
                    self._behind.pop(place, None)
            if not self._places:
                self._look_for_topics()
            self._looked, self.lags = time.monotonic(), lags
            self._io.plugin.trouble.over()
        except KafkaException as error:
            if error.args[0].code() in FORBIDDEN:
                self._hear()
                self._behind.clear()
                self._trouble = self._forbidden_to_read(error.args[0].code())
            elif time.monotonic() - self._heard > AWAY_SECONDS:
                self._behind.clear()
                why = self._io.plugin.trouble.why(error.args[0])
                self._trouble = BrokerAway(f"{self._what}: the broker cannot be reached: {why}")

    def _look_for_topics(self) -> None:
        for name in self._topics:
            found = self.client.list_topics(name, timeout=LOOK_SECONDS).topics[name]
            self._hear()
            if found.error is not None and found.error.code() in FORBIDDEN:
                self._trouble = self._forbidden_to_read(found.error.code())
            elif found.error is not None:
                self._trouble = self._no_topic()

    def _edges(self, place: Place) -> tuple[int, int]:
        """Return the first offset that is kept, and the one after the last message."""
        return self.client.get_watermark_offsets(TopicPartition(*place), timeout=WAIT_SECONDS)

    def _all_places(self) -> set[Place]:
        places = set()
        for name in self._topics:
            found = self.client.list_topics(name, timeout=WAIT_SECONDS).topics[name]
            if found.error is not None and found.error.code() in FORBIDDEN:
                raise self._forbidden_to_read(found.error.code())
            places |= {(name, number) for number in found.partitions}
        return places

    def _committed(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the group's commits; negative where there is none."""
        asked = [TopicPartition(*place) for place in places]
        found = self.client.committed(asked, timeout=WAIT_SECONDS) if asked else []
        return {(partition.topic, partition.partition): partition.offset for partition in found}

    @property
    def group(self) -> str:
        """The name of the consumer group."""
        return self._io.plugin.config["group.id"]

    def close(self) -> None:
        """Let go of the broker."""
        close_in_time(self.client.close, CLOSE_SECONDS)


class Reader(_Reading):
    """Reads one service's topics as a member of its `group_id`, with the others of the group.

    It starts where the group's commits say. A partition without one is new, and read from its
    start; but where the group has no commit at all, `auto_offset_reset` says where it begins. Poll
    in one thread; `commit` may be called from any.
    """

    def __init__(
        self, streams: Streams, service: str, *, instance: str = "", seek: str = ""
    ) -> None:
        """Connect to the broker and join the group.

        Args:
            streams: the services.
            service: the one to read.
            instance: the name of this member (group.instance.id): one that comes back by it gets
                its partitions back at once.
            seek: "beginning" or "end" to start there each time, whatever is committed.

        Raises:
            BrokerAway: the broker cannot be reached.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        self.plugin = type("_Member", (_Consumer,), {"instance": instance})
        super().__init__(streams, service)
        self._seek = seek
        self._sought: set[Place] = set()
        self._joined = False
        self._waiting_since = time.monotonic()
        self._new: set[Place] = set()  # assigned, and not yet read
        self._uncommitted: float | None = None  # since when a commit is owed
        self._closing = False
        self._say_forbidden = Limited(log.warning, lines=1)
        self.leaving: Callable[[set[Place]], list[Message]] = lambda places: []
        self._io.plugin.on_commit = self._on_commit
        strategy = self._io.plugin.config["partition.assignment.strategy"]
        self._is_cooperative = strategy.startswith("cooperative")
        self.client.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages, see `_Reading.poll`; hands on what is to be committed."""
        self._hand_on_commits(self._places)
        try:
            messages = super().poll(timeout)
            self._begin_new()
        except BrokerAway:
            self._waiting_since = time.monotonic()
            raise
        if not self._joined and time.monotonic() - self._waiting_since > JOIN_SECONDS:
            raise Reopen(
                f"{self._what}: the broker answers, but the group {self.group} does not come "
                "about: the broker's log says why (with one broker, "
                "offsets.topic.replication.factor has to be 1)"
            )
        return messages

    def holdup(self) -> tuple[float, str]:
        """Return for how many seconds the client has owed something, and what it is."""
        reading, since, now = super().holdup(), self._uncommitted, time.monotonic()
        if since is None or self._forbidden or now - self._heard > AWAY_SECONDS:
            return reading
        owed = now - max(since, self._up_since)
        return max(reading, (owed, f"nothing of {self._what} could be committed"))

    # -- partitions come and go ---------------------------------------------------------------
    #
    # In librdkafka's callbacks nothing of its client may be called that waits: confluent-kafka
    # would abort the process (CallState_get) at the next callback of the same poll.

    def _on_assign(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._joined = True
        self._forbidden.pop(None, None)
        self._new |= {(partition.topic, partition.partition) for partition in partitions}
        self._assign(client, {})

    def _assign(self, client: Consumer, starts: dict[Place, int]) -> None:
        placed = [TopicPartition(*each) for each in _flat(starts)]
        if self._is_cooperative:
            client.incremental_assign(placed)
        else:
            client.assign(placed)

    def _begin_new(self) -> None:
        """Begin to read the partitions that were assigned."""
        if not self._new:
            return
        try:
            starts = self._starts(set(self._new))
            self._assign(self.client, starts)
        except KafkaException as error:
            raise BrokerAway(f"{self._what}: {error.args[0].str()}") from error
        self._places |= self._new
        self._new.clear()
        # A partition that went and came back is as it was: perhaps on hold.
        (self.hold if self._holding else self.go_on)()
        named = ", ".join(f"{name}/{number} from {at}" for name, number, at in _flat(starts))
        log.info("%s: reads %s", self._what, named)

    def _starts(self, places: set[Place]) -> dict[Place, int]:
        """Return where to start in the partitions.

        After a loss of the group, where this reader was, unless others have come further: else
        each loss of the broker that lasts longer than the group's session would show those
        frames twice that are between reading and storing.
        """
        committed = self._committed(places)
        starts = {}
        for place in places:
            mine = self._progress.next_offset(place)
            if mine is not None and committed[place] <= mine:
                starts[place] = mine
                self._progress.owe(place)
                continue
            self._progress.forget([place])
            if self._seek and place not in self._sought:
                starts[place] = self._edges(place)[self._seek == "end"]
            elif committed[place] >= 0:
                starts[place] = committed[place]
        self._sought |= places
        starts |= self._first_starts(places - starts.keys())
        for place, offset in starts.items():
            if self._progress.next_offset(place) is None and offset != committed[place]:
                self._progress.reached(place, offset)  # and so it is committed
            self._progress.starts(place, offset)
        return starts

    def _first_starts(self, places: set[Place]) -> dict[Place, int]:
        """Return where to start in partitions of which the group has committed nothing."""
        if not places:
            return {}
        everywhere = self._all_places()
        begins = self._io.plugin.begins == "latest" and not any(
            offset >= 0 for offset in self._committed(everywhere).values()
        )
        if begins:
            # For all partitions at once, so that none is taken for one that was found late.
            others = {place: self._edges(place)[1] for place in everywhere - places}
            self.client.commit(
                offsets=[TopicPartition(*each) for each in _flat(others)], asynchronous=True
            )
        return {place: self._edges(place)[begins] for place in places}

    def _on_revoke(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        places = {(partition.topic, partition.partition) for partition in partitions}
        for message in self.leaving(places):
            self._progress.given_up(message.position)
        deadline = time.monotonic() + HANDOVER_SECONDS
        while not self._closing and self._progress.is_pending(places):
            if time.monotonic() > deadline:
                log.info("%s: others do again what is under way in %s", self._what, sorted(places))
                break
            time.sleep(0.01)
        self._hand_on_commits(places)
        self._let_go(client, places)
        self._progress.forget(places)

    def _on_lost(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        # What is under way goes on: nobody may have taken the partitions in between.
        self._let_go(client, {(partition.topic, partition.partition) for partition in partitions})

    def _let_go(self, client: Consumer, places: set[Place]) -> None:
        self._new -= places
        if self._is_cooperative:
            client.incremental_unassign([TopicPartition(*place) for place in places & self._places])
        else:
            client.unassign()
        self._places -= places
        self._uncommitted = None
        if not self._places:
            self._joined, self._waiting_since = False, time.monotonic()
        self.lags = {place: lag for place, lag in self.lags.items() if place not in places}
        for place in places:
            self._behind.pop(place, None)

    # -- commits ------------------------------------------------------------------------------

    def commit(self, message: Message) -> None:
        """Note that the result of `message` is stored; soon its group will not get it again.

        Messages may be named in any order: an offset is committed when all before it are stored.
        """
        self._progress.stored(message.position)

    def _hand_on_commits(self, places: set[Place]) -> None:
        """Tell librdkafka what it may commit."""
        offsets = self._progress.take(places)
        if not offsets:
            return
        if self._uncommitted is None:
            self._uncommitted = time.monotonic()
        try:
            self.client.store_offsets(offsets=[TopicPartition(*each) for each in _flat(offsets)])
        except KafkaException as error:
            log.debug("%s: not committed: %s", self._what, error.args[0].str())

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is None:
            self._uncommitted = None
        elif error.code() in FORBIDDEN:
            # Owed it is not: a new client would not be allowed it either.
            self._uncommitted = None
            self._say_forbidden(f"not committed: {self._forbidden_to_read(error.code())}")
        else:
            log.debug("%s: not committed yet: %s", self._what, error.str())

    # -- back-pressure ------------------------------------------------------------------------

    def hold(self) -> None:
        """Fetch nothing until `go_on`: the messages cannot be taken. Polls are still needed."""
        self._holding = True
        self._behind.clear()
        self.client.pause([TopicPartition(*place) for place in self._places])

    def go_on(self) -> None:
        """Fetch again."""
        self._holding = False
        self.client.resume([TopicPartition(*place) for place in self._places])

    def seek_to_end(self) -> None:
        """Go on with what is published from now on; raises BrokerAway."""
        try:
            for place in self._places:
                _, end = self._edges(place)
                self.client.seek(TopicPartition(*place, end))
                self._progress.reached(place, end)
        except KafkaException as error:
            raise BrokerAway(f"{self._what}: {error.args[0].str()}") from error

    def close(self) -> None:
        """Commit what is stored, and leave the group."""
        self._closing = True
        self._hand_on_commits(self._places)
        super().close()


class Watcher(_Reading):
    """Reads one service's topics for who only looks on: no group, no commits.

    It takes all partitions itself, and looks for new ones now and then.
    """

    def __init__(self, streams: Streams, service: str, past: float = 0.0) -> None:
        """Connect to the broker; what is published after this returns will be read.

        Args:
            streams: the services.
            service: the one to look on at.
            past: seconds; what was published in the last so many is read too.

        Raises:
            BrokerAway: the broker cannot be reached.
            TopicMissing: there is nothing to look on at.
            SettingsError: SINETStream or the Kafka client cannot work with the settings.
        """
        super().__init__(streams, service)
        self._past = past
        self._asked(lambda: self._take(new=False))
        if not self._places:
            self.close()
            raise self._no_topic()
        self._taken = time.monotonic()

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages, see `_Reading.poll`."""
        if time.monotonic() - self._taken > 5 * LOOK_SECONDS:
            self._taken = time.monotonic()
            with contextlib.suppress(BrokerAway):  # which is said below, if it lasts
                self._asked(lambda: self._take(new=True))
        messages = super().poll(timeout)
        for message in messages:
            self._progress.stored(message.position)
        return messages

    def _is_forbidden(self, record: Any) -> None:
        # The client asks for the group's coordinator, which nothing here is in need of.
        if record.error().code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            super()._is_forbidden(record)

    def _topic_is_gone(self) -> BrokerAway:
        # A broker that has just been started does not know its topics yet, and librdkafka lets go
        # of them for good where no group has them.
        return Reopen(str(self._no_topic()))

    def edges(self) -> dict[Place, tuple[int, int]]:
        """Return, by partition, the first offset that is kept, and the one after the last message.

        Raises BrokerAway, as the next two do.
        """
        return self._asked(lambda: {place: self._edges(place) for place in self._places})

    def committed(self) -> dict[Place, int | None]:
        """Return, by partition, the next offset that the consumer group will read."""
        found = self._asked(lambda: self._committed(self._places))
        return {place: offset if offset >= 0 else None for place, offset in found.items()}

    def has_read(self, ends: dict[Place, tuple[int, int]]) -> bool:
        """Say whether all is read that `edges` has named."""
        return all(
            (self._progress.next_offset(place) or 0) >= end for place, (_, end) in ends.items()
        )

    def newest(self, timeout: float) -> list[Message]:
        """Return the newest message of each partition, as far as they come in `timeout` seconds.

        What is published meanwhile is not read any more.
        """
        last = {place: end - 1 for place, (start, end) in self.edges().items() if end > start}
        self._asked(lambda: self.client.assign([TopicPartition(*each) for each in _flat(last)]))
        found: dict[Place, Message] = {}
        deadline = time.monotonic() + timeout
        while found.keys() != last.keys() and time.monotonic() < deadline:
            for message in super().poll(0.2):
                found.setdefault(message.position[:2], message)
        return list(found.values())

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except KafkaException as error:
            raise BrokerAway(f"{self._what}: {error.args[0].str()}") from error

    def _take(self, *, new: bool) -> None:
        """Take the partitions that are not yet taken: at their start where they are new."""
        found = self._all_places() - self._places
        starts = {place: self._edges(place)[0 if new else 1] for place in found}
        if self._past and not new:
            starts |= self._since(time.time() - self._past, found)
        for place, offset in starts.items():
            self._progress.starts(place, offset)
        if starts:
            self.client.incremental_assign([TopicPartition(*each) for each in _flat(starts)])
        self._places |= found

    def _since(self, moment: float, places: set[Place]) -> dict[Place, int]:
        """Return the first offset from a time on, of the partitions that have one."""
        asked = [TopicPartition(*place, round(moment * 1000)) for place in places]
        found = self.client.offsets_for_times(asked, timeout=WAIT_SECONDS) if asked else []
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}


def _flat(offsets: dict[Place, int]) -> list[tuple[str, int, int]]:
    return [(*place, offset) for place, offset in offsets.items()]
