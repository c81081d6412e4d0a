"""The camera as a whole: what is published when, and what an absent broker or source does to it."""

import subprocess
import sys
import threading
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest
from posestream import frames, ready
from posestream.camera import publishing, watching
from posestream.camera.camera import Camera
from posestream.camera.picture import Arrival
from posestream.camera.sources import SourceError, open_source
from posestream.camera.status_line import line
from posestream.flags import Camera as Settings
from posestream.settings import SettingsError
from posestream.streams import BrokerAway, Refused
from posestream.watchdog import Watchdog

DAY = 86400


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
    monkeypatch.setattr(publishing, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(publishing, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.02)
    monkeypatch.setattr("posestream.camera.camera.TICK_SECONDS", 0.02)


def number_of(frame):
    return round(float(frame.mean()) / 50)


class Sink:
    """Takes frames, but for those during which the broker is away."""

    def __init__(self, away=()):
        self.lost = set(away)
        self.calls = 0
        self.published = []
        self.closed = 0
        self.why = ""
        self.waiting = None  # where acknowledgements are kept back
        self.refuses = False

    def publish(self, payload, *, key, timestamp, done):
        self.calls += 1
        if self.calls in self.lost or self.why:
            done(BrokerAway("the broker is away"))
            return
        if self.refuses:
            done(Refused("too large"))
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


class Running:
    """A camera at work, in a thread."""

    def __init__(self, source, open_writer, opened=open_source, watchdog=None, **settings):
        self.stopping = threading.Event()
        more = {"opened": opened, "watchdog": watchdog}
        self.camera = Camera(
            Settings(name="Straße", source=source, **settings), open_writer, self.stopping, **more
        )
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.camera.run()
        except SettingsError as error:
            self.failure = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(5)

    def counted(self, name):
        return self.camera.metrics.counts()[name]


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.005)


def play(video, sink, frames, open_writer=None, **settings):
    with Running(video, open_writer or (lambda: sink), **settings) as running:
        until(lambda: len(sink.published) >= frames)
    return running


def test_frames_are_published_in_real_time_with_name_and_capture_time(video):
    sink, begun = Sink(), time.time()
    play(video, sink, 10)
    lasted = time.time() - begun

    assert [number for number, _, _ in sink.published[:7]] == [0, 1, 2, 3, 4, 0, 1]
    assert [key for _, key, _ in sink.published[:10]] == ["Straße".encode()] * 10
    times = [taken for _, _, taken in sink.published[:10]]
    assert times == sorted(times)
    assert begun <= times[0] <= times[-1] <= begun + lasted
    assert lasted >= 9 / 50, "faster than the video"
    assert sink.closed == 1


def test_fewer_frames_than_the_video_has(video):
    sink, begun = Sink(), time.monotonic()
    running = play(video, sink, 6, fps=10.0)

    assert time.monotonic() - begun >= 5 / 10
    assert running.counted("captured") in (6, 7)


def test_frames_that_do_not_reach_the_broker_are_counted_and_the_camera_goes_on(video):
    sink = Sink(away=range(3, 40))
    with Running(video, lambda: sink) as running:
        until(lambda: running.counted("broker") >= 3)
        sink.lost = set()
        before = len(sink.published)
        until(lambda: len(sink.published) > before + 3)
        until(ready.is_ready)


def test_while_the_broker_is_away_nothing_is_kept_for_later(video):
    sink = Sink()
    with Running(video, lambda: sink) as running:
        until(lambda: len(sink.published) >= 2)
        sink.why = "the broker cannot be reached"
        until(lambda: running.counted("broker") >= 10)
        until(lambda: not ready.is_ready())
        assert running.camera.metrics.ready._value.get() == 0
        before, back = len(sink.published), time.time()
        sink.why = ""
        until(lambda: len(sink.published) > before)
        assert sink.published[before][2] > back - 0.4
        until(ready.is_ready)


