"""The viewer: what belongs together, what slow browsers get, what it says of itself."""

import asyncio
import contextlib
import json
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
from posestream.viewer import session
from posestream.viewer.app import MAX_CLIENTS, STATIC, TRY_AGAIN_LATER, Options, create_app
from posestream.viewer.cameras import Cameras, Layers, Rate, Stream, name_of
from posestream.viewer.command import is_showable
from posestream.viewer.keypoints import read as read_keypoints
from posestream.viewer.metrics import Metrics
from posestream.viewer.newest import Mailbox
from posestream.viewer.session import NONSENSE
from posestream.viewer.wire import pack, unpack
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.stand_in import Broker, Message, is_picture, jpeg, keypoints

ROOT = Path(__file__).parents[2]
LOCAL, LIVE = "http://localhost", "ws://localhost/live"
BOTH = Layers(annotated=True, raw=True)
DRAWN = Layers(raw=True, keypoints=True)


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
        view = cameras.view("street", BOTH)
        assert (view.annotated.jpeg, view.raw.jpeg, view.matched) == (
            picture(104),
            picture(4),
            True,
        )

    def test_the_source_may_come_after_its_annotated_picture(self, cameras):
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=1.0)])
        assert cameras.view("street", BOTH).raw is None
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=1.0)])
        assert cameras.view("street", BOTH).matched

    @pytest.mark.parametrize(("off", "matched"), [(1e-6, True), (0.01, False)])
    def test_times_match_to_the_microsecond_but_not_to_the_next_frame(self, cameras, off, matched):
        taken = 1_795_000_000.123456
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=taken + off)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=taken)])
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(3), timestamp=taken + off)])
        view = cameras.view("street", BOTH)
        assert view.matched is matched
        assert view.people == (3 if matched else None)

    def test_another_camera_of_the_same_moment_is_no_match(self, cameras):
        cameras.add(Stream.RAW, [Message(picture(1), b"yard", 1.0)])
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(3), b"yard", 1.0)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), b"street", 1.0)])
        view = cameras.view("street", BOTH)
        assert (view.raw, view.people) == (None, None)

    def test_without_its_source_the_newest_raw_picture_is_shown(self, cameras):
        cameras.add(Stream.RAW, [Message(picture(n), timestamp=n) for n in (1, 2)])
        cameras.add(Stream.ANNOTATED, [Message(picture(107), timestamp=7.0)])
        view = cameras.view("street", BOTH)
        assert (view.raw.jpeg, view.matched) == (picture(2), False)

    def test_when_annotated_pictures_stop_the_raw_ones_go_on(self, cameras, clock):
        cameras.add(Stream.RAW, [Message(picture(1), timestamp=1.0)])
        cameras.add(Stream.ANNOTATED, [Message(picture(101), timestamp=1.0)])
        cameras.add(Stream.RAW, [Message(picture(2), timestamp=2.0)])
        assert cameras.view("street", BOTH).raw.jpeg == picture(1)
        clock.now += cameras_module.FROZEN_AFTER + 1
        cameras.add(Stream.RAW, [Message(picture(3), timestamp=3.0)])
        view = cameras.view("street", BOTH)
        assert (view.raw.jpeg, view.matched) == (picture(3), False)

    def test_people_come_with_their_picture_only(self, cameras):
        cameras.add(Stream.KEYPOINTS, [Message(keypoints(n), timestamp=n) for n in range(5)])
        cameras.add(Stream.ANNOTATED, [Message(picture(1), timestamp=3.0)])
        assert cameras.view("street", BOTH).people == 3
        cameras.add(Stream.ANNOTATED, [Message(picture(2), timestamp=9.0)])
        assert cameras.view("street", BOTH).people is None

    def test_waiting_raw_pictures_take_bounded_memory(self, monkeypatch):
        monkeypatch.setattr(cameras_module, "MAX_RAW_BYTES", 10 * len(picture(0)))
        cameras = Cameras(is_picture)
        cameras.add(Stream.RAW, [Message(picture(n), timestamp=n) for n in range(100)])
        cameras.add(Stream.ANNOTATED, [Message(picture(500), timestamp=90.0)])
        assert cameras.view("street", BOTH).matched
        cameras.add(Stream.ANNOTATED, [Message(picture(501), timestamp=89.0)])
        assert not cameras.view("street", BOTH).matched


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
        assert cameras.view("street", BOTH).annotated.jpeg == picture(1)

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
        "payload",
        [
            *(None, b"", b"[", b"[]", b"{}", b'{"people": 3}', b'{"people": {}}', b"[" * 100_000),
            b'{"people": [{}]}',
            b'{"people": [{"pose_keypoints_2d": [1, 2]}]}',
            b'{"people": [{"pose_keypoints_2d": ["x", 0, 0]}]}',
            # Python reads these, and writes them again; no browser does.
            b'{"people": [{"pose_keypoints_2d": [NaN, 0, 0]}]}',
            b'{"people": [], "version": Infinity}',
            keypoints(1).ljust(2**20 + 1),
        ],
        ids=lambda payload: repr(payload)[:40],
    )
    def test_other_json_tells_nothing_of_people(self, payload):
        assert read_keypoints(payload, 1.0) is None
        assert read_keypoints(keypoints(2), 1.0).people == 2


