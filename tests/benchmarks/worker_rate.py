#!/usr/bin/env python3
"""How much of its engine's rate the worker keeps, Kafka to Kafka.

    PYTHONPATH=files/openpose tests/benchmarks/worker_rate.py --broker localhost:9092 \
        --model graph_opt.pb --video vtest.avi

On the same frames, in the same run and in turns: the engine alone, then `posestream worker`'s
pipeline from a topic to two topics. Each turn's rate is frames by seconds, the pipeline's between
its first and its last result; the share is the median of the turns'. Makes three topics for each
turn and deletes them. Needs what files/openpose/requirements.txt has. Exits with 1 where the share
is below --at-least.
"""

import argparse
import json
import secrets
import statistics
import sys
import threading
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from posestream import engines, frames, logs, settings
from posestream.pipeline import Worker
from posestream.streams import Reader, Writer

NO_FILE = Path("/nonexistent")
TURN_SECONDS = 300.0  # a turn that lasts longer has failed


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--broker", default="localhost:9092", help="host:port")
    parser.add_argument("--model", type=Path, default=None, help="graph_opt.pb")
    parser.add_argument("--video", default="/usr/share/posestream/video/vtest.avi")
    parser.add_argument("--net-resolution", default="-1x368", help="as OPENPOSE_NET_RESOLUTION")
    parser.add_argument("--frames", type=int, default=60, help="frames in a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--at-least", type=float, default=0.8, help="share of the engine's rate")
    return parser.parse_args()


def street(video: str, count: int) -> list[bytes]:
    """Return `count` frames from the whole length of the video, as JPEG."""
    capture = cv2.VideoCapture(video)
    step = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) // count)
    pictures = []
    for number in range(count * step):
        read, frame = capture.read()
        if read and number % step == 0:
            pictures.append(frames.encode_jpeg(frame, 85))
    if len(pictures) < count:
        sys.exit(f"{video}: only {len(pictures)} of {count} frames could be read")
    return pictures


def engine_rate(engine: engines.Engine, decoded: list[np.ndarray]) -> float:
    begun = time.monotonic()
    for frame in decoded:
        engine.detect(frame)
    return len(decoded) / (time.monotonic() - begun)


def worker_rate(broker: str, engine: engines.Engine, given: dict, pictures: list[bytes]) -> float:
    """Let a worker do the pictures; return its results per second."""
    run = f"worker-rate-{secrets.token_hex(4)}"
    topics = [f"{run}-{part}" for part in ("source", "result", "keypoints")]
    environ = {
        "SS_BROKERS": broker,
        "SSSRC_TOPIC": topics[0],
        "SSSRC_GROUP_ID": run,
        "SSSRC_TYPE_SPEC__AUTO_OFFSET_RESET": "earliest",
        "SSDST_TOPIC": topics[1],
        "SSKPT_TOPIC": topics[2],
        **given,
    }
    loaded = settings.load("worker", environ, NO_FILE)
    admin = KafkaAdminClient(bootstrap_servers=broker)
    admin.create_topics([NewTopic(topic, 1, 1) for topic in topics])
    try:
        writer = Writer(loaded.streams, "image-src")
        for number, picture in enumerate(pictures):
            writer.publish(picture, key=b"bench", timestamp=1.0 + number)
        writer.close()
        worker = Worker(
            loaded,
            engine,
            partial(Reader, loaded.streams, "image-src"),
            partial(Writer, loaded.streams),
        )
        results = Reader(loaded.streams, "image-dest", watch=True)
        results.follow(30)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        times = arrivals(results, len(pictures))
        worker.stop()
        thread.join(30)
        results.close()
    finally:
        admin.delete_topics(topics)
        admin.close()
    return (len(times) - 1) / (times[-1] - times[0])


def arrivals(results: Reader, count: int) -> list[float]:
    """Return when each of `count` results came; they must come in order and all of them."""
    times, stamps = [], []
    deadline = time.monotonic() + TURN_SECONDS
    while len(times) < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {len(times)} of {count} results in {TURN_SECONDS:.0f} s")
        for message in results.poll(0.2):
            times.append(time.monotonic())
            stamps.append(message.timestamp)
    if stamps != [1.0 + number for number in range(count)]:
        sys.exit("results came out of order or twice")
    return times


def main() -> int:
    given = options()
    logs.set_up()
    width, height = map(int, given.net_resolution.split("x"))
    engine = engines.create(
        "openvino", engines.Options(net_resolution=(width, height), model=given.model)
    )
    pictures = street(given.video, given.frames)
    decoded = [frames.decode(picture, max_pixels=10**8) for picture in pictures]
    engine.detect(decoded[0])  # compiles the network
    environ = {"OPENPOSE_NET_RESOLUTION": given.net_resolution}
    alone, working = [], []
    for _ in range(given.turns):
        alone.append(engine_rate(engine, decoded))
        working.append(worker_rate(given.broker, engine, environ, pictures))
    # Turn by turn, so that what else the machine does weighs on both sides alike.
    share = statistics.median(
        mine / engines_own for mine, engines_own in zip(working, alone, strict=True)
    )
    report = {
        "engine_fps": [round(rate, 2) for rate in alone],
        "worker_fps": [round(rate, 2) for rate in working],
        "share": round(share, 3),
    }
    print(json.dumps(report))
    return 0 if share >= given.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
