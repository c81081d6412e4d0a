"""Bytes to pixels and back, with limits on all that costs.

JPEG and PNG are taken, nothing else: what cameras and SINETStream's image type send. Their headers
are read here before a decoder sees the picture: a few kilobytes can decode to gigabytes or for
minutes, and decoders fill up what is missing of a truncated JPEG with grey without saying so.

JPEG is libjpeg-turbo's by simplejpeg, which is faster than OpenCV's (docs/benchmarks.md) and says
where a picture is damaged; OpenCV has the rest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

SIDE_MAX = 65500  # of a JPEG (libjpeg's JPEG_MAX_DIMENSION), which the result is to be
SCANS_MAX = 100  # of a JPEG; progressive ones have ten, and each costs as much as a whole picture
PARTS_MAX = 20_000  # segments of a JPEG, chunks of a PNG: what the reader of the header walks over

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_EXIF = 0xE1
# Start-of-frame markers, which carry the size: 0xC0..0xCF but for three other things.
_JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_EXIF_ORIENTATION = 0x0112
# EXIF's orientations: how the picture is turned back (EXIF 2.32, table 6).
_TURNS = {
    2: lambda frame: cv2.flip(frame, 1),
    3: lambda frame: cv2.rotate(frame, cv2.ROTATE_180),
    4: lambda frame: cv2.flip(frame, 0),
    5: cv2.transpose,
    6: lambda frame: cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE),
    7: lambda frame: cv2.flip(cv2.transpose(frame), -1),
    8: lambda frame: cv2.rotate(frame, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


class FrameError(ValueError):
    """A payload that is no usable picture.

    Attributes:
        reason: "null", "empty", "not_a_picture", "truncated", "too_large" or "too_complex".
    """

    def __init__(self, reason: str, message: str) -> None:
        """Say what is wrong in one word and in one sentence."""
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded.

    Attributes:
        width: pixels, as stored; EXIF's orientation may turn it.
        height: likewise.
        is_jpeg: else it is a PNG.
        orientation: EXIF's, 1..8.
        progressive: a JPEG that comes in several scans.
    """

    width: int
    height: int
    is_jpeg: bool
    orientation: int = 1
    progressive: bool = False

    @property
    def memory(self) -> int:
        """Bytes that decoding takes up: the pixels, their turned copy, and the decoder's own."""
        copies = 1 + (self.orientation != 1)
        # A progressive JPEG is kept whole as coefficients of 16 bits, three of them a pixel.
        return self.width * self.height * (3 * copies + 6 * self.progressive)


def inspect(payload: bytes | None, *, max_pixels: int) -> Header:
    """Read a picture's header, and make sure that its end is there.

    Args:
        payload: the encoded picture.
        max_pixels: pictures with more pixels (width times height) are refused.

    Raises:
        FrameError: see its `reason`.
    """
    if payload is None:
        raise FrameError("null", "the message has no payload")
    if not payload:
        raise FrameError("empty", "the message's payload is empty")
    header = _header(bytes(payload))
    width, height = header.width, header.height
    if not (width and height):
        raise FrameError("not_a_picture", f"the picture has {width} x {height} pixels")
    if width * height > max_pixels or max(width, height) > SIDE_MAX:
        raise FrameError(
            "too_large",
            f"the picture has {width} x {height} pixels; {max_pixels} are allowed, and "
            f"{SIDE_MAX} on a side",
        )
    return header


def decode(payload: bytes | None, *, max_pixels: int) -> np.ndarray:
    """Inspect and decode a picture; see `inspect` and `pixels`."""
    header = inspect(payload, max_pixels=max_pixels)
    return pixels(bytes(payload or b""), header)[0]


def pixels(payload: bytes, header: Header) -> tuple[np.ndarray, bool]:
    """Decode a JPEG or PNG picture whose header has been inspected.

    Grey pictures and pictures with transparency come as colours; a rotation in a JPEG's EXIF
    data is carried out.

    Returns:
        uint8 (height, width, 3), blue, green, red; and whether the decoder says that the picture
        is damaged and parts of it are made up.

    Raises:
        FrameError: see its `reason`.
    """
    if not header.is_jpeg:
        return _by_opencv(payload), False
    frame, damaged = _decode_jpeg(payload)
    turn = _TURNS.get(header.orientation)
    return (turn(frame) if turn else frame), damaged


