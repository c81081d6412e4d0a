"""The camera: which frame of the video is shown when, and what an absent broker does to it."""

import threading
import time

import cv2
import numpy as np
import pytest
from posestream import camera, ready
from posestream.camera import Player, Schedule, Video
from posestream.settings import Camera, SettingsError
from posestream.streams import BrokerAway


@pytest.fixture
def video(tmp_path):
    """Return a video of 5 frames, 50 a second, that grow brighter from 0 by 50 each."""
    path = str(tmp_path / "five.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 50.0, (64, 48))
    for number in range(5):
        writer.write(np.full((48, 64, 3), 50 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture(autouse=True)
def _own_sign_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(ready, "SIGN", tmp_path / "ready")
    monkeypatch.setattr(camera, "RETRY_SECONDS", 0.01)


def number_of(frame):
    return round(float(frame.mean()) / 50)


def test_a_video_plays_over_and_over(video):
    playing = Video(video)

    assert playing.fps == 50
    assert [number_of(playing.read()) for _ in range(12)] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_frames_can_be_skipped_round_the_end(video):
    playing = Video(video)
    playing.read()
    for _ in range(5):
        playing.skip()

    assert number_of(playing.read()) == 1


def test_a_file_that_is_no_video_is_a_wrong_setting(tmp_path):
    path = tmp_path / "x.avi"
    path.write_text("no video")
    for bad in (path, tmp_path / "missing.avi"):
        with pytest.raises(SettingsError, match=r"CAMERA_VIDEO.*\.avi"):
            Video(str(bad))


def shown(schedule, count, delays=()):
    """Return the numbers of the frames shown, and when each was due."""
    number, numbers, times = 0, [], []
    delays = dict(delays)
    for index in range(count):
        numbers.append(number)
        times.append(round(schedule.time, 3))
        number += schedule.advance(schedule.time + delays.get(index, 0.0))
    return numbers, times


def test_all_frames_at_the_videos_own_rate():
    numbers, times = shown(Schedule(10.0, 0, 100.0), 4)

    assert numbers == [0, 1, 2, 3]
    assert times == [100.0, 100.1, 100.2, 100.3]


def test_fewer_frames_take_the_same_time():
    numbers, times = shown(Schedule(10.0, 4, 0.0), 5)

    assert numbers == [0, 2, 5, 7, 10]
    assert times == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_no_more_frames_than_the_video_has():
    assert shown(Schedule(10.0, 30, 0.0), 3)[0] == [0, 1, 2]


def test_what_is_late_is_passed_over():
    numbers, times = shown(Schedule(10.0, 0, 0.0), 4, {1: 0.35})

    assert numbers == [0, 1, 4, 5]
    assert times == [0.0, 0.1, 0.4, 0.5]


def test_after_a_long_absence_the_video_goes_on_where_it_was():
    numbers, times = shown(Schedule(10.0, 0, 0.0), 4, {1: 600.0})

    assert numbers == [0, 1, 2, 3]
    assert times == [0.0, 0.1, 600.1, 600.2]


class Sink:
    """Takes frames, but for those during which the broker is away."""

    def __init__(self, away=()):
        self.lost = set(away)
        self.calls = 0
        self.published = []
        self.closed = 0
        self.why = ""
        self.waiting = None  # where acknowledgements are kept back

    def publish(self, payload, *, key, timestamp, done):
        self.calls += 1
        if self.calls in self.lost:
            done(BrokerAway("the broker is away"))
            return
        frame = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
        self.published.append((number_of(frame), key, timestamp))
        if self.waiting is None:
            done(None)
        else:
            self.waiting.append(done)

    def away(self):
        return self.why

    def holdup(self):
        return 0.0, ""

    def close(self):
        self.closed += 1


def started(video, open_writer):
    stopping = threading.Event()
    player = Player(Camera(name="Straße", video=video, fps=0.0), open_writer, stopping)
    thread = threading.Thread(target=player.run, daemon=True)
    thread.start()
    return player, lambda: (stopping.set(), thread.join(5))


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)


def play(video, sink, frames, open_writer=None):
    player, stop = started(video, open_writer or (lambda: sink))
    until(lambda: len(sink.published) >= frames)
    stop()
    return player


def test_frames_are_published_in_real_time_with_name_and_capture_time(video):
    sink, begun = Sink(), time.time()
    play(video, sink, 10)
    lasted = time.time() - begun

    assert [key for _, key, _ in sink.published[:10]] == ["Straße".encode()] * 10
    times = [taken for _, _, taken in sink.published[:10]]
    assert times == sorted(times)
    assert begun <= times[0] <= times[-1] <= begun + lasted
    assert lasted >= 9 / 50, "faster than the video"
    assert sink.closed == 1


def test_frames_that_do_not_reach_the_broker_are_counted_and_the_camera_goes_on(video):
    sink = Sink(away=(3, 4))
    player = play(video, sink, 5)

    assert sink.calls == len(sink.published) + 2
    assert player.dropped == 2
    assert ready.is_ready()


def test_while_the_broker_is_away_nothing_is_kept_for_later(video):
    sink = Sink()
    player, stop = started(video, lambda: sink)
    until(lambda: len(sink.published) >= 2)
    sink.why = "the broker cannot be reached"
    until(lambda: player.dropped >= 5)
    assert not ready.is_ready()
    before = sink.calls
    time.sleep(0.1)
    assert sink.calls == before
    sink.why = ""
    until(lambda: sink.calls > before)
    until(ready.is_ready)
    stop()


def test_no_more_frames_are_under_way_than_a_few(video, monkeypatch):
    monkeypatch.setattr("posestream.camera.UNDER_WAY", 3)
    sink = Sink()
    sink.waiting = []
    player, stop = started(video, lambda: sink)
    until(lambda: player.dropped >= 3)
    assert len(sink.waiting) == 3
    for done in sink.waiting[:]:
        done(None)
    until(lambda: len(sink.waiting) > 3)
    stop()


def test_the_camera_waits_for_a_broker(video, monkeypatch):
    monkeypatch.setattr("posestream.camera.RETRY_SECONDS", 0.05)
    sink, attempts = Sink(), []

    def open_writer():
        attempts.append(1)
        if len(attempts) < 3:
            raise BrokerAway("not there yet")
        return sink

    play(video, sink, 1, open_writer)
    assert len(attempts) == 3


def test_a_camera_that_publishes_nothing_is_not_ready(video):
    sink = Sink(away=range(2, 10**6))
    _, stop = started(video, lambda: sink)
    until(lambda: sink.calls >= 3)
    assert not ready.is_ready()
    stop()
