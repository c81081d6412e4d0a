"""The viewer: what belongs together, what slow browsers get, what it says of itself."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import websockets.sync.client
from posestream.viewer import cameras as cameras_module
from posestream.viewer.app import MAX_CLIENTS, STATIC, TRY_AGAIN_LATER, create_app
from posestream.viewer.cameras import Cameras, Rate, Stream, count_people, name_of
from posestream.viewer.command import is_showable
from posestream.viewer.newest import Mailbox
from posestream.viewer.session import NONSENSE, UNDER_WAY, choose
from posestream.viewer.wire import pack, unpack
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.stand_in import Broker, Message, is_picture, jpeg, keypoints

ROOT = Path(__file__).parents[2]


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cameras(clock):
    return Cameras(is_picture, clock=clock, wall_clock=clock)


def picture(number):
    """Return something that passes for a JPEG and is unlike every other number's."""
    return b"\xff\xd8" + number.to_bytes(4)


def wait_until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


class TestMatching:
    def test_the_raw_picture_is_the_one_that_the_annotated_one_was_made_of(self, cameras):
        cameras.add(Stream.RAW, [Message(picture(n), timestamp=n / 10) for n in range(10)])
        cameras.add(Stream.ANNOTATED, [Message(picture(104), timestamp=0.4)])
        view = cameras.view("street")
        assert (view.annotated.jpeg, view.raw.jpeg, view.matched) == (
            picture(104),
            picture(4),
            True,
        )

    def test_the_source_may_come_after_its_annotated_picture(self, cameras):
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=1.0)])
        assert cameras.view("street").raw is None
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=1.0)])
        assert cameras.view("street").matched

    @pytest.mark.parametrize(("off", "matched"), [(1e-6, True), (0.01, False)])
    def test_times_match_to_the_microsecond_but_not_to_the_next_frame(self, cameras, off, matched):
        taken = 1_795_000_000.123456
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=taken + off)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=taken)])
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(3), timestamp=taken + off)])
        view = cameras.view("street")
        assert view.matched is matched
        assert view.people == (3 if matched else None)

    def test_another_camera_of_the_same_moment_is_no_match(self, cameras):
        cameras.add(Stream.RAW, [Message(picture(1), b"yard", 1.0)])
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(3), b"yard", 1.0)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), b"street", 1.0)])
        view = cameras.view("street")
        assert (view.raw, view.people) == (None, None)

    def test_without_its_source_the_newest_raw_picture_is_shown(self, cameras):
        cameras.add(Stream.RAW, [Message(picture(n), timestamp=n) for n in (1, 2)])
        cameras.add(Stream.ANNOTATED, [Message(picture(107), timestamp=7.0)])
        view = cameras.view("street")
        assert (view.raw.jpeg, view.matched) == (picture(2), False)

    def test_when_annotated_pictures_stop_the_raw_ones_go_on(self, cameras, clock):
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=1.0)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=1.0)])
        cameras.add(Stream.RAW, [Message(picture(2), timestamp=2.0)])
        assert cameras.view("street").raw.jpeg == picture(1)
        clock.now += cameras_module.FROZEN_AFTER + 1
        cameras.add(Stream.RAW, [Message(picture(3), timestamp=3.0)])
        view = cameras.view("street")
        assert (view.raw.jpeg, view.matched) == (picture(3), False)

    def test_people_come_with_their_picture_only(self, cameras):
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(n), timestamp=n) for n in range(5)])
        cameras.add(Stream.ANNOTATED, [Message(picture(1), timestamp=3.0)])
        assert cameras.view("street").people == 3
        cameras.add(Stream.ANNOTATED, [Message(picture(2), timestamp=9.0)])
        assert cameras.view("street").people is None

    def test_waiting_raw_pictures_take_bounded_memory(self, cameras, monkeypatch):
        monkeypatch.setattr(cameras_module, "MAX_RAW_BYTES", 10 * len(picture(0)))
        cameras.add(Stream.RAW, [Message(picture(n), timestamp=n) for n in range(100)])
        cameras.add(Stream.ANNOTATED, [Message(picture(500), timestamp=90.0)])
        assert cameras.view("street").matched
        cameras.add(Stream.ANNOTATED, [Message(picture(501), timestamp=89.0)])
        assert not cameras.view("street").matched


