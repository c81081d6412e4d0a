"""The command `posestream worker`."""

from __future__ import annotations

import logging
import signal
import socket

from .. import broker_certificate, engines
from ..guardian import Flight, Record
from ..metrics import Metrics
from ..ready import show_ready
from ..settings import Settings
from ..streams import Reader, Writer
from ..watchdog import BLIND_SECONDS, Watchdog
from .worker import Worker

log = logging.getLogger(__name__)


def run(settings: Settings, flight: Flight, record: Record) -> int:
    """Be the worker until SIGTERM or SIGINT; return the process's exit code.

    Args:
        settings: all of them.
        flight: where the frames in work are noted, for the parent process to see.
        record: the frames with which a worker has died.
    """
    metrics = Metrics()
    show_ready(False)
    metrics.serve("WORKER_METRICS_PORT", settings.worker.metrics_port)
    try:
        options = engines.options(settings.openpose, settings.worker)
        engine = engines.create(settings.worker.engine, options)
    except engines.EngineError as error:
        log.error("%s", error)
        return 1
    streams = settings.streams
    broker_certificate.watch(streams, metrics.broker_certificate)
    name = settings.worker.name or socket.gethostname()
    watchdog = Watchdog(flight.keep)
    worker = Worker(
        settings,
        engine,
        open_reader=lambda: Reader(streams, "image-src", instance=name, seek=settings.worker.seek),
        open_writer=lambda service: Writer(streams, service),
        metrics=metrics,
        flight=flight,
        record=record,
        watchdog=watchdog,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    signal.signal(signal.SIGUSR1, lambda *_: worker.go_to_end())
    log.info(
        "worker %s, engine %s, policy %s; reads %s",
        name,
        settings.worker.engine,
        settings.worker.policy,
        streams.describe("image-src"),
    )
    for service in streams.services.keys() - {"image-src"}:
        log.info("writes %s", streams.describe(service))
    watchdog.start(max(BLIND_SECONDS, settings.worker.frame_seconds + 5))
    code = worker.run()
    log.info("the worker ends with exit code %d", code)
    return code