def test_wire_there_and_back():
    header = {"camera": "Straße", "age": None}
    for annotated, raw in ((b"abc", b"de"), (b"", b"de"), (b"abc", None), (None, b"")):
        back, *pictures = unpack(pack(header, annotated, raw))
        assert back["camera"] == "Straße"
        assert back["annotated"] == (None if annotated is None else len(annotated))
        assert back["raw"] == (None if raw is None else len(raw))
        assert pictures == [annotated or b"", raw or b""]


def test_mailbox_says_of_each_camera_once_that_there_is_news():
    async def scene():
        mailbox = Mailbox()
        assert [mailbox.put(name) for name in ("a", "b", "a", "c", "a")] == [
            *(False, False, True),
            *(False, True),
        ]
        assert [await mailbox.get() for _ in range(3)] == ["a", "b", "c"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.get(), 0.01)
        waiting = asyncio.create_task(mailbox.get())
        await asyncio.sleep(0)
        mailbox.put("d")
        assert await waiting == "d"
        mailbox.put("e")
        mailbox.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.get(), 0.01)

    asyncio.run(scene())


class Service:
    """The application over a broker in memory."""

    def __init__(self):
        self.broker = Broker()
        self.cameras = Cameras(is_picture)
        self.failed = threading.Event()
        self.metrics = Metrics()
        options = Options(metrics=self.metrics)
        app = create_app(self.broker.open_readers(), self.cameras, self.failed.set, options)
        self.client = TestClient(app, base_url=LOCAL)

    def frame(self, number, **more):
        self.broker.send_frame(picture(1000 + number), picture(number), number, **more)

    def annotated(self, camera="street"):
        shown = self.cameras.view(camera, BOTH).annotated
        return shown and shown.jpeg

    def wait_for_frame(self, number, camera="street"):
        wait_until(lambda: self.annotated(camera) == picture(1000 + number))
        wait_until(lambda: self.cameras.view(camera, BOTH).people == number)
        wait_until(lambda: self.cameras.view(camera, BOTH).matched)


@pytest.fixture
def service():
    service = Service()
    with service.client:
        yield service