def test_a_browser_is_given_whole_pictures_of_bearable_size_only():
    whole = jpeg(1, 2, 3, size=(64, 48))
    assert is_showable(whole, max_pixels=64 * 48)
    assert not is_showable(whole, max_pixels=64 * 48 - 1)
    for payload in (None, b"", b"text", whole[:-2], whole[:50]):
        assert not is_showable(payload, max_pixels=1_000_000)


class TestCameras:
    @pytest.mark.parametrize(
        ("key", "name"),
        [
            (b"street", "street"),
            ("Straße 1".encode(), "Straße 1"),
            (None, "camera"),
            (b"  ", "camera"),
            (b"\xff", "\N{REPLACEMENT CHARACTER}"),
            (b"verify-1234", None),
        ],
    )
    def test_the_key_is_the_name(self, key, name):
        assert name_of(key) == name

    def test_self_checks_are_no_cameras(self, cameras):
        for stream, payload in (
            (Stream.RAW, picture(1)),
            (Stream.ANNOTATED, picture(2)),
            (Stream.KEYPOINTS, keypoints(1)),
        ):
            cameras.add(stream, [Message(payload, b"verify-1", 1.0)])
        assert cameras.names() == []

    def test_what_is_not_a_picture_is_passed_over(self, cameras):
        bad = [Message(payload, timestamp=2.0) for payload in (None, b"", b"text")]
        cameras.add(Stream.RAW, bad)
        assert cameras.names() == []
        cameras.add(Stream.ANNOTATED, [Message(picture(1), timestamp=1.0), *bad])
        assert cameras.view("street").annotated.jpeg == picture(1)

    def test_a_camera_is_forgotten_when_it_has_been_silent_for_long(self, cameras, clock):
        cameras.add(Stream.RAW, [Message(picture(1), b"street")])
        clock.now += cameras_module.GONE_AFTER - 1
        cameras.add(Stream.RAW, [Message(picture(1), b"yard")])
        assert cameras.names() == ["street", "yard"]
        clock.now += 2
        assert cameras.names() == ["yard"]
        assert [camera["name"] for camera in cameras.status()] == ["yard"]

    def test_of_too_many_cameras_the_most_silent_one_goes(self, cameras, clock):
        for number in range(cameras_module.MAX_CAMERAS + 1):
            clock.now += 0.01
            cameras.add(Stream.RAW, [Message(picture(1), f"{number:03}".encode())])
        names = cameras.names()
        assert len(names) == cameras_module.MAX_CAMERAS
        assert "000" not in names

    def test_status(self, cameras, clock):
        for number in range(21):
            clock.now += 0.1
            taken = clock.now - 0.25
            cameras.add(Stream.RAW, [Message(picture(number), timestamp=taken)])
            if number % 2 == 0:
                cameras.add(Stream.ANNOTATED, [Message(picture(number), timestamp=taken)])
                cameras.add(Stream.KEYPOINTS, [Message(keypoints(4), timestamp=taken)])
        clock.now += 1
        (status,) = cameras.status()
        assert status["name"] == "street"
        assert status["people"] == 4
        assert status["raw"]["age"] == pytest.approx(1.25)
        assert status["annotated"]["silent"] == pytest.approx(1.0)

    def test_rate(self):
        rate = Rate()
        assert rate.per_second(0.0) == 0.0
        for number in range(101):
            rate.add(number / 10)
        assert rate.per_second(10.05) == pytest.approx(10.0)
        assert rate.per_second(12.0) == pytest.approx(30 / 5, abs=1)
        assert rate.per_second(20.0) == 0.0

    @pytest.mark.parametrize(
        "payload", [None, b"", b"[", b"[]", b"{}", b'{"people": 3}', b"[" * 100_000]
    )
    def test_other_json_tells_nothing_of_people(self, payload):
        assert count_people(payload) is None
        assert count_people(keypoints(2)) == 2


