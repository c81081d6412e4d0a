"""Bytes to pixels and back, with limits.

JPEG and PNG are taken, nothing else: what cameras and SINETStream's image type send. Their headers
are read here before OpenCV sees the picture: a few kilobytes can decode to gigabytes, and
OpenCV fills up what is missing of a truncated JPEG with grey without saying so.
"""

import cv2
import numpy as np

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
# Start-of-frame markers, which carry the size: 0xC0..0xCF but for three other things.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


class FrameError(ValueError):
    """A payload that is no usable picture.

    Attributes:
        reason: "null", "empty", "not_a_picture", "truncated" or "too_large".
    """

    def __init__(self, reason: str, message: str) -> None:
        """Say what is wrong in one word and in one sentence."""
        super().__init__(message)
        self.reason = reason


def decode(payload: bytes | None, *, max_pixels: int) -> np.ndarray:
    """Decode a JPEG or PNG picture.

    Grey pictures and pictures with transparency come as colours; a rotation in the picture's EXIF
    data is carried out.

    Args:
        payload: the encoded picture.
        max_pixels: pictures with more pixels (width times height) are refused undecoded.

    Returns:
        uint8 (height, width, 3), blue, green, red.

    Raises:
        FrameError: see its `reason`.
    """
    if payload is None:
        raise FrameError("null", "the message has no payload")
    if not payload:
        raise FrameError("empty", "the message's payload is empty")
    width, height = size(bytes(payload))
    if width * height > max_pixels:
        raise FrameError(
            "too_large",
            f"the picture has {width} x {height} pixels, more than the {max_pixels} allowed",
        )
    try:
        frame = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise FrameError("not_a_picture", f"OpenCV cannot decode the picture: {error}") from error
    if frame is None:
        raise FrameError("not_a_picture", "OpenCV cannot decode the picture")
    return frame


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """Encode a frame, uint8 (height, width, 3), blue, green, red, as JPEG of quality 1..100.

    Raises:
        ValueError: the quality is out of range, or the frame cannot be a JPEG (a side above 65535).
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality {quality} is out of range: give 1 to 100")
    try:
        done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise ValueError(
            f"OpenCV cannot encode the frame {frame.shape} as JPEG: {error}"
        ) from error
    if not done:
        raise ValueError(f"OpenCV cannot encode the frame {frame.shape} as JPEG")
    return data.tobytes()


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of a picture from its header; also makes sure that its end is there."""
    for signature, reader in ((_JPEG, _jpeg_size), (_PNG, _png_size)):
        if data.startswith(signature):
            width, height = reader(data)
            if not (width and height):
                raise FrameError("not_a_picture", f"the picture has {width} x {height} pixels")
            return width, height
        if signature.startswith(data):
            raise _truncated(data)
    raise FrameError("not_a_picture", "the payload is neither JPEG nor PNG")


def _truncated(data: bytes) -> FrameError:
    return FrameError("truncated", f"the picture ends early, after {len(data)} bytes")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the first scan (ITU-T T.81, annex B)."""
    size, at = (0, 0), len(_JPEG)
    while True:
        if at + 4 > len(data):
            raise _truncated(data)
        if data[at] != 0xFF:
            raise FrameError("not_a_picture", f"no JPEG marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:  # fill bytes may precede a marker
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            raise _truncated(data)
        if marker in _JPEG_FRAMES:
            size = int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at = end
        if marker == _JPEG_SCAN:
            # In a scan 0xff is always followed by something else, so this can only be the end.
            if data.find(_JPEG_END, at) < 0:
                raise _truncated(data)
            return size


def _png_size(data: bytes) -> tuple[int, int]:
    """Walk the chunks to the last one (PNG specification, 5.3)."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    raise _truncated(data)
