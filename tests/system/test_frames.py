"""Frames in, annotated frames out: in order, none lost, whatever lies between."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from . import lab
from .clients import PlainProducer, Results, image_writer, timestamps


def annotated(result, source: np.ndarray) -> bool:
    """Say whether a result is its source with something drawn on it."""
    assert result.picture.shape == source.shape
    difference = cv2.absdiff(result.picture, source).max(axis=2)
    return (difference > 60).sum() > 500 and np.median(difference) < 10


def png_bomb(side: int = 32000) -> bytes:
    """Return a PNG of side × side black pixels: 3 GB of pixels in a few hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    row = bytes(side // 8 + 1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


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
        sum(annotated(result, picture) for result, picture in zip(back, pictures, strict=True))
        >= 38
    )


def test_sinetstreams_image_type_gets_every_frame_back_in_order(pictures):
    times = timestamps(20)
    with Results() as results:
        with image_writer() as writer:
            for picture, timestamp in zip(pictures, times, strict=False):
                writer.publish(picture, timestamp)
        back = results.wait_for(times)
    assert [result.timestamp for result in back] == times
    assert all(result.key is None for result in back)
    assert (
        sum(annotated(result, picture) for result, picture in zip(back, pictures, strict=False))
        >= 19
    )


def test_bad_frames_are_counted_and_skipped(pictures, jpegs):
    bad = {
        "null": None,
        "empty": b"",
        "not_a_picture": b"not a picture but a text about one",
        "truncated": jpegs[0][: len(jpegs[0]) // 2],
        "too_large": png_bomb(),
    }
    names = {reason: f'posestream_frames_skipped_total{{reason="{reason}"}}' for reason in bad}
    before = {reason: lab.metric(name) for reason, name in names.items()}
    key, times = b"bad-frames", timestamps(2 * len(bad) + 2)
    good = []
    with Results() as results:
        producer = PlainProducer()
        producer.send(jpegs[0], key, times[0])
        good.append(times[0])
        for index, value in enumerate(bad.values()):
            producer.send(value, key, times[2 * index + 1])
            producer.send(jpegs[index + 1], key, times[2 * index + 2])
            good.append(times[2 * index + 2])
        producer.flush()
        back = results.wait_for(good)
    assert [result.timestamp for result in back] == good
    assert {
        reason: lab.metric(name) - before[reason] for reason, name in names.items()
    } == dict.fromkeys(bad, 1)


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
        pid = lab.run("docker", "inspect", "--format", "{{.State.Pid}}", container).stdout.strip()
        assert lab.run("kill", "-KILL", pid).returncode == 0
        back = results.wait_for(times, seconds=180)
    assert {result.timestamp for result in back} == set(times)
    assert (
        lab.run("docker", "inspect", "--format", "{{.RestartCount}}", container).stdout.strip()
        != "0"
    )