@pytest.mark.parametrize(
    ("wanted", "current", "chosen"),
    [
        (None, None, "street"),
        (None, "yard", "yard"),
        ("yard", "street", "yard"),
        ("gone", "yard", "yard"),
        ("gone", "gone", "street"),
    ],
)
def test_choice_of_the_camera(wanted, current, chosen):
    assert choose(["yard", "street"], wanted, current) == chosen
    assert choose([], wanted, current) is None


def test_wire_there_and_back():
    header = {"camera": "Straße", "age": None}
    for annotated, raw in ((b"abc", b"de"), (b"", b"de"), (b"abc", None), (None, b"")):
        back, *pictures = unpack(pack(header, annotated, raw))
        assert back["camera"] == "Straße"
        assert back["annotated"] == (None if annotated is None else len(annotated))
        assert back["raw"] == (None if raw is None else len(raw))
        assert pictures == [annotated or b"", raw or b""]


def test_mailbox_holds_the_newest_only():
    async def scene():
        mailbox = Mailbox()
        for number in range(5):
            mailbox.put(number)
        assert await mailbox.get() == 4
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.get(), 0.01)
        waiting = asyncio.create_task(mailbox.get())
        await asyncio.sleep(0)
        mailbox.put(5)
        assert await waiting == 5

    asyncio.run(scene())


class Service:
    """The application over a broker in memory."""

    def __init__(self):
        self.broker = Broker()
        self.cameras = Cameras(is_picture)
        self.failed = threading.Event()
        app = create_app(self.broker.open_readers(), self.cameras, self.failed.set)
        self.client = TestClient(app)

    def frame(self, number, **more):
        self.broker.send_frame(picture(1000 + number), picture(number), number, **more)

    def annotated(self, camera="street"):
        shown = self.cameras.view(camera).annotated
        return shown and shown.jpeg

    def wait_for_frame(self, number, camera="street"):
        wait_until(lambda: self.annotated(camera) == picture(1000 + number))
        wait_until(lambda: self.cameras.view(camera).people == number)
        wait_until(lambda: self.cameras.view(camera).matched)


@pytest.fixture
def service():
    service = Service()
    with service.client:
        yield service


class Browser:
    """What the page does, in a few lines."""

    def __init__(self, socket):
        self.socket = socket
        self.annotated = self.raw = None
        self.begun = time.monotonic()

    def receive(self):
        """Return the next message; there is one a second at least, so this never waits for ever."""
        assert time.monotonic() - self.begun < 10, "what was waited for does not come"
        return self.socket.receive()

    def next_pictures(self):
        """Return the header of the next message with pictures, which it keeps."""
        while True:
            message = self.receive()
            if message["type"] == "websocket.close":
                raise WebSocketDisconnect(message["code"], message["reason"])
            if "bytes" in message:
                header, annotated, raw = unpack(message["bytes"])
                self.annotated = annotated if header["annotated"] else self.annotated
                self.raw = raw if header["raw"] else self.raw
                return header

    def next_status(self):
        while True:
            message = self.receive()
            if "text" in message:
                return message["text"]

    def watch_until(self, condition):
        """Say of each message that it is shown, until `condition` holds of one."""
        while True:
            header = self.next_pictures()
            self.socket.send_json({"shown": header["number"]})
            if condition(header):
                return header


@pytest.fixture
def browser(service):
    with service.client.websocket_connect("/live") as socket:
        yield Browser(socket)