class Browser:
    """What the page does, in a few lines."""

    def __init__(self, socket):
        self.socket = socket
        self.pictures = {}  # (annotated, raw) by camera
        self.begun = time.monotonic()

    def watch(self, *cameras, **layers):
        """Ask for these cameras, or for all."""
        watch = {"cameras": list(cameras) or None} | (layers or {"annotated": True, "raw": True})
        self.socket.send_json({"watch": watch})

    def show(self, number):
        self.socket.send_json({"shown": number})

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
                before = self.pictures.get(header["camera"], (None, None))
                self.pictures[header["camera"]] = (
                    annotated if header["annotated"] else header["annotated"] and before[0],
                    raw if header["raw"] else before[1],
                )
                if header["annotated"] == 0:
                    self.pictures[header["camera"]] = (
                        before[0],
                        self.pictures[header["camera"]][1],
                    )
                return header

    def next_status(self):
        while True:
            message = self.receive()
            if "text" in message:
                return json.loads(message["text"])

    def watch_until(self, condition):
        """Say of each message that it is shown, until `condition` holds of one."""
        while True:
            header = self.next_pictures()
            self.show(header["number"])
            if condition(header):
                return header


@pytest.fixture
def browser(service):
    with service.client.websocket_connect(LIVE) as socket:
        yield Browser(socket)


def under_way(service, browser):
    """Have news of eight cameras, show what has come; return how many come without more."""
    came = []
    for number in range(8):
        service.frame(number, camera=str(number))
    for wanted in (False, True):  # what was under way before, then what is now
        texts, came = 0, []
        while texts < 2:  # nothing but the state comes any more
            message = browser.receive()
            texts = texts + 1 if "text" in message else 0
            if "bytes" in message:
                came.append(unpack(message["bytes"])[0]["number"])
        if not wanted:
            browser.show(came[-1])
            for number in range(8):
                service.frame(number, camera=str(number))
    return len(came)


