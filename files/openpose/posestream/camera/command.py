"""`posestream camera`: the camera until it is told to stop, or only a look at its source.

It writes to the service `image-dest` of its own container.
"""

from __future__ import annotations

import logging
import signal
import threading

from ..forms import redacted
from ..ready import show_ready
from ..settings import Settings
from ..streams import Writer
from ..watchdog import Watchdog
from .buffer import EXPIRE_SECONDS
from .camera import Camera
from .check import look
from .watching import HANGING_SECONDS

SERVICE = "image-dest"

log = logging.getLogger(__name__)


def run(settings: Settings, *, check: bool) -> int:
    """Be the camera until SIGTERM or SIGINT; return the process's exit code."""
    if check:
        return look(settings.camera)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    show_ready(False)
    watchdog = Watchdog()
    camera = Camera(
        settings.camera,
        lambda: Writer(settings.streams, SERVICE, expire=EXPIRE_SECONDS),
        stopping,
        watchdog,
    )
    camera.metrics.serve(
        "CAMERA_METRICS_PORT", settings.camera.metrics_port, settings.camera.metrics_address
    )
    log.info(
        "camera %s sends the pictures of %s to %s",
        settings.camera.name,
        redacted(settings.camera.source),
        settings.streams.describe(SERVICE),
    )
    # A driver that holds on to the interpreter is given as long as one that does not.
    watchdog.start(HANGING_SECONDS + 5)
    camera.run()
    show_ready(False)
    return 0