class TestBrowser:
    def test_gets_pictures_age_and_people(self, service, browser):
        service.frame(3, age=2.0)
        header = browser.watch_until(lambda h: h["people"] == 3 and h["matched"])
        assert header["camera"] == "street"
        assert 2.0 <= header["age"] < 4.0
        assert (browser.annotated, browser.raw) == (picture(1003), picture(3))

    def test_a_slow_one_gets_the_newest_frame_and_no_backlog(self, service, browser):
        numbers = []
        for number in range(1, 41):
            service.frame(number)
            service.wait_for_frame(number)
            if number <= UNDER_WAY:
                numbers.append(browser.next_pictures()["number"])
        # All it may have is on its way; only one more comes for each that it has shown.
        browser.socket.send_json({"shown": numbers[0]})
        header = browser.next_pictures()
        assert header["number"] == UNDER_WAY + 1
        assert header["people"] == 40
        assert (browser.annotated, browser.raw) == (picture(1040), picture(40))

    def test_what_it_has_is_not_sent_again(self, service, browser):
        service.frame(1)
        browser.watch_until(lambda h: h["people"] == 1 and h["matched"])
        taken = service.cameras.view("street").taken
        service.broker.send(Stream.KEYPOINTS, keypoints(7), b"street", taken)
        header = browser.watch_until(lambda h: h["people"] == 7)
        assert (header["annotated"], header["raw"]) == (0, 0)

    def test_chooses_a_camera(self, service, browser):
        service.frame(1, camera="street")
        service.frame(2, camera="yard")
        service.wait_for_frame(2, "yard")
        browser.watch_until(lambda h: h["camera"] == "street")
        browser.socket.send_json({"camera": "yard"})
        browser.watch_until(lambda h: h["camera"] == "yard" and h["people"] == 2)
        assert browser.annotated == picture(1002)
        service.frame(3, camera="street")
        service.frame(4, camera="yard")
        assert browser.watch_until(lambda h: h["people"] in {3, 4})["camera"] == "yard"

    @pytest.mark.parametrize(
        "nonsense", ["text", "[]", "3", '{"shown": 1}', "[" * 3000], ids=lambda text: text[:12]
    )
    def test_nonsense_ends_the_connection(self, browser, nonsense):
        browser.socket.send_text(nonsense)
        with pytest.raises(WebSocketDisconnect) as end:
            browser.next_pictures()
        assert end.value.code == NONSENSE

    def test_one_too_many_is_told_so(self, service):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("posestream.viewer.app.MAX_CLIENTS", 2)
            connect = service.client.websocket_connect
            with connect("/live"), connect("/live"), connect("/live") as third:
                with pytest.raises(WebSocketDisconnect) as end:
                    third.receive_json()
                assert end.value.code == TRY_AGAIN_LATER
            wait_until(lambda: service.client.get("/api/status").json()["browsers"] == 0)
        assert MAX_CLIENTS >= 8

    def test_other_sites_pages_are_refused(self, service):
        connect = service.client.websocket_connect
        with connect("/live", headers={"origin": "http://testserver"}) as own:
            own.receive_json()
        with (
            pytest.raises(WebSocketDisconnect),
            connect("/live", headers={"origin": "http://elsewhere.example"}) as foreign,
        ):
            foreign.receive_json()


