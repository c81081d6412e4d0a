"""Stands in for the original demo's sensor, whose camera only a Raspberry Pi has.

It writes what that one writes, in the same way: a JPEG a second, as bytes without a key, with
SINETStream's own writer of the service "images" (`ss-camera.py` of VideoStreaming/Sensor in
github.com/nii-gakunin-cloud/sinetstream-demo, commit af6bb26).
"""

import sys
import time
from pathlib import Path

from sinetstream import BYTE_ARRAY, MessageWriter

picture = Path(sys.argv[1]).read_bytes()
with MessageWriter(service="images", value_type=BYTE_ARRAY) as writer:
    while True:
        writer.publish(picture)
        time.sleep(1)
