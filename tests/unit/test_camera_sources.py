"""The camera's sources on generated files and over HTTP, and what is said where one fails."""

import base64
import errno
import itertools
import logging
import socket
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import ClassVar

import av
import cv2
import numpy as np
import pytest
from posestream import frames
from posestream.__main__ import main
from posestream.camera import check
from posestream.camera.sources import SourceError, device, network, open_source, picamera
from posestream.camera.sources.stream import Packet
from posestream.camera.sources.trouble import explained
from posestream.flags import Camera as Settings

PASSWORD = "p@ss/wörd:1?"


@pytest.fixture(autouse=True)
def _look_shortly(monkeypatch):
    monkeypatch.setattr(check, "SECONDS", 0.3)


def shade(level, height=48, width=64):
    return np.full((height, width, 3), level, np.uint8)


def level_of(picture):
    return round(float(picture.pixels.mean()) / 10)


def write(path, codec, count=8, rate=50, **options):
    """Write a video whose frames grow brighter by 10 each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if codec == "mjpeg":
            stream.pix_fmt = "yuvj420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(shade(10 * number + 10), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def taken(source, count):
    """Return so many pictures of a source."""
    pictures = (picture for arrival in source for picture in arrival.pictures())
    return list(itertools.islice(pictures, count))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "3", "b-adapt": "0"}),
        ("a.mkv", "libx264", {"tune": "zerolatency"}),
        ("a.avi", "mpeg4", {}),
        ("a.avi", "mjpeg", {}),
    ],
)
def test_a_video_plays_over_and_over_in_order_and_in_real_time(tmp_path, name, codec, options):
    source = open_source(Settings(source=write(tmp_path / name, codec, **options)))
    begun = time.monotonic()
    pictures = taken(source, 18)

    assert not source.live
    assert [level_of(picture) for picture in pictures] == [*range(1, 9), *range(1, 9), 1, 2]
    assert time.monotonic() - begun >= 17 / 50 - 0.02
    times = [picture.taken for picture in pictures]
    assert min(np.diff(times)) > 0, "each has a time of its own"
    assert (times[17] - times[0]) == pytest.approx(17 / 50, abs=0.15)


def test_only_a_video_of_jpegs_gives_jpegs(tmp_path):
    mjpeg = open_source(Settings(source=write(tmp_path / "a.avi", "mjpeg")))
    h264 = open_source(Settings(source=write(tmp_path / "a.mp4", "libx264")))

    (jpeg,), (pixels,) = taken(mjpeg, 1), taken(h264, 1)
    assert frames.size(jpeg.jpeg) == (64, 48)
    assert pixels.jpeg is None


def test_a_video_that_is_late_goes_on_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("posestream.camera.sources.pacing.LATE_SECONDS", 0.1)
    source = iter(open_source(Settings(source=write(tmp_path / "a.avi", "mjpeg", rate=20))))
    next(source)
    time.sleep(0.3)
    begun = time.monotonic()
    assert [level_of(next(source).pictures()[0]) for _ in range(4)] == [2, 3, 4, 5]
    assert time.monotonic() - begun >= 3 / 20 - 0.01


def test_a_folder_of_pictures_is_shown_in_turn_and_jpegs_as_they_are(tmp_path):
    jpegs = [frames.encode_jpeg(shade(level), 77) for level in (10, 30)]
    (tmp_path / "1.jpg").write_bytes(jpegs[0])
    (tmp_path / "3.JPEG").write_bytes(jpegs[1])
    (tmp_path / "2.png").write_bytes(cv2.imencode(".png", shade(20))[1].tobytes())
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_source(Settings(source=str(tmp_path), fps=100.0))
    pictures = taken(source, 5)

    assert [level_of(picture) for picture in pictures] == [1, 2, 3, 1, 2]
    assert [picture.jpeg for picture in pictures[:3]] == [jpegs[0], None, jpegs[1]]


def test_a_folder_or_file_without_pictures_says_so(tmp_path):
    (tmp_path / "x.avi").write_text("no video")
    for path, words in (
        (tmp_path, "has no pictures in it"),
        (tmp_path / "x.avi", "is no video that FFmpeg can play"),
        (tmp_path / "missing.avi", "there is no file"),
    ):
        with pytest.raises(SourceError, match=words):
            open_source(Settings(source=str(path)))


def test_a_stream_whose_beginning_was_missed_goes_on_at_the_next_one(tmp_path):
    path = write(tmp_path / "a.mkv", "libx264", count=20, tune="zerolatency", g="8")
    arrivals = list(itertools.islice(open_source(Settings(source=path)), 12))
    missed, beginning = arrivals[1:8], arrivals[8]

    assert [len(arrival.pictures()) for arrival in missed] == [0] * 7
    assert [picture.taken for picture in beginning.pictures()] == [beginning.taken]


def test_a_picture_leaves_the_decoder_with_its_packet(tmp_path):
    path = write(tmp_path / "a.mkv", "libx264", tune="zerolatency")

    arrivals = itertools.islice(open_source(Settings(source=path)), 5)
    assert [len(arrival.pictures()) for arrival in arrivals] == [1] * 5


@contextmanager
def listener():
    """Listen on a port; what connects is listed, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept():
            while True:
                try:
                    connections.append(server.accept())
                except OSError:
                    return

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[1], connections
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends a wait for the next one, which close does not
            accepting.join()
            for connection, _ in connections:
                connection.close()