class TestHealth:
    def reader(self, service, stream):
        return service.client.get("/healthz").json()["readers"][stream]

    def test_all_is_well(self, service):
        wait_until(lambda: service.client.get("/healthz").json()["broker"] == "reading")
        answer = service.client.get("/healthz")
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"
        assert set(answer.json()["readers"]) == set(Stream)

    def test_a_broker_that_is_away_is_said_and_survived(self, service, browser, monkeypatch):
        monkeypatch.setattr("posestream.viewer.sources.RETRY_SECONDS", 0.01)
        wait_until(lambda: service.client.get("/healthz").json()["broker"] == "reading")
        service.broker.away = True
        wait_until(lambda: "stand-in:9092" in self.reader(service, "image-src")["detail"])
        assert service.client.get("/healthz").status_code == 503
        assert service.client.get("/healthz").json()["broker"] == "away"
        while '"broker":"away"' not in browser.next_status():
            pass
        service.broker.away = False
        service.frame(5)
        browser.watch_until(lambda h: h["people"] == 5)
        wait_until(lambda: service.client.get("/healthz").json()["broker"] == "reading")
        assert not service.failed.is_set()

    def test_a_broker_that_is_not_yet_found_is_not_well(self):
        ready = threading.Event()
        broker = Broker()

        def open_reader(reader):
            ready.wait(10)
            return reader()

        late = {
            stream: (lambda reader=reader: open_reader(reader))
            for stream, reader in broker.open_readers().items()
        }
        with TestClient(create_app(late, Cameras(is_picture), lambda: None)) as client:
            wait_until(lambda: client.get("/healthz").status_code == 503)
            ready.set()
            wait_until(lambda: client.get("/healthz").status_code == 200)

    def test_a_thread_that_died_is_a_failure(self, service):
        service.broker.broken = RuntimeError("out of order")
        assert service.failed.wait(5)
        wait_until(lambda: service.client.get("/healthz").status_code == 503)
        health = service.client.get("/healthz").json()
        assert (health["status"], health["broker"]) == ("failing", "stopped")
        assert "out of order" in str(health["readers"])

    def test_status_is_for_programs(self, service):
        service.frame(6, age=1.0)
        service.wait_for_frame(6)
        (camera,) = service.client.get("/api/status").json()["cameras"]
        assert (camera["name"], camera["people"]) == ("street", 6)
        assert 1.0 <= camera["annotated"]["age"] < 3.0


class TestPage:
    def test_is_served_and_closed_to_everything_foreign(self, service):
        answer = service.client.get("/")
        assert "<title>posestream</title>" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]

    def test_all_it_names_is_there(self, service):
        names = set()
        for file in STATIC.iterdir():
            text = file.read_text()
            names |= set(re.findall(r'(?:src|href)="([^"]+)"|from "\./([^"]+)"', text))
            foreign = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)
            assert set(foreign) <= {"http://www.w3.org"}, file.name  # the name of SVG's namespace
        for name in {first or second for first, second in names}:
            assert service.client.get(f"/{name}").status_code == 200, name


PROCESS = textwrap.dedent("""
    import sys, threading
    from posestream.viewer.cameras import Cameras
    from posestream.viewer.server import serve
    from tests.stand_in import Broker, is_picture

    port, breaks_after = int(sys.argv[1]), float(sys.argv[2])
    broker = Broker()
    def break_it():
        broker.broken = RuntimeError("out of order")
    if breaks_after:
        threading.Timer(breaks_after, break_it).start()
    sys.exit(serve(broker.open_readers(), Cameras(is_picture), port=port, host="127.0.0.1"))
""")


class TestProcess:
    @pytest.fixture
    def port(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    @pytest.fixture
    def start(self, port, monkeypatch):
        paths = [str(ROOT / "files" / "openpose"), str(ROOT)]
        monkeypatch.setenv("PYTHONPATH", ":".join([*paths, *filter(None, sys.path)]))
        started = []

        def start(breaks_after=0.0):
            process = subprocess.Popen(
                [sys.executable, "-c", PROCESS, str(port), str(breaks_after)]
            )
            started.append(process)

            def answers():
                try:
                    return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
                except OSError:
                    return None

            wait_until(answers, 15)
            return process

        yield start
        for process in started:
            process.kill()
            process.wait()

    def test_sigterm_ends_it_in_time_with_browsers_connected(self, start, port):
        process = start()
        with websockets.sync.client.connect(f"ws://127.0.0.1:{port}/live") as page:
            page.recv(timeout=5)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
            assert time.monotonic() - begun < 3

    def test_a_reader_that_dies_ends_it_with_1(self, start):
        assert start(breaks_after=3.0).wait(timeout=15) == 1
