"""Videos by PyAV: what files, addresses and devices have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer

from ...forms import redacted
from ..decoding import Decoder
from ..picture import Arrival
from . import SourceError
from .trouble import explained

OPEN_SECONDS = 10.0  # FFmpeg gives up opening after these
SILENT_SECONDS = 10.0  # and reading where no picture comes for so long


@dataclass
class Packet:
    """A packet of the video, with its own time.

    Attributes:
        data: the bytes, a copy: a device takes its own memory back.
        time: seconds since whatever the stream counts from; None where it does not say.
        independent: it can be decoded without what came before it.
    """

    data: bytes
    time: float | None
    independent: bool


class Stream:
    """The one video of a container that FFmpeg has opened."""

    def __init__(self, address: str, shown: str, **options: object) -> None:
        """Open it.

        Args:
            address: what FFmpeg opens.
            shown: what the messages call it.
            options: `av.open`'s.

        Raises:
            SourceError: that failed, or there is no video in it that can be decoded.
        """
        self._shown = redacted(shown)
        begun = time.monotonic()
        try:
            self._container: InputContainer = av.open(
                address, timeout=(OPEN_SECONDS, SILENT_SECONDS), **options
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            # Not from `error`, whose text has the address with its password.
            raise SourceError(self._explained(error, begun, OPEN_SECONDS)) from None
        try:
            self.codec = self._choose()
        except SourceError:
            self.close()
            raise
        self._decoder = Decoder(self._video.codec_context)

    def _choose(self) -> str:
        """Choose the video; return its codec's name."""
        if self._container.format.name.endswith("_pipe"):
            raise SourceError(
                f"{self._shown} is one picture, not a stream of them: give the address of the "
                "camera's video stream (RTSP, or MJPEG over HTTP)"
            )
        videos = self._container.streams.video
        if not videos:
            raise SourceError(f"{self._shown} has no video in it, or one of an unknown codec")
        self._video = videos[0]
        context = self._video.codec_context
        if context is None:
            raise SourceError(
                f"{self._shown}: there is no decoder for its codec: set the camera to H.264, "
                "H.265 or MJPEG"
            )
        return context.name

    @property
    def rate(self) -> float | None:
        """Pictures per second, as the container says; None where it does not."""
        rate = float(self._video.average_rate or 0)
        return rate if 0 < rate <= 1000 else None

    @property
    def duration(self) -> float | None:
        """Seconds, of what has an end; else None."""
        microseconds = self._container.duration
        return microseconds / 1e6 if microseconds and microseconds > 0 else None

    def packets(self) -> Iterator[Packet]:
        """Iterate over the video's packets; raises SourceError where reading fails."""
        last = time.monotonic()
        try:
            for packet in self._container.demux():
                # Sound may go on where the pictures do not.
                if packet.stream_index != self._video.index or not packet.size:
                    if time.monotonic() - last > SILENT_SECONDS:
                        raise SourceError(f"{self._shown}: no picture for {SILENT_SECONDS:g} s")
                    continue
                last = time.monotonic()
                own = None if packet.pts is None else float(packet.pts * packet.time_base)
                yield Packet(bytes(packet), own, packet.is_keyframe)
        except (av.FFmpegError, OSError) as error:
            raise SourceError(self._explained(error, last, SILENT_SECONDS)) from None

    def _explained(self, error: Exception, begun: float, limit: float) -> str:
        return explained(self._shown, error, time.monotonic() - begun, limit)

    def arrivals(self, taken: Callable[[Packet], float]) -> Iterator[Arrival]:
        """Iterate over what comes now; `taken` returns when a packet was captured."""
        for packet in self.packets():
            yield self.arrival(packet, taken(packet), time.monotonic())
        raise SourceError(f"{self._shown} has ended")

    def arrival(self, packet: Packet, taken: float, since: float) -> Arrival:
        """Return a packet as an arrival; one of MJPEG is a JPEG and needs no decoder."""
        if self.codec == "mjpeg":
            return Arrival(taken, since, packet.data)
        return Arrival(taken, since, packet.data, self._decoder, independent=packet.independent)

    def rest(self, taken: float, since: float) -> Arrival | None:
        """Return what makes the decoder give the pictures that it still holds."""
        return None if self.codec == "mjpeg" else Arrival(taken, since, b"", self._decoder)

    def close(self) -> None:
        """Close the container; packets that were read can still be decoded."""
        self._container.close()
