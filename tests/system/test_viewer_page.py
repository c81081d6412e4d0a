"""The viewer's page in a real browser: over the deployment, and over a broker in memory.

The latter shows what a deployment in good health does not: silence, a broker or a server away.
"""

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from posestream.viewer.app import create_app
from posestream.viewer.cameras import Cameras

from ..stand_in import Broker, is_picture, jpeg
from . import lab
from .browser import browser

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


class Server:
    """The viewer on a port of this machine; can be stopped and started again."""

    def __init__(self, broker):
        self.broker = broker
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        self.cameras = Cameras(is_picture)
        app = create_app(self.broker.open_readers(), self.cameras, lambda: None)
        config = uvicorn.Config(
            app, port=self.port, log_config=None, timeout_graceful_shutdown=1, ws_max_size=4096
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started:
            assert time.monotonic() < deadline, "the viewer does not start"
            time.sleep(0.01)

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive(), "the viewer does not stop"


@contextmanager
def playing(broker, annotated, raw, people, *, camera="street", age=0.5):
    """Send frames, ten a second, for as long as the context lasts."""
    over = threading.Event()
    pictures = jpeg(*annotated), jpeg(*raw)

    def play():
        while not over.wait(0.1):
            broker.send_frame(*pictures, people, camera=camera, age=age)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def shows(page, pane, colour):
    """Say whether a pane shows that colour, as near as JPEG comes."""
    seen = page.colour(pane)
    return all(abs(one - other) < 12 for one, other in zip(seen, colour, strict=True))


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def server(broker):
    server = Server(broker)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium():
    with browser() as page:
        yield page


@pytest.fixture
def page(chromium, server):
    chromium.open(server.url)
    chromium.wait_for(lambda: "waiting for the first frame" in chromium.banner, "the first words")
    yield chromium
    assert chromium.complaints() == []


def test_shows_the_street_of_the_deployment(chromium):
    chromium.open(lab.VIEWER)
    chromium.wait_for(lambda: chromium.state == "live", "frames", 60)
    chromium.wait_for(lambda: chromium.people, "people in the street", 60)
    # Other tests' cameras vanish after half a minute.
    chromium.wait_for(lambda: chromium.cameras == ["test-street"], "the camera alone", 60)
    # What earlier tests have held up is made up for.
    chromium.wait_for(lambda: chromium.age < 5, "frames of now", 120)
    before = chromium.checksum("annotated"), chromium.checksum("raw")
    for pane, old in zip(("annotated", "raw"), before, strict=True):
        chromium.wait_for(lambda p=pane, o=old: chromium.checksum(p) != o, f"{pane} to move")
    chromium.wait_for(lambda: chromium.annotated_rate > 1, "the annotated rate")
    assert chromium.size("annotated") == chromium.size("raw") == (768, 576)
    assert chromium.complaints() == []


def test_shows_both_pictures_and_the_figures(page, broker):
    with playing(broker, RED, BLUE, people=4, age=1.5):
        page.wait_for(lambda: page.state == "live", "frames")
        page.wait_for(lambda: shows(page, "annotated", RED), "the annotated picture")
        page.wait_for(lambda: shows(page, "raw", BLUE), "the raw picture")
        page.wait_for(lambda: page.people == 4, "the number of people")
        page.wait_for(lambda: 8 < (page.raw_rate or 0) < 12, "the camera's rate")
        page.wait_for(lambda: 8 < (page.annotated_rate or 0) < 12, "the annotated rate")
        assert page.size("raw") == (64, 48)
        assert 1.5 <= page.age < 3.0
        assert page.cameras == ["street"]
        assert page.banner == ""
        assert page.driver.title == "posestream"


def test_comes_back_when_the_server_does(page, broker, server):
    with playing(broker, RED, BLUE, people=1):
        page.wait_for(lambda: page.state == "live", "frames")
    server.stop()
    page.wait_for(lambda: "connection lost, retrying" in page.banner, "the loss to be noticed")
    assert page.state == "offline"
    server.start()
    with playing(broker, GREEN, BLUE, people=2):
        page.wait_for(lambda: page.state == "live", "the page to come back by itself")
        page.wait_for(lambda: shows(page, "annotated", GREEN) and page.people == 2, "new frames")
        assert page.banner == ""


def test_says_that_frames_have_stopped(page, broker):
    with playing(broker, RED, BLUE, people=1):
        page.wait_for(lambda: page.state == "live", "frames")
    page.wait_for(lambda: "no new frames for 6 s" in page.banner, "the silence to be said", 15)
    assert page.age > 5
    assert shows(page, "annotated", RED)


def test_says_that_the_broker_is_away(page, broker):
    broker.away = True
    page.wait_for(lambda: "broker away, retrying" in page.banner, "the broker's absence")
    broker.away = False
    with playing(broker, RED, BLUE, people=1):
        page.wait_for(lambda: page.state == "live", "frames", 30)


def test_chooser(page, broker):
    with playing(broker, RED, BLUE, people=1, camera="street"):
        # The page stays with the camera that it saw first: that one has to be first.
        page.wait_for(lambda: shows(page, "annotated", RED), "the first camera")
        yard = playing(broker, GREEN, BLUE, people=2, camera="yard")
        with yard, playing(broker, BLUE, BLUE, people=9, camera="verify-1"):
            page.wait_for(lambda: page.cameras == ["street", "yard"], "both, and no self-check")
            assert page.camera == "street"
            page.choose("yard")
            page.wait_for(lambda: shows(page, "annotated", GREEN), "the one chosen")
            page.wait_for(lambda: page.people == 2, "its people")
            assert page.camera == "yard"
            page.driver.refresh()
            page.wait_for(lambda: shows(page, "annotated", GREEN), "the choice to outlast a reload")


def test_fits_a_phone(server, broker):
    with playing(broker, RED, BLUE, people=4), browser(420, 900) as phone:
        phone.open(server.url)
        phone.wait_for(lambda: phone.state == "live", "frames")
        width, left, right = phone.driver.execute_script(
            "const at = (id) => document.getElementById(id).getBoundingClientRect().left;"
            "return [document.documentElement.scrollWidth, at('annotated'), at('raw')];"
        )
        assert width <= 420
        assert left == right  # one below the other