class Camera(BaseHTTPRequestHandler):
    """A network camera: MJPEG, behind a password or not, and what is no such stream."""

    protocol_version = "HTTP/1.1"
    jpegs: tuple[bytes, ...] = tuple(frames.encode_jpeg(shade(10 * n + 10), 80) for n in range(20))
    sent: ClassVar[list[float]] = []  # when each picture was, seconds since the epoch

    def do_GET(self):
        getattr(self, self.path.strip("/").partition("?")[0].replace(".", "_"), self.lost)()

    def answer(self, code, kind, body=b"", **headers):
        self.send_response(code)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def lost(self):
        self.answer(404, "text/plain", b"no")

    def page(self):
        self.answer(200, "text/html", b"<html><body>a camera's page</body></html>" * 50)

    def broken(self):
        self.answer(503, "text/plain", b"no")

    def snapshot_jpg(self):
        self.answer(200, "image/jpeg", self.jpegs[0])

    def private(self):
        wanted = base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            self.live()
        else:
            self.answer(401, "text/plain", b"no", WWW_Authenticate='Basic realm="camera"')

    def live(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for jpeg in itertools.cycle(self.jpegs):
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.sent.append(time.time())
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(0.02)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def camera():
    """Return the address of a network camera."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_mjpeg_over_http_gives_the_jpegs_that_were_sent_when_they_came(camera):
    begun = time.time()
    Camera.sent.clear()
    source = open_source(Settings(source=f"{camera}/live"))
    pictures = taken(source, 30)
    ended = time.time()
    source.close()

    assert source.live
    assert all(picture.jpeg in Camera.jpegs for picture in pictures)
    places = [Camera.jpegs.index(picture.jpeg) for picture in pictures]
    assert places == [(places[0] + step) % 20 for step in range(30)]
    times = [picture.taken for picture in pictures]
    assert begun <= times[0] <= times[-1] <= ended
    gaps, of_sender = np.diff(times), np.diff(Camera.sent)
    assert np.median(gaps) == pytest.approx(np.median(of_sender), abs=0.01), (
        "those read ahead came earlier"
    )


def test_a_name_and_a_password_open_a_camera(camera):
    source = open_source(Settings(source=f"{camera}/private", username="reader", password=PASSWORD))
    assert taken(source, 1)[0].jpeg in Camera.jpegs
    source.close()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("private", r"wants a name and a password.*\(401\).*CAMERA_USERNAME"),
        ("nothing", r"is not there \(404\)"),
        ("broken", r"fails by itself \(5xx\)"),
        ("page", "is not a stream of pictures"),
        ("snapshot.jpg", "is one picture, not a stream"),
    ],
)
def test_what_a_camera_answers_in_place_of_pictures_is_explained(camera, path, words):
    with pytest.raises(SourceError, match=words):
        open_source(Settings(source=f"{camera}/{path}"))


def test_a_camera_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr("posestream.camera.sources.stream.OPEN_SECONDS", 0.3)
    with listener() as (port, _), pytest.raises(SourceError, match=r"nothing came for 0\.3 s"):
        open_source(Settings(source=f"http://127.0.0.1:{port}/live"))


def test_no_password_is_in_a_message_or_a_log(camera, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    own = camera.replace("//", "//me:s3cret@")
    for source, more in (
        (f"{own}/private?pwd=s3cret", {}),
        (f"{camera}/private", {"username": "me", "password": "s3cret"}),
        ("rtsp://me:s3cret@127.0.0.1:9/live", {}),
        ("rtsp://me:s3cret@nowhere.invalid/live", {}),
    ):
        with pytest.raises(SourceError) as caught:
            open_source(Settings(source=source, **more))
        seen = str(caught.value)
        error = caught.value
        while error := error.__cause__ or (
            None if error.__suppress_context__ else error.__context__
        ):
            seen += repr(error)
        printed = capfd.readouterr()
        assert "s3cret" not in seen + caplog.text + printed.out + printed.err


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("rtsp://nowhere.invalid/live", "nobody knows a host nowhere.invalid"),
        ("rtsp://127.0.0.1:9/live", "127.0.0.1:9 refuses the connection"),
    ],
)
def test_a_host_that_cannot_be_reached_is_explained(source, words):
    with pytest.raises(SourceError, match=words):
        open_source(Settings(source=source))


def test_credentials_take_the_place_of_those_in_the_address():
    assert network.with_credentials("rtsp://a:b@c:8554/d?e", "", "x") == "rtsp://a:b@c:8554/d?e"
    assert network.with_credentials("rtsp://a:b@c:8554/d?e", "f", "g@/:") == (
        "rtsp://f:g%40%2F%3A@c:8554/d?e"
    )


def test_a_time_of_before_the_clock_was_set_is_not_believed():
    now = time.time()
    for own, expected in ((now - 2, now - 2), (now - 86400, now), (now + 86400, now), (None, now)):
        assert network.arrived(Packet(b"", own, True)) == pytest.approx(expected, abs=0.1)


def test_a_device_is_asked_for_jpegs_first_and_then_for_whatever_it_has(monkeypatch):
    asked = []

    class Stream:
        def __init__(self, address, shown, *, container_options, **more):
            asked.append((address, more["format"], container_options))
            if container_options.get("input_format") == "mjpeg":
                raise SourceError("it has none")
            self.codec = "rawvideo"

    monkeypatch.setattr(device, "Stream", Stream)
    settings = Settings(source="/dev/video2", size=(640, 480), fps=15.0)
    assert device.Device(settings).codec == "rawvideo"
    more = {"video_size": "640x480", "framerate": "15"}
    assert asked == [
        ("/dev/video2", "v4l2", {"input_format": "mjpeg", **more}),
        ("/dev/video2", "v4l2", more),
    ]
    with pytest.raises(SourceError):
        device.Device(Settings(source="/dev/video2", format="mjpg"))
    assert asked[2:] == [("/dev/video2", "v4l2", {"input_format": "mjpeg"})]


def test_a_device_is_asked_for_the_size_before_the_picture_is_turned():
    turned = Settings(source="/dev/video0", size=(480, 640), rotation=90, format="yuyv")

    asked = {"input_format": "yuyv422", "video_size": "640x480"}
    assert device.options(turned, "yuyv422") == asked


def test_a_devices_monotonic_time_becomes_the_time_of_capture():
    monotonic, now = time.monotonic(), time.time()
    for own, age in ((monotonic - 0.5, 0.5), (now - 0.5, 0), (monotonic - 60, 0), (None, 0)):
        assert device.captured(Packet(b"", own, True)) == pytest.approx(now - age, abs=0.1)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOENT, "is the camera plugged in"),
        (errno.EACCES, "group video"),
        (errno.EBUSY, "is in use"),
        (errno.ENOTTY, "is not a capture device"),
        (errno.EINVAL, "v4l2-ctl --list-formats-ext"),
    ],
)
def test_what_a_device_answers_is_explained(code, words):
    assert words in explained("/dev/video0", OSError(code, "x"), 0, 10)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/dev/video77", "is not there"), ("/dev/null", "is not a capture device")],
)
def test_real_devices_that_are_no_cameras_are_explained(path, words):
    with pytest.raises(SourceError, match=words):
        open_source(Settings(source=path))


class Picamera2:
    """Answers as picamera2's class does, as far as it is used."""

    made: ClassVar[list] = []

    @staticmethod
    def global_camera_info():
        return [{"Num": 0}, {"Num": 1}]

    def __init__(self, number):
        self.number = number
        self.made.append(self)

    def create_video_configuration(self, main, controls):
        return {"main": main, "controls": controls}

    def configure(self, configuration):
        self.configuration = configuration

    def start(self):
        if self.number == 1:
            raise RuntimeError("Camera __init__ sequence did not complete.")

    def capture_request(self):
        stamp = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 40_000_000
        return SimpleNamespace(
            make_array=lambda name: shade(10),
            get_metadata=lambda: {"SensorTimestamp": stamp},
            release=lambda: None,
        )

    def close(self):
        self.number = None


@pytest.fixture
def _picamera2(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=Picamera2))