def test_what_a_buffer_holds_is_sent_when_the_broker_is_back_oldest_first(video):
    sink = Sink()
    with Running(video, lambda: sink, buffer_seconds=60.0) as running:
        until(lambda: len(sink.published) >= 2)
        sink.why = "the broker cannot be reached"
        time.sleep(0.5)
        captured = running.counted("captured")
        assert running.camera.metrics.buffered_bytes._value.get() > 0
        sink.why = ""
        until(lambda: len(sink.published) >= captured)
        assert running.counted("broker") == 0
    times = [taken for _, _, taken in sink.published]
    assert times == sorted(times)
    assert max(after - before for before, after in pairwise(times)) < 0.2
    numbers = [number for number, _, _ in sink.published]
    assert numbers[:25] == [0, 1, 2, 3, 4] * 5


def test_a_broker_that_is_there_late_gets_what_the_buffer_holds(video):
    sink, attempts = Sink(), []

    def open_writer():
        attempts.append(1)
        if len(attempts) < 20:
            raise BrokerAway("not there yet")
        return sink

    begun = time.time()
    play(video, sink, 10, open_writer, buffer_seconds=5.0)
    assert sink.published[0][2] - begun < 0.15
    assert [number for number, _, _ in sink.published[:6]] == [0, 1, 2, 3, 4, 0]


def test_what_the_broker_refuses_is_counted_and_not_sent_again(video):
    sink = Sink()
    sink.refuses = True
    with Running(video, lambda: sink, buffer_seconds=5.0) as running:
        until(lambda: running.counted("refused") >= 3)
        assert sink.calls <= running.counted("captured")
        assert not ready.is_ready()


def test_no_more_frames_are_under_way_than_a_few(video, monkeypatch):
    monkeypatch.setattr(publishing, "UNDER_WAY", 3)
    sink = Sink()
    with Running(video, lambda: sink) as running:
        until(lambda: len(sink.published) >= 1)
        sink.waiting = []
        until(lambda: running.counted("broker") >= 3)
        assert len(sink.waiting) == 3
        for done in sink.waiting[:]:
            done(None)
        until(lambda: len(sink.waiting) > 3)


def test_settings_that_the_kafka_client_refuses_end_the_camera(video):
    def open_writer():
        raise SettingsError(["no such setting"])

    with Running(video, open_writer) as running:
        running.thread.join(5)
    assert running.failure.problems == ["no such setting"]


class Shown:
    """A source that shows bright pictures of which each is a step brighter."""

    live = True
    kind = codec = "test"

    def __init__(self, steps=range(10**6), interval=0.01, ends="went away"):
        self.steps, self.interval, self.ends = steps, interval, ends
        self.closed = False

    def __iter__(self):
        for step in self.steps:
            time.sleep(self.interval)
            pixels = np.full((48, 64, 3), step % 250, np.uint8)
            yield Arrival(time.time(), time.monotonic(), load=lambda pixels=pixels: pixels)
        raise SourceError(self.ends)

    def close(self):
        self.closed = True


def test_a_source_that_went_away_is_opened_anew_and_so_is_said(caplog):
    sink = Sink()
    sources = [Shown(range(5)), None, Shown()]

    def opened(_settings):
        source = sources.pop(0)
        if source is None:
            raise SourceError("rtsp://camera/live: nobody is there")
        return source

    caplog.set_level("INFO")
    first = sources[0]
    with Running("/x", lambda: sink, opened) as running:
        until(lambda: len(sink.published) >= 10)
        assert running.camera.metrics.reconnections._value.get() == 1
        assert running.camera.metrics.source_up._value.get() == 1
    assert first.closed
    assert "went away; trying again" in caplog.text
    assert "the source is back after" in caplog.text


def test_the_pause_before_a_source_is_opened_anew_grows(monkeypatch):
    monkeypatch.setattr(watching, "PAUSE_MAX_SECONDS", 0.1)
    attempts = []

    def opened(_settings):
        attempts.append(time.monotonic())
        raise SourceError("no")

    with Running("/x", Sink, opened):
        until(lambda: len(attempts) >= 12)
    pauses = [after - before for before, after in pairwise(attempts)]
    for pause, least in zip(pauses, [0.02, 0.04, 0.08, 0.1, 0.1], strict=False):
        assert pause >= least - 0.002
    assert min(pauses[4:]) < 0.16, "no longer than the longest"


def test_whatever_a_source_raises_it_is_opened_anew_and_no_password_is_said(caplog):
    sink, attempts = Sink(), []

    def opened(_settings):
        attempts.append(1)
        if len(attempts) < 3:
            raise MemoryError("rtsp://me:s3cret@camera/live")
        return Shown()

    with Running("/x", lambda: sink, opened):
        until(lambda: len(sink.published) >= 3)
    assert "MemoryError('rtsp://camera/live')" in caplog.text