def _decode_jpeg(payload: bytes) -> tuple[np.ndarray, bool]:
    """Decode a JPEG as it is stored; say whether it is damaged."""
    try:
        return simplejpeg.decode_jpeg(payload, "BGR", fastupsample=True), False
    except ValueError:
        pass  # damaged, of a kind that libjpeg-turbo's simple interface has not, or no picture
    try:
        return simplejpeg.decode_jpeg(payload, "BGR", fastupsample=True, strict=False), True
    except ValueError:
        return _by_opencv(payload), False  # for example four colours, as printers have them


def _by_opencv(payload: bytes) -> np.ndarray:
    data = np.frombuffer(payload, np.uint8)
    try:
        frame = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise FrameError("not_a_picture", f"OpenCV cannot decode the picture: {error}") from error
    if frame is None:
        raise FrameError("not_a_picture", "the picture cannot be decoded")
    return frame


def encode_jpeg(frame: np.ndarray, quality: int) -> bytes:
    """Encode a frame, uint8 (height, width, 3), blue, green, red, as JPEG of quality 1..100.

    Raises:
        ValueError: the quality is out of range, or the frame cannot be a JPEG (a side above 65500).
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality {quality} is out of range: give 1 to 100")
    return simplejpeg.encode_jpeg(np.ascontiguousarray(frame), quality, "BGR", "420")


def size(data: bytes) -> tuple[int, int]:
    """(width, height) of a picture from its header; also makes sure that its end is there."""
    header = inspect(data, max_pixels=SIDE_MAX**2)
    return header.width, header.height


def _header(data: bytes) -> Header:
    for signature, reader in ((_JPEG, _jpeg_header), (_PNG, _png_header)):
        if data.startswith(signature):
            return reader(data)
        if signature.startswith(data):
            raise _truncated(data)
    raise FrameError("not_a_picture", "the payload is neither JPEG nor PNG")


def _truncated(data: bytes) -> FrameError:
    return FrameError("truncated", f"the picture ends early, after {len(data)} bytes")


def _too_complex(what: str) -> FrameError:
    return FrameError("too_complex", f"the picture has more than {what}")


def _jpeg_header(data: bytes) -> Header:
    """Walk the segments up to the first scan (ITU-T T.81, annex B)."""
    width = height = at = 0
    orientation, progressive = 1, False
    at = len(_JPEG)
    for _ in range(PARTS_MAX):
        if at + 4 > len(data):
            raise _truncated(data)
        if data[at] != 0xFF:
            raise FrameError("not_a_picture", f"no JPEG marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:  # fill bytes may precede a marker
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            raise _truncated(data)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9].ljust(4, b"\0"))
            progressive = marker in _JPEG_PROGRESSIVE
        elif marker == _JPEG_EXIF and orientation == 1:
            orientation = _orientation(data[at + 4 : end])
        at = end
        if marker == _JPEG_SCAN:
            # In a scan 0xff is always followed by something else, so this can only be the end.
            if data.find(_JPEG_END, at) < 0:
                raise _truncated(data)
            if data.count(b"\xff\xda", at) >= SCANS_MAX:
                raise _too_complex(f"{SCANS_MAX} scans")
            return Header(width, height, True, orientation, progressive)
    raise _too_complex(f"{PARTS_MAX} segments before the first scan")


def _orientation(segment: bytes) -> int:
    """Return the orientation that an EXIF segment says, 1 (upright) where it says none."""
    if not segment.startswith(b"Exif\0\0"):
        return 1
    tiff = segment[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            tag, _kind, _count, value = struct.unpack_from(
                f"{order}HHIH", tiff, directory + 2 + 12 * entry
            )
            if tag == _EXIF_ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _png_header(data: bytes) -> Header:
    """Walk the chunks to the last one (PNG specification, 5.3)."""
    at = len(_PNG)
    for _ in range(PARTS_MAX):
        if at + 12 > len(data):
            raise _truncated(data)
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            if data[8:16] != b"\0\0\0\rIHDR":
                raise FrameError("not_a_picture", "the PNG does not begin with its header")
            width, height = struct.unpack_from(">II", data, 16)
            return Header(width, height, False)
    raise _too_complex(f"{PARTS_MAX} chunks")
