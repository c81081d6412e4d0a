"""Packets of a video to pictures, by FFmpeg."""

from __future__ import annotations

from collections import deque

import av
from av.video.codeccontext import VideoCodecContext

from ..frames import FrameError
from .picture import Arrival, Picture

WAITING_MAX = 64  # more than any decoder holds back


class Decoder:
    """Decodes one stream. It needs nothing of what the stream was read from."""

    def __init__(self, codec: VideoCodecContext) -> None:
        """Take the codec's context, as the stream has it."""
        # Threads by frame would hold back as many pictures as there are threads.
        codec.thread_type = "SLICE"
        self._codec = codec
        self._waiting: deque[Arrival] = deque()

    def pictures(self, arrival: Arrival) -> list[Picture]:
        """Decode a packet, or with an empty one what is left; see `Arrival.pictures`.

        Pictures leave the decoder in the order of capture, whatever order their packets have: the
        first that leaves has the time of the first packet that waits.
        """
        if arrival.data:
            self._waiting.append(arrival)
        try:
            decoded = self._codec.decode(av.Packet(arrival.data) if arrival.data else None)
        except av.FFmpegError as error:
            if self._waiting and self._waiting[-1] is arrival:
                self._waiting.pop()
            raise FrameError(
                "not_a_picture", f"FFmpeg cannot decode it: {error.strerror}"
            ) from None
        # What is damaged or lacks its beginning leaves nothing, and waits for nothing.
        most = self._codec.reorder_depth + len(decoded) if decoded else WAITING_MAX
        while len(self._waiting) > most:
            self._waiting.popleft()
        found = []
        for frame in decoded:
            of = self._waiting.popleft() if self._waiting else arrival
            if of.wanted:
                # Bound now: the loop's variable is another one when it is called.
                load = lambda frame=frame: frame.to_ndarray(format="bgr24")  # noqa: E731
                found.append(Picture(of.taken, of.since, load=load))
        return found