def test_a_source_that_hangs_in_its_driver_is_told_to_the_watchdog(monkeypatch):
    monkeypatch.setattr(watching, "HANGING_SECONDS", 0.1)
    watchdog, hanging = Watchdog(), threading.Event()

    class Hanging(Shown):
        def __iter__(self):
            hanging.wait(5)
            yield from super().__iter__()

    opened = lambda _: Hanging()  # noqa: E731
    with Running("/x", Sink, opened, watchdog=watchdog):
        until(watchdog.overdue)
        assert watchdog.overdue()[0].startswith("reading the source takes")
        hanging.set()
        until(lambda: not watchdog.overdue())


def test_a_folder_that_shows_a_picture_now_and_then_does_not_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "HANGING_SECONDS", 0.1)
    monkeypatch.setattr(watching, "SILENT_SECONDS", 0.1)
    cv2.imwrite(str(tmp_path / "1.jpg"), np.zeros((48, 64, 3), np.uint8))
    sink, watchdog = Sink(), Watchdog()
    with Running(str(tmp_path), lambda: sink, watchdog=watchdog, fps=1.0):
        until(lambda: len(sink.published) == 1)
        time.sleep(0.5)
        assert watchdog.overdue() is None
        assert ready.is_ready()


def test_who_cannot_keep_pace_publishes_the_newest(monkeypatch):
    sink = Sink()
    encode = frames.encode_jpeg
    monkeypatch.setattr(frames, "encode_jpeg", lambda *it: (time.sleep(0.1), encode(*it))[1])
    ages = []
    with Running("/x", lambda: sink, lambda _: Shown(interval=0.01)) as running:
        for _ in range(15):
            time.sleep(0.1)
            ages += [time.time() - sink.published[-1][2]] if sink.published else []
        assert running.counted("late") > 50
    assert len(sink.published) > 8
    assert max(ages) < 1.0


def test_a_picture_that_stands_still_has_the_source_opened_anew(caplog):
    sink, opened = Sink(), []

    def still(_settings):
        opened.append(Shown([7] * 10**6 if len(opened) < 1 else range(10**6)))
        return opened[-1]

    with Running("/x", lambda: sink, still, still_seconds=0.2):
        until(lambda: len(opened) == 2)
        before = len(sink.published)
        until(lambda: len(sink.published) > before + 5)
        assert len(opened) == 2
    assert "the picture of /x has not changed for 0 s: the source is opened anew" in caplog.text


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_by_a_day_neither_stalls_nor_floods(video, monkeypatch, jump):
    real, offset = time.time, [0]
    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    sink = Sink()
    with Running(video, lambda: sink, fps=25.0, buffer_seconds=30.0) as running:
        until(lambda: len(sink.published) >= 10)
        offset[0] = jump
        before = len(sink.published)
        time.sleep(1.0)
        assert len(sink.published) - before <= 28  # 25, where the machine keeps up
        until(lambda: len(sink.published) >= before + 25)
        assert running.counted("broker") == 0
    times = [taken for _, _, taken in sink.published]
    assert abs(times[-1] - times[5] - jump) < 5, "the event time is the clock's"


def test_the_line_says_how_fast_and_why_not():
    counts = {"captured": 100, "published": 80, "late": 15, "damaged": 0, "broker": 5, "refused": 0}

    assert line(counts, 10) == (
        "10.0 frames/s captured, 8.0 published, 20 dropped (15 late, 5 broker)"
    )
    assert line(dict.fromkeys(counts, 0), 10) == ("0.0 frames/s captured, 0.0 published, 0 dropped")


def test_the_camera_needs_nothing_of_the_worker_and_the_viewer():
    """What requirements-camera.in leaves out is imported by none of its modules."""
    code = (
        "import sys\n"
        "from posestream.camera import command\n"
        "from posestream.camera.sources import device, file, folder, network, picamera\n"
        "left_out = {'openvino', 'onnx', 'starlette', 'uvicorn', 'anyio', 'picamera2'}\n"
        "print(*left_out & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": "files/openpose"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
