"""The viewer's process: HTTP server, signals, exit code."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping

import uvicorn

from . import certificate
from .app import Options, create_app
from .cameras import Cameras, Stream
from .sources import Reader

# The answer to SIGTERM is given within 3 s: this, and app.STOP_SECONDS for the reading threads.
GRACE_SECONDS = 1
MAX_MESSAGE_BYTES = 2**16  # of what a page sends: the names of all cameras, at the most
# A browser that is gone without a word is noticed within both; a slow line may be full for long.
PING_SECONDS = 10.0
PONG_SECONDS = 20.0


def serve(
    open_readers: Mapping[Stream, Callable[[], Reader]],
    cameras: Cameras,
    options: Options | None = None,
    *,
    port: int,
    host: str = "0.0.0.0",
) -> int:
    """Serve the page until SIGTERM or SIGINT (returns 0) or until reading has failed (1).

    Raises OSError where the files of `options.tls` do not do.
    """
    options = options or Options()
    # uvicorn hands a signal on when it has shut down; with this it ends the process in good order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        server.should_exit = True

    served = None
    if options.tls is not None:
        served = certificate.context(*options.tls)
        show_end = options.metrics.certificate_end.labels(options.tls[0]).set
        certificate.Renewal(served, *options.tls, show_end).start()
    config = uvicorn.Config(
        create_app(open_readers, cameras, fail, options),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # JPEG does not get smaller
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ssl_context_factory=None if served is None else lambda *_: served,
    )
    server = uvicorn.Server(config)
    options.watchdog.start()
    try:
        server.run()
    except SystemExit as end:
        return 1 if failed.is_set() or end.code else 0
    return 1 if failed.is_set() else 0
