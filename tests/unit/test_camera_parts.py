"""The camera's parts by themselves: rate, backlog, buffer, stillness, preparing."""

import time

import cv2
import numpy as np
import pytest
from posestream import frames
from posestream.camera.backlog import Backlog
from posestream.camera.buffer import EXPIRE_SECONDS, Buffer
from posestream.camera.metrics import Metrics
from posestream.camera.picture import Arrival, Frame, Picture
from posestream.camera.preparing import Preparer
from posestream.camera.rate import Rate
from posestream.camera.still import Stillness
from posestream.flags import Camera as Settings
from posestream.frames import FrameError
from prometheus_client import generate_latest


def wanted(fps, times):
    rate = Rate(fps)
    return [moment for moment in times if rate.wants(moment)]


def test_all_pictures_where_no_rate_is_asked_for():
    assert wanted(0, range(5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("fps", "expected"), [(4, 40), (10, 100), (3, 30), (30, 100)])
def test_as_many_pictures_a_second_as_are_asked_for(fps, expected):
    moments = np.arange(0, 10, 0.1) + 0.02 * np.random.default_rng(0).random(100)

    assert len(wanted(fps, moments)) == pytest.approx(expected, abs=1)


def test_after_a_pause_no_pictures_are_made_up_for():
    assert len(wanted(10, [0.0, 0.1, *np.arange(60, 61, 0.02)])) == pytest.approx(12, abs=1)


def arrival(age=0.0, independent=True, size=10, wanted=True):
    now = time.monotonic() - age
    return Arrival(0.0, now, bytes(size), independent=independent, wanted=wanted)


def test_what_is_not_late_is_decoded_in_turn():
    metrics = Metrics()
    backlog = Backlog(metrics)
    came = [arrival(0.1), arrival(0.05), arrival()]
    for each in came:
        backlog.put(each)

    assert [backlog.take(0) for _ in range(4)] == [*came, None]
    assert metrics.counts()["late"] == 0


def test_what_is_late_gives_way_to_the_newest_that_can_be_decoded_alone():
    metrics = Metrics()
    backlog = Backlog(metrics)
    came = [
        arrival(3.0),
        arrival(2.0, independent=False, wanted=False),
        arrival(1.0),
        arrival(0.9, independent=False),
    ]
    for each in came:
        backlog.put(each)

    assert [backlog.take(0) for _ in range(2)] == came[2:]
    assert metrics.counts()["late"] == 1, "what is not wanted is not missed"


def test_a_late_packet_without_a_later_beginning_is_decoded():
    backlog = Backlog(Metrics())
    came = [arrival(3.0), arrival(2.0, independent=False)]
    for each in came:
        backlog.put(each)

    assert [backlog.take(0) for _ in range(2)] == came


def test_the_backlog_is_bounded_and_goes_on_with_a_beginning(monkeypatch):
    monkeypatch.setattr("posestream.camera.backlog.BYTES_MAX", 100)
    metrics = Metrics()
    backlog = Backlog(metrics)
    for _ in range(12):
        backlog.put(arrival(independent=False))
    beginning = arrival()
    backlog.put(beginning)

    assert backlog.take(0) is beginning
    assert backlog.take(0) is None
    assert metrics.counts()["late"] == 12


def frame(number, since, size=10):
    return Frame(number, 0.0, since, bytes(size))


def kept(buffer):
    return [buffer.take().number for _ in range(len(buffer))]


def test_a_buffer_keeps_so_many_seconds():
    buffer = Buffer(5, 1000)
    for number in range(10):
        buffer.add(frame(number, float(number)))

    assert buffer.give_up(10.0) == 5
    assert kept(buffer) == [5, 6, 7, 8, 9]


def test_a_buffer_keeps_so_many_bytes():
    buffer = Buffer(60, 35)
    for number in range(5):
        buffer.add(frame(number, 0.0))

    assert buffer.give_up(0.0) == 2
    assert buffer.bytes == 30
    assert kept(buffer) == [2, 3, 4]
    assert buffer.bytes == 0


def test_what_comes_back_has_its_old_place():
    buffer = Buffer(60, 1000)
    for number in (3, 5, 2, 4):
        buffer.add(frame(number, 0.0))

    assert kept(buffer) == [2, 3, 4, 5]


def test_without_a_buffer_the_newest_alone_waits_and_not_for_long():
    buffer = Buffer(0, 1000)
    buffer.add(frame(0, 0.0))
    buffer.add(frame(1, 1.0))

    assert buffer.give_up(1.5) == 1
    assert len(buffer) == 1
    assert buffer.give_up(1.1 + EXPIRE_SECONDS) == 1


def noise(seed, sigma=2.0):
    levels = np.random.default_rng(seed).normal(100, sigma, (240, 320, 1))
    return np.repeat(levels.clip(0, 255).astype(np.uint8), 3, axis=2)


def of_pixels(pixels):
    return Picture(0.0, 0.0, load=lambda: pixels)


def told(seconds, pictures):
    """Return when stillness is told, of a picture each second."""
    still = Stillness(seconds)
    return [now for now, picture in enumerate(pictures) if still.of(picture, now) is not None]


def test_a_picture_that_does_not_change_is_noticed_and_less_often_each_time():
    same = noise(0)

    assert told(10, [of_pixels(same)] * 80) == [10, 30, 70]


def test_a_codec_that_changes_a_still_picture_slightly_does_not_hide_it():
    same = noise(0)
    assert told(10, [of_pixels(same + np.uint8(now % 3)) for now in range(12)]) == [10]


def test_a_still_room_seen_by_a_real_sensor_is_none():
    assert told(10, [of_pixels(noise(now)) for now in range(60)]) == []


def test_someone_small_who_moves_is_a_change():
    def walker(now):
        pixels = noise(0)
        pixels[100:140, 20 + 4 * now : 40 + 4 * now] = 200
        return of_pixels(pixels)

    assert told(10, [walker(now) for now in range(40)]) == []


def test_jpegs_are_compared_by_what_they_show_and_not_by_their_header():
    def jpeg(now, pixels):
        data = frames.encode_jpeg(pixels, 85)
        comment = b"\xff\xfe\x00\x0a" + b"%08d" % now
        return Picture(0.0, 0.0, data[:2] + comment + data[2:])

    assert told(10, [jpeg(now, noise(0)) for now in range(12)]) == [10]
    assert told(10, [jpeg(now, noise(now)) for now in range(12)]) == []


def test_stillness_can_be_turned_off():
    assert told(0, [of_pixels(noise(0))] * 50) == []


@pytest.fixture
def corner():
    """Return a picture of 96x64 whose upper left quarter is bright, and its JPEG."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32, :48] = 250
    return pixels, frames.encode_jpeg(pixels, 90)


def test_a_jpeg_stays_byte_for_byte_where_nothing_is_to_be_changed(corner):
    _, jpeg = corner
    picture = Picture(0.0, 0.0, jpeg)

    assert Preparer(Settings(jpeg_quality=10)).jpeg(picture) is jpeg
    assert Preparer(Settings(size=(96, 64))).jpeg(picture) is jpeg


@pytest.mark.parametrize(
    ("settings", "shape", "bright"),
    [
        ({"rotation": 90}, (96, 64), (0, -1)),
        ({"rotation": 180}, (64, 96), (-1, -1)),
        ({"rotation": 270}, (96, 64), (-1, 0)),
        ({"mirror": "horizontal"}, (64, 96), (0, -1)),
        ({"mirror": "vertical"}, (64, 96), (-1, 0)),
        ({"size": (48, 32)}, (32, 48), (0, 0)),
        ({"rotation": 90, "mirror": "horizontal", "size": (128, 192)}, (192, 128), (0, 0)),
    ],
)
@pytest.mark.parametrize("comes_as", ["jpeg", "pixels"])
def test_a_picture_is_turned_mirrored_and_scaled(corner, comes_as, settings, shape, bright):
    pixels, jpeg = corner
    picture = Picture(0.0, 0.0, jpeg) if comes_as == "jpeg" else of_pixels(pixels)
    shown = cv2.imdecode(
        np.frombuffer(Preparer(Settings(**settings)).jpeg(picture), np.uint8), cv2.IMREAD_COLOR
    )

    assert shown.shape == (*shape, 3)
    corners = {(y, x): int(shown[y, x, 0]) for y in (0, -1) for x in (0, -1)}
    assert [where for where, level in corners.items() if level > 128] == [bright]


def test_pixels_are_encoded_in_the_quality_that_is_asked_for():
    picture = of_pixels(noise(0, 40))

    low, high = (len(Preparer(Settings(jpeg_quality=q)).jpeg(picture)) for q in (20, 95))
    assert low < high / 2


@pytest.mark.parametrize("damage", [lambda jpeg: jpeg[:200], lambda _: b"\xff\xd8no"])
def test_a_damaged_jpeg_is_not_published(corner, damage):
    with pytest.raises(FrameError):
        Preparer(Settings()).jpeg(Picture(0.0, 0.0, damage(corner[1])))


def test_each_metric_names_its_camera():
    text = generate_latest(Metrics("Straße 1").registry).decode()
    own = (line for line in text.splitlines() if line.startswith("posestream_"))
    samples = [line for line in own if not line.startswith("posestream_build_info")]

    assert all('camera="Straße 1"' in sample for sample in samples)
    names = {sample.partition("{")[0] for sample in samples}
    assert {
        "posestream_camera_frames_captured_total",
        "posestream_camera_frames_published_total",
        "posestream_camera_frames_dropped_total",
        "posestream_camera_source_up",
        "posestream_camera_reconnections_total",
        "posestream_camera_buffered_bytes",
        "posestream_ready",
    } <= names