class TestBrowser:
    @staticmethod
    def count(service, of):
        return service.metrics.registry.get_sample_value(f"posestream_viewer_frames_{of}_total")

    def test_gets_nothing_but_the_state_before_it_says_what_it_watches(self, service, browser):
        service.frame(1)
        service.wait_for_frame(1)
        assert all("text" in browser.receive() for _ in range(2))

    def test_gets_pictures_age_and_people(self, service, browser):
        browser.watch()
        service.frame(3, age=2.0)
        header = browser.watch_until(lambda h: h["people"] == 3 and h["matched"])
        assert header["camera"] == "street"
        assert 2.0 <= header["age"] < 4.0
        assert time.time() - header["taken"] == pytest.approx(header["age"], abs=1)
        assert header["keypoints"] is None  # not watched
        assert browser.pictures["street"] == (picture(1003), picture(3))

    def test_a_slow_one_gets_the_newest_frame_and_no_backlog(self, service, browser):
        browser.watch("street")
        numbers = []
        for number in range(1, 41):
            service.frame(number)
            service.wait_for_frame(number)
            if number <= 2:
                numbers.append(browser.next_pictures()["number"])
        # One is on the screen and one on the line: only one more comes for each that is shown.
        browser.show(numbers[0])
        header = browser.next_pictures()
        assert header["number"] == 3
        assert header["people"] == 40
        assert browser.pictures["street"] == (picture(1040), picture(40))
        assert self.count(service, "sent") == 3
        # The first two are of frame 1 or of 1 and 2, as its picture or its result comes first.
        assert self.count(service, "passed_over") in {37, 38}

    def test_what_it_has_is_not_sent_again(self, service, browser):
        browser.watch()
        service.frame(1)
        browser.watch_until(lambda h: h["people"] == 1 and h["matched"])
        taken = service.cameras.view("street", BOTH).taken
        service.broker.send(Stream.KEYPOINTS, keypoints(7), b"street", taken)
        header = browser.watch_until(lambda h: h["people"] == 7)
        assert (header["annotated"], header["raw"]) == (0, 0)

    def test_a_wall_gets_each_camera_in_its_turn(self, service, browser, monkeypatch):
        monkeypatch.setattr(session, "LATE_SECONDS", 60)
        names = [f"camera{number:02}" for number in range(16)]

        def send(number):
            for place, name in enumerate(names):
                service.frame(number + place, camera=name)
            for place, name in enumerate(names):
                service.wait_for_frame(number + place, name)

        def receive():
            header = browser.next_pictures()
            raw = browser.pictures[header["camera"]][1]
            assert raw == picture(header["people"])
            assert len(header["keypoints"]["people"]) == header["people"]
            return header["camera"], header["people"]

        send(10)
        browser.watch(raw=True, keypoints=True)
        seen = []
        for number in range(1, 17):  # to one that keeps up ever more may be under way
            seen.append(receive())
            browser.show(number)
        assert sorted(seen) == [(name, 10 + place) for place, name in enumerate(names)]
        send(30)  # one of each camera, and one more
        seen = [receive() for _ in names]
        assert sorted(seen) == [(name, 30 + place) for place, name in enumerate(names)]
        send(50)
        ahead = receive()
        send(70)
        seen = []
        for number in range(17, 33):
            browser.show(number)
            seen.append(receive())
        assert sorted(seen) == [(name, 70 + place) for place, name in enumerate(names)]
        assert ahead[0] in names

    def test_one_that_shows_late_gets_fewer_at_once(self, service, browser, monkeypatch):
        monkeypatch.setattr(session, "LATE_SECONDS", 60)
        for number in range(8):
            service.frame(number, camera=str(number))
            service.wait_for_frame(number, str(number))
        browser.watch(raw=True)
        for _ in range(8):
            browser.show(browser.next_pictures()["number"])
        monkeypatch.setattr(session, "STATUS_SECONDS", 0.3)
        assert under_way(service, browser) == 8  # nine may be, and there are eight with news
        monkeypatch.setattr(session, "LATE_SECONDS", 0)
        assert under_way(service, browser) == 2

    def test_people_come_with_the_picture_that_they_are_on(self, service, browser):
        browser.watch(raw=True, keypoints=True)
        service.broker.send(Stream.RAW, picture(1), b"street", 10.0)
        header = browser.watch_until(lambda h: h["raw"])
        assert (header["keypoints"], header["matched"], header["skeleton"]) == (None, False, None)
        service.broker.send(Stream.KEYPOINTS, keypoints(2), b"street", 10.0)
        header = browser.watch_until(lambda h: h["matched"])
        assert (header["people"], header["skeleton"], header["taken"]) == (2, "COCO", 10.0)
        assert header["keypoints"] == json.loads(keypoints(2))
        # A newer picture waits for its people.
        service.broker.send(Stream.RAW, picture(2), b"street", 11.0)
        wait_until(lambda: service.cameras.view("street", Layers(raw=True)).taken == 11.0)
        assert service.cameras.view("street", DRAWN).taken == 10.0
        service.broker.send(Stream.KEYPOINTS, keypoints(3), b"street", 11.0)
        header = browser.watch_until(lambda h: h["people"] == 3)
        assert (browser.pictures["street"], header["taken"]) == ((None, picture(2)), 11.0)

    def test_only_what_is_watched_is_sent(self, service, browser):
        service.frame(1)
        service.wait_for_frame(1)
        sizes = {}
        for layer in ("annotated", "raw", "keypoints"):
            browser.watch(**{layer: True})
            header = browser.watch_until(lambda h: True)
            sizes[layer] = [bool(header[name]) for name in ("annotated", "raw", "keypoints")]
        assert sizes == {
            "annotated": [True, False, False],
            "raw": [False, True, False],
            "keypoints": [False, False, True],
        }

    def test_chooses_cameras(self, service, browser):
        service.frame(1, camera="street")
        service.frame(2, camera="yard")
        service.wait_for_frame(2, "yard")
        browser.watch("yard")
        browser.watch_until(lambda h: h["camera"] == "yard" and h["people"] == 2)
        assert browser.pictures["yard"][0] == picture(1002)
        service.frame(3, camera="street")
        service.frame(4, camera="yard")
        assert browser.watch_until(lambda h: h["people"] in {3, 4})["camera"] == "yard"
        browser.watch("street", "gone")
        # One of the yard's may be under way still.
        assert browser.watch_until(lambda h: h["camera"] == "street")["people"] == 3

    def test_one_that_comes_later_is_among_all(self, service, browser):
        browser.watch()
        service.frame(1, camera="street")
        browser.watch_until(lambda h: h["camera"] == "street")
        service.frame(2, camera="yard")
        browser.watch_until(lambda h: h["camera"] == "yard")

    @pytest.mark.parametrize(
        "nonsense",
        [
            *("text", "[]", "3", '{"shown": 1}', '{"shown": "1"}', "[" * 3000, '{"camera": null}'),
            *('{"watch": {}}', '{"watch": {"cameras": 1}}', '{"watch": {"cameras": "street"}}'),
            '{"watch": {"cameras": null, "picture": true}}',
            json.dumps({"watch": {"cameras": ["a"] * 33}}),
        ],
        ids=lambda text: text[:40],
    )
    def test_nonsense_ends_the_connection(self, browser, nonsense):
        browser.socket.send_text(nonsense)
        with pytest.raises(WebSocketDisconnect) as end:
            browser.next_pictures()
        assert end.value.code == NONSENSE

    def test_many_cost_the_broker_no_more_than_one_and_a_slow_one_slows_nobody(self, service):
        with contextlib.ExitStack() as stack:
            connect = service.client.websocket_connect
            browsers = [Browser(stack.enter_context(connect(LIVE))) for _ in range(50)]
            _slow, *others = browsers
            for browser in browsers:
                browser.watch()
            for number in range(1, 5):
                service.frame(number)
                for browser in others:
                    browser.watch_until(lambda h, n=number: h["people"] == n and h["matched"])
            browsers[1].begun = time.monotonic()
            while browsers[1].next_status()["browsers"] != 50:
                pass
        assert service.broker.opened == len(Stream)

    def test_one_too_many_is_told_so(self, service):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("posestream.viewer.app.MAX_CLIENTS", 2)
            connect = service.client.websocket_connect
            with connect(LIVE), connect(LIVE), connect(LIVE) as third:
                with pytest.raises(WebSocketDisconnect) as end:
                    third.receive_json()
                assert end.value.code == TRY_AGAIN_LATER
            wait_until(lambda: service.client.get("/api/status").json()["browsers"] == 0)
        assert MAX_CLIENTS >= 50

    def test_other_sites_pages_are_refused(self, service):
        connect = service.client.websocket_connect
        with connect(LIVE, headers={"origin": "http://localhost"}) as own:
            own.receive_json()
        with (
            pytest.raises(WebSocketDisconnect),
            connect(LIVE, headers={"origin": "http://elsewhere.example"}) as foreign,
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
        wait_until(lambda: self.reader(service, "image-src") == "away")
        readers = service.client.get("/api/status").json()["readers"]
        assert "stand-in:9092" in readers["image-src"]["detail"]
        assert service.client.get("/healthz").status_code == 503
        assert service.client.get("/healthz").json()["broker"] == "away"
        while browser.next_status()["broker"] != "away":
            pass
        browser.watch()
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
        app = create_app(late, Cameras(is_picture), lambda: None)
        with TestClient(app, base_url=LOCAL) as client:
            wait_until(lambda: client.get("/healthz").status_code == 503)
            ready.set()
            wait_until(lambda: client.get("/healthz").status_code == 200)

    def test_a_thread_that_died_is_a_failure(self, service):
        service.broker.broken = RuntimeError("out of order")
        assert service.failed.wait(5)
        wait_until(lambda: service.client.get("/healthz").status_code == 503)
        health = service.client.get("/healthz").json()
        assert (health["status"], health["broker"]) == ("failing", "stopped")
        assert "out of order" in str(service.client.get("/api/status").json()["readers"])

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