@pytest.mark.usefixtures("_picamera2")
def test_the_raspberry_pis_camera_gives_pixels_with_the_time_of_exposure():
    source = open_source(Settings(source="picamera", size=(640, 480), fps=15.0))
    (picture,) = taken(source, 1)

    assert Picamera2.made[-1].configuration == {
        "main": {"size": (640, 480), "format": "RGB888"},
        "controls": {"FrameRate": 15.0},
    }
    assert level_of(picture) == 1
    assert time.time() - picture.taken == pytest.approx(0.04, abs=0.03)
    source.close()


@pytest.mark.usefixtures("_picamera2")
@pytest.mark.parametrize(
    ("source", "words"),
    [("picamera:2", "picamera2 finds 2 cameras"), ("picamera:1", "does another program have")],
)
def test_a_raspberry_pis_camera_that_does_not_start_is_explained(source, words):
    with pytest.raises(SourceError, match=words):
        open_source(Settings(source=source))


def test_without_picamera2_it_is_said_where_it_comes_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match="apt-get install python3-picamera2"):
        open_source(Settings(source="picamera"))
    assert picamera.exposed(None) == pytest.approx(time.time(), abs=0.1)


class Ended(Exception):  # noqa: N818 (the process's end is no error)
    pass


@pytest.fixture
def checked(monkeypatch, capsys):
    """Return what runs `posestream camera --check` and gives its exit code and its words."""

    def end(code):
        raise Ended(code)

    monkeypatch.setattr("posestream.watchdog.end", end)

    def run(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(Ended) as ended:
            main(["camera", "--check"])
        return ended.value.args[0], "\n".join(capsys.readouterr())

    return run


def test_check_says_what_comes_and_whether_jpegs_stay_as_they_are(checked, camera):
    code, text = checked(CAMERA_SOURCE=f"{camera}/live", CAMERA_NAME="hall")
    assert code == 0
    assert "name      hall" in text
    assert "pictures  64x48, mjpeg, " in text
    assert "frames    64x48, JPEG as they came, " in text

    code, text = checked(CAMERA_ROTATION="90", CAMERA_FPS="5")
    assert code == 0
    assert "frames    48x64, JPEG encoded here, quality 85" in text
    assert "at most 5 a second" in text


def test_check_says_how_many_pictures_come(checked, tmp_path):
    code, text = checked(CAMERA_SOURCE=write(tmp_path / "a.mp4", "libx264"))
    rate = float(text.partition("h264, ")[2].partition(" ")[0])
    assert code == 0
    assert rate == pytest.approx(50, rel=0.3)


def test_check_says_what_is_wrong(checked, camera):
    code, text = checked(CAMERA_SOURCE=f"{camera}/private")
    assert code == 1
    assert "posestream camera: " in text
    assert "(401)" in text


def test_check_says_what_a_library_raises_without_a_password(checked, monkeypatch):
    def fails(_settings):
        raise MemoryError("rtsp://me:s3cret@camera/live")

    monkeypatch.setattr(check, "open_source", fails)
    code, text = checked(CAMERA_SOURCE="rtsp://me:s3cret@camera/live")
    assert code == 1
    assert "rtsp://camera/live fails: MemoryError('rtsp://camera/live')" in text


def test_check_says_that_a_driver_hangs(checked, monkeypatch):
    monkeypatch.setattr(check, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(check, "open_source", lambda _: threading.Event().wait())
    code, text = checked(CAMERA_SOURCE="/dev/video0")
    assert code == 1
    assert "/dev/video0 hangs" in text


def test_wrong_settings_are_said_by_check_too(checked):
    code, text = checked(CAMERA_SOURCE="ftp://x")
    assert code == 2
    assert "CAMERA_SOURCE: 'ftp://x' should be" in text
