#!/usr/bin/env python3
"""The worker as a straight line: read, decode, engine, draw, encode, publish and wait; repeat.

One thread, SINETStream's own Kafka plugin, kafka-python and OpenCV, as the original has it, with
the engine `null_engine`. Reads the worker's variables SS_BROKERS, SSSRC_TOPIC, SSSRC_GROUP_ID and
SSDST_TOPIC; ends when it is killed.

Without the package crc32c, which no package of SINETStream's asks for, kafka-python computes
checksums in Python. STRAIGHT_CRC32C=1 leaves it in.
"""

import os
import sys

if "STRAIGHT_CRC32C" not in os.environ:
    sys.modules["crc32c"] = None

import cv2
import null_engine
import numpy as np
import sinetstream
from posestream import drawing

BYTES = 20 * 1024 * 1024


def service(topic: str, **type_spec: object) -> dict[str, object]:
    """Return SINETStream's parameters for a topic."""
    return {
        "no_config": True,
        "type": "kafka",
        "brokers": os.environ["SS_BROKERS"],
        "topic": topic,
        "value_type": "byte_array",
        "consistency": sinetstream.AT_LEAST_ONCE,  # the default waits for no acknowledgement
        "type_spec": type_spec,
    }


def main() -> int:
    """Work for as long as there are messages."""
    engine = null_engine.create()
    source = service(
        os.environ["SSSRC_TOPIC"],
        group_id=os.environ["SSSRC_GROUP_ID"],
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=BYTES,
    )
    target = service(os.environ["SSDST_TOPIC"], max_request_size=BYTES)
    with sinetstream.MessageReader(**source) as reader, sinetstream.MessageWriter(**target) as out:
        for message in reader:
            frame = cv2.imdecode(np.frombuffer(message.value, np.uint8), cv2.IMREAD_COLOR)
            drawing.draw(frame, engine.detect([frame])[0], engine.skeleton)
            picture = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
            out.publish(picture.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
