"""The viewer's process: HTTP server, signals, exit code."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping

import uvicorn

from ..watchdog import Watchdog
from .app import create_app
from .cameras import Cameras, Stream
from .sources import Reader

# The answer to SIGTERM is given within 3 s: this, and app.STOP_SECONDS for the reading threads.
GRACE_SECONDS = 1
MAX_MESSAGE_BYTES = 4096  # of what a page sends; it has little to say
PING_SECONDS = 10.0  # a browser that is gone without a word is noticed within twice that

log = logging.getLogger(__name__)


def serve(
    open_readers: Mapping[Stream, Callable[[], Reader]],
    cameras: Cameras,
    *,
    port: int,
    host: str = "0.0.0.0",
) -> int:
    """Serve the page until SIGTERM or SIGINT (returns 0) or until reading has failed (1)."""
    # uvicorn hands a signal on when it has shut down; with this it ends the process in good order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        server.should_exit = True

    watchdog = Watchdog()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(open_readers, cameras, fail, watchdog),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # JPEG does not get smaller
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
        )
    )
    watchdog.start()
    try:
        server.run()
    except SystemExit as end:
        return 1 if failed.is_set() or end.code else 0
    return 1 if failed.is_set() else 0
