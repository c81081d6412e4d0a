"""Consumer groups on the real broker: where they begin, what they commit, how they share."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import Producer
from posestream.streams import Reader

from . import lab
from .topics import EARLIEST, read, topic, until


def settle(it, reader, *offsets: int) -> None:
    """Poll until the broker has these commits of the group, by partition."""
    until(lambda: it.committed() == list(offsets), reader)


def test_a_group_begins_where_it_is_told_to():
    with topic() as it:
        it.store(b"before")
        with it.reader(group_id=f"{it.name}-late") as late, it.reader(**EARLIEST) as early:
            until(lambda: late._places, late)
            assert read(early, 1) == [b"before"]
            it.store(b"after")
            assert read(late, 1) == [b"after"]


def test_what_is_stored_is_not_read_again_and_what_is_not_is():
    with topic() as it:
        it.store(*(b"%d" % number for number in range(6)))
        with it.reader(**EARLIEST) as reader:
            messages = []
            while len(messages) < 6:
                messages += reader.poll(0.2)
            for message in messages[:3]:
                reader.commit(message)
            reader.poll(0.1)
        with it.reader(**EARLIEST) as again:
            assert read(again, 3) == [b"3", b"4", b"5"]


def test_a_group_that_has_begun_misses_nothing_while_it_is_away():
    """It has read nothing yet, but it has begun: at the end, and that is committed."""
    with topic() as it:
        it.store(b"before")
        with it.reader() as reader:
            settle(it, reader, 1)
        it.store(b"meanwhile")
        with it.reader() as again:
            assert read(again, 1) == [b"meanwhile"]


@pytest.mark.parametrize(("seek", "expected"), [("beginning", [b"0", b"1"]), ("end", [b"2"])])
def test_each_start_may_begin_elsewhere(seek, expected):
    with topic() as it:
        it.store(b"0", b"1")
        with it.reader(**EARLIEST) as reader:
            messages = []
            while len(messages) < 2:
                messages += reader.poll(0.2)
            for message in messages[: 2 if seek == "beginning" else 1]:
                reader.commit(message)
            settle(it, reader, 2 if seek == "beginning" else 1)
        with it.reader(seek=seek) as again:
            found = until(lambda: again._places, again)
            assert not found or seek == "beginning"
            if seek == "end":
                it.store(b"2")
            payloads = [message.payload for message in found]
            assert payloads + read(again, len(expected) - len(payloads)) == expected


def test_it_goes_to_the_end_when_told_to():
    with topic() as it:
        it.store(*[b"old"] * 40)
        with it.reader(**EARLIEST) as reader:
            before = len(read(reader, 1))
            reader.seek_to_end()
            it.store(b"new")
            payloads = []
            while payloads[-1:] != [b"new"]:
                payloads += read(reader, 1)
            assert before + len(payloads) < 40


def test_what_is_on_hold_comes_later():
    with topic() as it:
        it.store(b"zero")
        with it.reader(**EARLIEST) as reader:
            read(reader, 1)
            reader.hold()
            it.store(b"one")
            assert reader.poll(1.0) == []
            assert reader.holdup()[0] == 0
            reader.go_on()
            assert read(reader, 1) == [b"one"]


def test_records_that_cannot_be_read_are_passed_over():
    """Records that grow a thousandfold: librdkafka refuses to unpack them, over and over."""
    with topic() as it:
        it.store(b"before")
        bomb = Producer(
            {
                "bootstrap.servers": lab.BROKERS,
                "compression.type": "zstd",
                "message.max.bytes": 200_000_000,
                "linger.ms": 500,
            }
        )
        for payload in (b"small", bytes(80_000_000), b"small"):
            bomb.produce(it.name, payload, key=b"camera")
        assert bomb.flush(30) == 0
        it.store(b"after")
        with it.reader(receive_message_max_bytes=60_000_000, **EARLIEST) as reader:
            messages = []
            until(
                lambda: messages and messages[-1].payload == b"after", reader, note=messages.append
            )
        unreadable = [message for message in messages if message.unreadable]
        assert messages[0].payload == b"before"
        assert 1 <= len(unreadable) <= 3  # a batch goes as a whole
        assert all(message.payload is None for message in unreadable)


def test_a_partition_that_is_added_is_read_from_its_start():
    with topic() as it, it.reader() as reader:
        settle(it, reader, 0)
        it.grow(2)
        producer = Producer({"bootstrap.servers": lab.BROKERS})
        deadline = time.monotonic() + 30
        while len(producer.list_topics(it.name, timeout=5).topics[it.name].partitions) < 2:
            assert time.monotonic() < deadline
        for number in range(30):
            producer.produce(it.name, b"%d" % number, partition=number % 2)
        assert producer.flush(30) == 0
        assert len(reader._places) == 1, "it was found too soon for this test"
        assert sorted(map(int, read(reader, 30))) == list(range(30))


def test_members_that_come_and_go_hand_over_without_doing_anything_twice():
    """Each result is stored a while after it was read; whoever leaves waits for it."""
    done, lock, stop = [], threading.Lock(), threading.Event()

    def work(reader):
        while not stop.is_set() and not getattr(reader, "to_end", False):
            for message in reader.poll(0.1):
                threading.Timer(0.05, finish, (reader, message)).start()

    def finish(reader, message):
        with lock:
            done.append(int(message.payload))
        reader.commit(message)

    with topic(4) as it:
        members, number = [], 0
        producer = Producer({"bootstrap.servers": lab.BROKERS})
        for step in range(5):
            if step in (0, 1, 2):
                reader = Reader(it.streams(**EARLIEST), "it", instance=f"member-{step}")
                thread = threading.Thread(target=work, args=(reader,), daemon=True)
                thread.start()
                members.append((reader, thread))
            elif members:
                reader, thread = members.pop(0)
                reader.to_end = True
                thread.join(10)
                time.sleep(0.2)
                reader.close()
            until = time.monotonic() + 4
            while time.monotonic() < until:
                producer.produce(it.name, b"%d" % number, key=b"%d" % (number % 10))
                number += 1
                time.sleep(0.02)
        producer.flush(30)
        # The partitions of those who left without a word (static members) come when their session
        # is over.
        lab.wait_until(
            lambda: len(set(done)) == number, lambda: f"{len(set(done))} of {number}", 40
        )
        stop.set()
        for reader, thread in members:
            thread.join(10)
            reader.close()
    assert len(done) - len(set(done)) == 0
