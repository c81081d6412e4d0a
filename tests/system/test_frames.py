"""Frames in, annotated frames out: in order, none lost, whatever lies between."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

import cv2
import numpy as np
from confluent_kafka import Producer
from kafka import KafkaProducer
from sinetstream.marshal import Marshaller
from sinetstream.packet import Packet

from . import lab
from .clients import PlainProducer, Results, image_reader, image_writer, timestamps

EACH = 500  # bad frames of a kind


def annotated(picture: np.ndarray, source: np.ndarray) -> bool:
    """Say whether a picture is its source with something drawn on it."""
    assert picture.shape == source.shape
    difference = cv2.absdiff(picture, source).max(axis=2)
    return (difference > 60).sum() > 500 and np.median(difference) < 10


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """Return a PNG of black and white pixels, whose rows are given compressed."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": rows, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in chunks.items())


def png_bomb(side: int = 32000) -> bytes:
    """Return a PNG of side × side black pixels: 3 GB of pixels in a few hundred kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png_of(side, side, rows)


def test_a_plain_kafka_client_gets_every_frame_back_in_order(pictures, jpegs):
    key, times = b"plain-client", timestamps(len(jpegs))
    with Results() as results:
        producer = PlainProducer()
        for jpeg, timestamp in zip(jpegs, times, strict=True):
            producer.send(jpeg, key, timestamp)
        producer.flush()
        back = results.wait_for(times)
    assert [result.timestamp for result in back] == times
    assert {result.key for result in back} == {key}
    assert (
        sum(
            annotated(result.picture, picture)
            for result, picture in zip(back, pictures, strict=True)
        )
        >= 38
    )


def test_sinetstreams_image_type_gets_every_frame_back_in_order(pictures):
    times, back = timestamps(20), []
    with image_reader() as results, image_writer() as writer:
        messages = iter(results)
        # The camera plays all the time: its first picture tells that the reader has its partitions.
        assert next(messages, None) is not None, "no picture of the camera's came"
        for picture, timestamp in zip(pictures, times, strict=False):
            writer.publish(picture, timestamp)
        for message in messages:
            if round(message.timestamp, 3) in times:
                back.append(message)
            if len(back) == len(times):
                break
    assert [round(message.timestamp, 3) for message in back] == times
    assert all(message.raw.key is None for message in back)
    assert (
        sum(
            annotated(message.value, picture)
            for message, picture in zip(back, pictures, strict=False)
        )
        >= 19
    )


def jpeg_of(width: int, height: int) -> bytes:
    """Return a JPEG that says to have this size, of one grey component and nothing in its scan."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data

    frame = struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes(20)
    return b"\xff\xd8" + segment(0xC0, frame) + scan + b"\xff\xd9"


def many_scans(jpeg: bytes, count: int) -> bytes:
    """Return a JPEG whose last scan comes so many times."""
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + scan * count + jpeg[-2:]


