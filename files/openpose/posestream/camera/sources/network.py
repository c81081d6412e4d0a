"""RTSP and HTTP, by FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlsplit, urlunsplit

from ...flags import Camera
from ...forms import redacted
from ..picture import Arrival
from . import SourceError
from .stream import Packet, Stream

OPTIONS = {
    # A packet's time is its arrival's, which those that are read while the stream is looked into
    # keep. A network camera's own clock may be hours off.
    "use_wallclock_as_timestamps": "1",
    "analyzeduration": "3000000",  # microseconds
}
# An arrival's time that is further from the present is of before the clock was set.
CREDIBLE_SECONDS = 10.0


class Network:
    """A camera that is read over the network."""

    live = True

    def __init__(self, settings: Camera) -> None:
        """Connect; raises SourceError where that fails."""
        scheme = urlsplit(settings.source).scheme.lower()
        is_rtsp = scheme.startswith("rtsp")
        self.kind = f"RTSP over {settings.rtsp_transport}" if is_rtsp else scheme.upper()
        options = OPTIONS | ({"rtsp_transport": settings.rtsp_transport} if is_rtsp else {})
        address = with_credentials(settings.source, settings.username, settings.password)
        self._stream = Stream(address, settings.source, container_options=options)
        self.codec = self._stream.codec
        if not is_rtsp and (seconds := self._stream.duration):
            self.close()
            raise SourceError(
                f"{redacted(settings.source)} is a file of {seconds:.0f} s, not a live stream: "
                "download it, and give its path"
            )

    def __iter__(self) -> Iterator[Arrival]:
        """Iterate over what comes."""
        arrivals = self._stream.arrivals(arrived)
        # FFmpeg knows no time of the one that it has looked into first.
        yield replace(next(arrivals), wanted=False)
        yield from arrivals

    def close(self) -> None:
        """Disconnect."""
        self._stream.close()


def arrived(packet: Packet) -> float:
    """Return when a packet arrived, seconds since the epoch."""
    now = time.time()
    if packet.time is not None and 0 <= now - packet.time < CREDIBLE_SECONDS:
        return packet.time
    return now


def with_credentials(address: str, username: str, password: str) -> str:
    """Put a name and a password into an address, where there is a name; in place of its own."""
    if not username:
        return address
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))


def open_source(settings: Camera) -> Network:
    """Connect to the address that the settings name."""
    return Network(settings)
