"""Pictures in and out: what is taken, what is refused, and that it is refused in time."""

import struct
import time
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from posestream import frames

MAX = 1_000_000


def picture(height=48, width=64, channels=3):
    """Half blue, half red; transparent where there is a fourth channel."""
    pixels = np.zeros((height, width, channels), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, min(2, channels - 1)] = 255
    return pixels


def encoded(pixels, kind=".jpg", *parameters):
    done, data = cv2.imencode(kind, pixels, parameters)
    assert done
    return data.tobytes()


def png(width, height, rows=b"", end=True):
    """Make a PNG of a grey picture whose rows are given compressed."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    last = chunk(b"IEND", b"") if end else b""
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + last


def reason(payload, max_pixels=MAX):
    with pytest.raises(frames.FrameError) as refused:
        frames.decode(payload, max_pixels=max_pixels)
    assert str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@pytest.mark.parametrize("as_type", [bytes, bytearray, memoryview])
def test_colours_come_as_blue_green_red(kind, as_type):
    frame = frames.decode(as_type(encoded(picture(), kind)), max_pixels=MAX)
    assert frame.shape == (48, 64, 3)
    assert frame.dtype == np.uint8
    assert np.abs(frame[10, 10].astype(int) - (255, 0, 0)).max() < 6
    assert np.abs(frame[10, 60].astype(int) - (0, 0, 255)).max() < 6


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.full((20, 30), 77, np.uint8), ".jpg"),
        (np.full((20, 30), 77, np.uint8), ".png"),
        (np.full((20, 30), 77 * 257, np.uint16), ".png"),
        (np.dstack((np.full((20, 30, 3), 77, np.uint8), np.zeros((20, 30), np.uint8))), ".png"),
    ],
    ids=["grey jpeg", "grey png", "16 bit png", "transparent png"],
)
def test_other_pictures_become_colours(pixels, kind):
    frame = frames.decode(encoded(pixels, kind), max_pixels=MAX)
    assert frame.shape == (20, 30, 3)
    assert frame.dtype == np.uint8
    assert (np.abs(frame.astype(int) - 77) < 3).all()


def test_a_progressive_jpeg_with_restart_markers_and_fill_bytes():
    data = encoded(picture(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert frames.decode(data, max_pixels=MAX).shape == (48, 64, 3)
    data = encoded(picture(), ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    assert frames.decode(data, max_pixels=MAX).shape == (48, 64, 3)
    assert frames.decode(data[:2] + b"\xff" + data[2:], max_pixels=MAX).shape == (48, 64, 3)


def test_bytes_after_the_end_do_no_harm():
    assert frames.decode(encoded(picture()) + b"\0" * 100, max_pixels=MAX).shape == (48, 64, 3)


def test_the_end_of_an_embedded_thumbnail_is_not_the_end():
    thumbnail = encoded(picture(8, 8))
    data = encoded(picture())
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert frames.decode(whole, max_pixels=MAX).shape == (48, 64, 3)
    assert reason(whole[:-50]) == "truncated"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (None, "null"),
        (b"", "empty"),
        (b"hello, this is no picture", "not_a_picture"),
        (b"\0" * 1000, "not_a_picture"),
        (b'{"version": 1.3}', "not_a_picture"),
        (b"\xff\xd8" + b"nonsense" * 100, "not_a_picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "truncated"),
        (png(30, 20, b"nonsense"), "not_a_picture"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\0\0\0\0", "not_a_picture"),
        (png(0, 20), "not_a_picture"),
        (encoded(picture(), ".bmp"), "not_a_picture"),
        (encoded(picture(), ".webp"), "not_a_picture"),
        (b"\xff", "truncated"),
    ],
)
def test_what_is_no_picture(payload, why):
    assert reason(payload) == why


@pytest.mark.parametrize("kind", [".jpg", ".png"])
def test_every_truncation_is_found(kind):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    data = encoded(noise, kind)
    frames.decode(data, max_pixels=MAX)
    # Whatever is missing at the end; a JPEG is read to its end marker, two bytes.
    for size in [*range(1, 700), *range(700, len(data), 97), len(data) - 1]:
        assert reason(data[:size]) == "truncated", size


def test_a_size_beyond_the_limit():
    data = encoded(picture(100, 200))
    assert frames.decode(data, max_pixels=20_000).shape == (100, 200, 3)
    assert reason(data, max_pixels=19_999) == "too_large"
    assert reason(encoded(picture(100, 200), ".png"), max_pixels=19_999) == "too_large"


def test_a_bomb_is_refused_without_being_decoded():
    # The rows of its first tenth are enough to be far beyond any limit.
    bomb = png(32_000, 32_000, zlib.compress(b"\0" * 32_001 * 3_200, 9))
    assert len(bomb) < 200_000
    tracemalloc.start()
    started = time.perf_counter()
    try:
        assert reason(bomb, max_pixels=50_000_000) == "too_large"
        assert tracemalloc.get_traced_memory()[1] < 3 * len(bomb)  # bytes
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < 1


def test_a_jpeg_bomb_is_refused():
    data = bytearray(encoded(picture()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    assert reason(bytes(data), max_pixels=50_000_000) == "too_large"


def test_a_side_that_no_jpeg_can_have_is_too_large():
    # Within the limit of pixels, but the result could not be written.
    assert reason(png(65_501, 1, zlib.compress(b"\0" * 65_502)), 50_000_000) == "too_large"
    frames.decode(png(65_500, 1, zlib.compress(b"\0" * 65_501)), max_pixels=50_000_000)


def test_what_opencv_cannot_read_is_no_picture():
    assert reason(png(64, 48, b"not what zlib writes")) == "not_a_picture"


def progressive(scans):
    """Make a progressive JPEG of so many scans: the last one is repeated and changes nothing."""
    data = encoded(picture(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    last = data.rindex(b"\xff\xda")
    there = data.count(b"\xff\xda")
    return data[:-2] + data[last:-2] * (scans - there) + data[-2:]


def test_scans_are_bounded():
    assert frames.inspect(progressive(100), max_pixels=MAX).progressive
    assert reason(progressive(101)) == "too_complex"


def test_scans_of_a_thumbnail_do_not_count():
    whole = encoded(picture())
    thumbnail = b"\xff\xda" * 500
    segment = b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    frames.decode(whole[:2] + segment + whole[2:], max_pixels=MAX)


@pytest.mark.parametrize("filler", [b"\xff", b"\xff\x01", b"\xff\xe0\x00\x02"])
def test_a_header_without_end_is_given_up_in_time(filler):
    begun = time.monotonic()
    assert reason(b"\xff\xd8" + filler * (20_000_000 // len(filler))) == "too_complex"
    chunk = b"\0\0\0\0tEXt\0\0\0\0"
    assert reason(b"\x89PNG\r\n\x1a\n" + chunk * 1_600_000) == "too_complex"
    assert time.monotonic() - begun < 2


def test_damage_is_told():
    rng = np.random.default_rng(1)
    data = bytearray(encoded(cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (640, 480))))
    header = frames.inspect(bytes(data), max_pixels=MAX)
    assert frames.pixels(bytes(data), header)[1] is False
    scan = data.index(b"\xff\xda")
    for at in range(scan + 2000, scan + 2400):
        data[at] ^= 0x55
    pixels, damaged = frames.pixels(bytes(data), frames.inspect(bytes(data), max_pixels=MAX))
    assert damaged
    assert pixels.shape == (480, 640, 3)


def test_the_memory_of_a_picture_is_known_before_it_is_decoded():
    plain = frames.inspect(encoded(picture()), max_pixels=MAX)
    assert plain.memory == 48 * 64 * 3
    assert frames.inspect(progressive(10), max_pixels=MAX).memory == 3 * plain.memory


def test_jpeg_there_and_back():
    frame = picture()
    data = frames.encode_jpeg(frame, 95)
    assert data.startswith(b"\xff\xd8")
    again = frames.decode(data, max_pixels=MAX)
    assert np.abs(again.astype(int) - frame).mean() < 3


def test_jpeg_quality():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = [len(frames.encode_jpeg(noise, quality)) for quality in (1, 50, 100)]
    assert sizes[0] < sizes[1] < sizes[2]
    for quality in (0, 101):
        with pytest.raises(ValueError, match="give 1 to 100"):
            frames.encode_jpeg(noise, quality)


def test_what_cannot_be_a_jpeg():
    with pytest.raises(ValueError, match="dimension"):
        frames.encode_jpeg(np.zeros((1, 70_000, 3), np.uint8), 85)
