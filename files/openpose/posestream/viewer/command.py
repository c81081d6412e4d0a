"""The command `posestream viewer`."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

from .. import broker_certificate, flags, frames, status
from ..logs import Limited
from ..ready import show_ready
from ..settings import Settings, SettingsError, Streams
from ..streams import SEALED, BrokerAway, Message, Watcher
from . import certificate
from .access import Access
from .app import Options
from .cameras import Cameras, Stream
from .metrics import Metrics
from .server import serve

SEALED_SECONDS = 60.0  # between two lines on messages that stay closed

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Serve the page until told to stop; return the exit code.

    The streams are only looked at: no consumer group, from now on, nothing committed. Without the
    service of the keypoints the page shows no people. Raises SettingsError where a file is wrong
    or the metrics' port is taken.
    """
    viewer = settings.viewer
    access, tls = _access(viewer), _tls(viewer)
    metrics = Metrics()
    metrics.serve("VIEWER_METRICS_PORT", viewer.metrics_port)
    broker_certificate.watch(settings.streams, metrics.broker_certificate)
    open_readers = {
        stream: partial(_Ears, metrics, settings.streams, stream.value)
        for stream in Stream
        if stream.value in settings.streams
    }
    if access.is_open:
        log.info("everybody who reaches this viewer sees all pictures: it asks for no password")
    accepts = partial(is_showable, max_pixels=settings.worker.max_pixels)
    options = Options(
        access, viewer.hosts, tls, viewer.prometheus_url, metrics, show_ready=show_ready
    )
    return serve(open_readers, Cameras(accepts), options, port=viewer.port)


class _Ears(Watcher):
    """Looks on, passes over what stays closed, and knows how far the workers are behind."""

    def __init__(self, metrics: Metrics, streams: Streams, service: str) -> None:
        """Look on at a service; `metrics` count what stays closed."""
        super().__init__(streams, service)
        self._sealed = metrics.sealed
        self._say_sealed = Limited(log.warning, lines=1, seconds=SEALED_SECONDS)

    def poll(self, timeout: float) -> list[Message]:
        """Return the next messages, see `Watcher.poll`."""
        messages = super().poll(timeout)
        for message in messages:
            if message.sealed:
                self._sealed.labels(message.sealed).inc()
                place = "{}/{} offset {}".format(*message.position)
                self._say_sealed(f"not shown: {place}: {SEALED[message.sealed]}")
        return [message for message in messages if not message.sealed]

    def lag(self) -> int | None:
        """Return how many messages the workers have yet to read; None where it is not known."""
        try:
            return status.lag(self)
        except BrokerAway:
            return None


def is_showable(payload: bytes | None, *, max_pixels: int) -> bool:
    """Say whether a browser may be given this: a whole picture, not one that fills its memory."""
    try:
        width, height = frames.size(payload or b"")
    except frames.FrameError:
        return False
    return width * height <= max_pixels


def _access(viewer: flags.Viewer) -> Access:
    problems: list[str] = []
    password = _secret("VIEWER_PASSWORD", viewer.password, viewer.password_file, problems)
    token = _secret("VIEWER_TOKEN", viewer.token, viewer.token_file, problems)
    if problems:
        raise SettingsError(problems)
    return Access(password, token)


def _secret(variable: str, said: str, file: str, problems: list[str]) -> str:
    """Return a secret, of its variable or of the file that has it."""
    if not file:
        return said
    if said:
        problems.append(f"{variable}_FILE: {variable} is set too: leave out one or the other")
        return ""
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
        if not text:
            raise ValueError("not empty")
        return flags.TABLE[variable].metadata["parse"](text)
    except OSError as error:
        problems.append(f"{variable}_FILE: {file} cannot be read: {error.strerror}")
    except ValueError as error:
        problems.append(f"{variable}_FILE: what is in {file} should be {error}")
    return ""


def _tls(viewer: flags.Viewer) -> tuple[str, str] | None:
    files = {"VIEWER_TLS_CERTIFICATE": viewer.tls_certificate, "VIEWER_TLS_KEY": viewer.tls_key}
    if not any(files.values()):
        return None
    missing = [name for name, file in files.items() if not file]
    if missing:
        raise SettingsError([f"{missing[0]}: has to be said too: TLS needs certificate and key"])
    try:
        certificate.context(*files.values())
    except OSError as error:
        why: Any = error.strerror or error
        raise SettingsError(
            [f"VIEWER_TLS_CERTIFICATE: {' and '.join(files.values())} do not do: {why}"]
        ) from error
    return viewer.tls_certificate, viewer.tls_key