def bad_frames(small: np.ndarray) -> dict[str, tuple[str, bytes | None]]:
    """Return, by kind, why a frame is to be skipped, and the frame."""
    jpeg, png = (cv2.imencode(kind, small)[1].tobytes() for kind in (".jpg", ".png"))
    progressive = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    endless = Packet.pack(b"\xc3\x01" + bytes(8) + b"\xff" * 200, 0)
    return {
        "no value": ("null", None),
        "an empty value": ("empty", b""),
        "a text": ("not_a_picture", b"not a picture but a text about one"),
        "noise": ("not_a_picture", np.random.default_rng(1).bytes(2000)),
        "a GIF": ("not_a_picture", b"GIF89a" + bytes(100)),
        "a number without end for a time": ("not_a_picture", endless),
        "a JPEG of nothing": ("not_a_picture", jpeg_of(0, 0)),
        "half a JPEG": ("truncated", jpeg[: len(jpeg) // 2]),
        "half a PNG": ("truncated", png[: len(png) // 2]),
        "a JPEG of 4 gigapixels": ("too_large", jpeg_of(65535, 65535)),
        "a PNG of a gigapixel": ("too_large", png_of(32000, 32000)),
        "a PNG with a long side": ("too_large", png_of(70000, 2)),
        "a JPEG of many scans": ("too_complex", many_scans(progressive, 200)),
    }


SKIPPED = ("null", "empty", "not_a_picture", "truncated", "too_large", "too_complex", "unreadable")


def counters() -> dict[str, float]:
    """Return how many frames the worker has skipped, by reason, and how many times replaced."""
    names = {reason: f'posestream_frames_skipped_total{{reason="{reason}"}}' for reason in SKIPPED}
    names["times"] = "posestream_times_replaced_total"
    return {what: lab.metric(name) for what, name in names.items()}


def growth(before: dict[str, float]) -> dict[str, float]:
    """Return what the counters have grown by, where they have."""
    grown = {what: value - before[what] for what, value in counters().items()}
    return {what: value for what, value in grown.items() if value}


def test_bad_frames_are_counted_and_skipped(pictures, jpegs):
    """So many of each kind, with keys of any bytes, and between them good ones."""
    bad = bad_frames(cv2.resize(pictures[0], (160, 120)))
    key, times, before = b"bad-frames", timestamps(len(bad) + 1), counters()
    expected: Counter[str] = Counter({"too_large": 1})
    with Results() as results:
        producer = PlainProducer()
        producer.send(png_bomb(), key, times[0])
        producer.send(jpegs[0], key, times[0])
        for index, (reason, value) in enumerate(bad.values()):
            for number in range(EACH):
                producer.send(value, bytes([index, number % 256]) * (number % 3), times[0])
            expected[reason] += EACH
            producer.send(jpegs[index + 1], key, times[index + 1])
        producer.flush()
        back = results.wait_for(times)
    assert [result.timestamp for result in back] == times
    assert growth(before) == expected


def test_whatever_a_kafka_client_does_with_records_is_read(jpegs):
    """Each record is no picture, so that the worker counts it and need not look for people."""
    key, (time,), before = b"records", timestamps(1), counters()
    expected: Counter[str] = Counter()

    def send(producer, count=EACH, **more):
        for number in range(count):
            producer.produce(lab.SOURCE_TOPIC, b"a text %d" % number, **{"key": key, **more})
        assert producer.flush(60) == 0
        expected["not_a_picture"] += count

    with Results() as results:
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            send(Producer({"bootstrap.servers": lab.BROKERS, "compression.type": codec}))
        plain = Producer({"bootstrap.servers": lab.BROKERS})
        send(plain, headers=[("name", b"\xff\xfe"), ("", None), ("name", b"")])
        send(plain, key=None)
        send(plain, timestamp=1_700_000_000_000_000_000)  # nanoseconds
        expected["times"] += EACH
        for microseconds in (2**63 - 1, -(2**62)):
            packet = Packet.pack(Marshaller().marshal(b"a text", microseconds), 0)
            for _ in range(EACH):
                plain.produce(lab.SOURCE_TOPIC, packet, key=key)
            expected.update(not_a_picture=EACH, times=EACH)
        assert plain.flush(60) == 0
        send_with_strange_headers(EACH)
        expected["not_a_picture"] += EACH
        transactional = Producer(
            {"bootstrap.servers": lab.BROKERS, "transactional.id": f"test-{time}"}
        )
        transactional.init_transactions(60)
        for commit in (False, True):
            transactional.begin_transaction()
            send(transactional)
            (transactional.commit_transaction if commit else transactional.abort_transaction)(60)
        expected["not_a_picture"] -= EACH  # those of the aborted one are never seen
        producer = PlainProducer()
        producer.send(jpegs[0], key, time)
        producer.flush()
        results.wait_for([time])
    assert growth(before) == expected


def send_with_strange_headers(count: int) -> None:
    """Write records that have a header whose name is no text, which librdkafka would not write."""

    class Name(str):
        def encode(self, *_: object) -> bytes:
            return b"\xff\xfename"

    producer = KafkaProducer(bootstrap_servers=lab.BROKERS)
    for _ in range(count):
        producer.send(lab.SOURCE_TOPIC, b"a text", headers=[(Name("name"), b"\xff")])
    producer.flush(60)
    producer.close()


def test_damage_is_counted_and_the_picture_still_used(pictures):
    jpeg = bytearray(cv2.imencode(".jpg", cv2.resize(pictures[0], (160, 120)))[1].tobytes())
    jpeg[-200:-190] = b"\xff\x01" * 5  # no marker stands in a scan
    before = lab.metric("posestream_frames_damaged_total")
    times = timestamps(EACH if lab.LONG else EACH // 10)
    with Results() as results:
        producer = PlainProducer()
        for time in times:
            producer.send(bytes(jpeg), b"damaged", time)
        producer.flush()
        results.wait_for(times)
    assert lab.metric("posestream_frames_damaged_total") - before == len(times)


def test_a_20_mib_picture_comes_through():
    """Noise does not compress: a PNG of it has the size of its pixels."""
    noise = np.random.default_rng(1).integers(0, 256, (2200, 3100, 3), dtype=np.uint8)
    png = cv2.imencode(".png", noise)[1].tobytes()
    assert 20_000_000 < len(png) < 20971520 - 1000
    key, (time,) = b"large", timestamps(1)
    with Results() as results:
        producer = PlainProducer()
        producer.send(png, key, time)
        producer.flush()
        (back,) = results.wait_for([time])
    assert back.picture.shape == noise.shape


def worker_log() -> str:
    return lab.compose("openpose", "logs", "--since", "1m", "openpose")


def worker_misses_the_broker() -> bool:
    return "the broker cannot be reached" in worker_log()


def test_nothing_is_lost_while_the_broker_is_away(jpegs):
    key, times = b"broker-restarts", timestamps(len(jpegs))
    with Results() as results:
        producer = PlainProducer()
        for index, (jpeg, timestamp) in enumerate(zip(jpegs, times, strict=True)):
            if index == len(jpegs) // 2:
                producer.flush()
                lab.compose("kafka", "stop", "broker")
                try:
                    lab.wait_until(worker_misses_the_broker, worker_log)
                finally:
                    lab.compose("kafka", "start", "broker")
            producer.send(jpeg, key, timestamp)
        producer.flush()
        back = results.wait_for(times, seconds=180)
    assert [result.timestamp for result in back] == times


def test_a_killed_worker_comes_back_and_loses_nothing(jpegs):
    key, times = b"worker-killed", timestamps(len(jpegs))
    container = lab.compose("openpose", "ps", "--quiet", "openpose").strip()
    with Results() as results:
        producer = PlainProducer()
        for jpeg, timestamp in zip(jpegs, times, strict=True):
            producer.send(jpeg, key, timestamp)
        producer.flush()
        results.wait_for(times, 5)
        lab.kill(container)
        back = results.wait_for(times, seconds=180)
    assert {result.timestamp for result in back} == set(times)
    assert (
        lab.run("docker", "inspect", "--format", "{{.RestartCount}}", container).stdout.strip()
        != "0"
    )
