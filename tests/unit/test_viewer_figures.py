"""What the viewer says in figures: the worker's state, the last minutes, Prometheus's, its own."""

import http.server
import itertools
import json
import threading
import time
import urllib.parse

import pytest
from posestream.panels import PANELS
from posestream.viewer import cameras as cameras_module
from posestream.viewer import figures, history, worker
from posestream.viewer.app import Options, create_app
from posestream.viewer.cameras import Cameras, Stream
from posestream.viewer.history import History
from posestream.viewer.metrics import Metrics
from starlette.testclient import TestClient

from tests.stand_in import Broker, Message, is_picture, keypoints

PICTURE = b"\xff\xd8"


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Lab:
    """Cameras whose pictures and results come by the tenth of a second."""

    def __init__(self):
        self.clock = Clock()
        self.cameras = Cameras(is_picture, clock=self.clock, wall_clock=self.clock)
        self.taken = []

    def run(self, seconds, answered=lambda number: True, late=0.1, camera=b"street"):
        """Have pictures come, ten a second, and results of those `answered`, so much later."""
        for number in range(round(seconds * 10)):
            self.clock.now += 0.1
            now = self.clock.now
            self.taken.append((now, answered(number)))
            self.cameras.add(Stream.RAW, [Message(PICTURE, camera, now)])
            while self.taken and self.taken[0][0] <= now - late + 1e-6:
                taken, has_result = self.taken.pop(0)
                if has_result:
                    self.cameras.add(Stream.ANNOTATED, [Message(PICTURE, camera, taken)])
                    self.cameras.add(Stream.KEYPOINTS, [Message(keypoints(2), camera, taken)])

    def state(self, lag=None):
        return worker.state(self.cameras.status(), lag)

    @property
    def street(self):
        return self.cameras.status()[0]


@pytest.fixture
def lab():
    return Lab()


class TestWorker:
    def test_works(self, lab):
        lab.run(10)
        assert lab.state(3) == {"state": "working", "lag": 3, "skipped": 0.0}
        assert (lab.street["lag"], lab.street["skipped"]) == (1, 0.0)

    def test_is_too_slow_where_it_skips_much(self, lab):
        lab.run(10, lambda number: number % 4 == 0)
        state = lab.state()
        assert state["state"] == "slow"
        assert state["skipped"] == pytest.approx(0.75, abs=0.05)
        assert lab.street["skipped"] == pytest.approx(7.5, abs=0.5)

    def test_is_not_where_it_skips_little(self, lab):
        lab.run(10, lambda number: number % 10)
        assert lab.state()["state"] == "working"
        assert lab.state()["skipped"] == pytest.approx(0.1, abs=0.02)

    def test_is_too_slow_where_results_come_late(self, lab):
        lab.run(20, late=worker.LATE_SECONDS + 1)
        state = lab.state()
        assert (state["state"], state["skipped"]) == ("slow", 0.0)
        assert lab.street["lag"] == pytest.approx(40, abs=1)
        assert lab.street["delay"] == pytest.approx(4, abs=0.1)

    def test_is_down_where_pictures_come_and_no_results(self, lab):
        lab.run(10)
        lab.run(7, lambda number: False)
        assert lab.state() == {"state": "down", "lag": None, "skipped": None}
        lab.run(6)
        assert lab.state()["state"] in {"working", "slow"}  # those that it had skipped still count
        lab.run(6)
        assert lab.state()["state"] == "working"

    def test_that_has_never_answered_is_down_after_a_while(self, lab):
        lab.run(3, lambda number: False)
        assert lab.state()["state"] == "idle"
        lab.run(4, lambda number: False)
        assert lab.state()["state"] == "down"

    def test_has_nothing_to_do_without_pictures(self, lab):
        assert lab.state()["state"] == "idle"
        lab.run(10, late=0.0)
        lab.clock.now += 8
        assert lab.state()["state"] == "idle"
        lab.run(1, lambda number: False)  # after a pause it gets its time, too
        assert lab.state()["state"] == "idle"

    def test_works_where_one_of_two_cameras_is_answered(self, lab):
        for _ in range(100):
            lab.run(0.1)
            message = Message(PICTURE, b"yard", lab.clock.now)
            lab.cameras.add(Stream.RAW, [message])
        assert lab.state()["state"] == "working"


class TestHistory:
    def test_has_a_sample_a_second_of_the_last_minutes(self, lab):
        kept = History(lab.clock)
        for _ in range(history.SECONDS + 50):
            lab.run(1)
            kept.add(lab.cameras.status())
        report = kept.report()
        street = report["cameras"]["street"]
        assert set(street) == set(history.FIGURES)
        assert {len(figures) for figures in street.values()} == {history.SECONDS}
        assert street["time"][-1] == pytest.approx(lab.clock.now)
        assert street["in"][-1] == pytest.approx(10)
        assert street["out"][-1] == pytest.approx(10)
        assert street["people"][-1] == 2
        assert street["age"][-1] == pytest.approx(0.1)
        json.dumps(report, allow_nan=False)

    def test_forgets_cameras_that_are_gone(self, lab):
        kept = History(lab.clock)
        lab.run(1)
        kept.add(lab.cameras.status())
        lab.clock.now += history.SECONDS - 10
        assert list(kept.report()["cameras"]) == ["street"]
        lab.clock.now += 20
        assert kept.report()["cameras"] == {}
        kept.add([])
        assert kept._samples == {}

    def test_of_too_many_cameras_the_newest_are_kept(self, lab):
        kept = History(lab.clock)
        for number in range(4 * cameras_module.MAX_CAMERAS):
            lab.run(0.1, camera=f"{number:03}".encode())
            kept.add(lab.cameras.status())
        assert len(kept.report()["cameras"]) == 2 * cameras_module.MAX_CAMERAS
        assert f"{number:03}" in kept.report()["cameras"]


class TestMetrics:
    def test_count_what_comes_and_goes(self, lab):
        metrics = Metrics()
        value = metrics.registry.get_sample_value
        metrics.count_received(Stream.RAW, {"street": 3, "yard": 1})
        metrics.count_received(Stream.KEYPOINTS, {"street": 2})
        metrics.sent.inc(5)
        metrics.passed_over.inc(2)
        lab.run(1)
        lab.clock.now += 1
        metrics.show(lab.cameras.status())
        raw = {"stream": "raw", "camera": "street"}
        assert value("posestream_viewer_frames_received_total", raw) == 3
        assert value("posestream_viewer_newest_age_seconds", raw) == pytest.approx(1.0)
        assert value("posestream_viewer_frames_sent_total") == 5
        assert value("posestream_viewer_frames_passed_over_total") == 2
        # One that is gone, or has sent nothing that can be shown, leaves nothing behind.
        yard = {"stream": "raw", "camera": "yard"}
        assert value("posestream_viewer_frames_received_total", yard) is None

    def test_do_not_grow_with_the_names_that_were_ever_seen(self, lab):
        metrics = Metrics()
        for number in range(100):
            metrics.count_received(Stream.RAW, {f"camera {number}": 1})
            metrics.show([])
        families = list(metrics.registry.collect())
        assert not [s for family in families for s in family.samples if "camera" in s.labels]


# -- Prometheus -------------------------------------------------------------------------------


class Prometheus(http.server.ThreadingHTTPServer):
    """Answers as Prometheus does, `content` to every question."""

    def __init__(self):
        self.asked = []
        self.status = 200
        self.content = b"{}"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N805
                address = urllib.parse.urlsplit(handler.path)
                self.asked.append((address.path, dict(urllib.parse.parse_qsl(address.query))))
                handler.send_response(self.status)
                handler.end_headers()
                handler.wfile.write(self.content)

            def log_message(handler, *_):  # noqa: N805
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, *series):
        result = [{"metric": metric, "values": values} for metric, values in series]
        self.content = json.dumps({"status": "success", "data": {"result": result}}).encode()


@pytest.fixture
def prometheus():
    with Prometheus() as server:
        yield server
        server.shutdown()


@pytest.fixture
def viewer(prometheus):
    options = Options(prometheus=f"http://127.0.0.1:{prometheus.server_port}/sub/")
    app = create_app(Broker().open_readers(), Cameras(is_picture), lambda: None, options)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def ask(viewer, **query):
    return viewer.get("/api/figures", params=query)


class TestFigures:
    def test_are_those_of_a_panel(self, viewer, prometheus):
        prometheus.answer(({"camera": "street"}, [[100, "1.5"], [105, "NaN"], [110, "+Inf"]]))
        panel = next(panel for panel in PANELS if panel.legend == "{{camera}}")
        answer = ask(viewer, panel=panel.id, minutes="60").json()
        assert answer["lines"] == [
            {
                "name": "street",
                "labels": {"camera": "street"},
                "points": [[100, 1.5], [105, None], [110, None]],
            }
        ]
        assert (answer["panel"], answer["unit"]) == (panel.id, panel.unit)
        ((path, query),) = prometheus.asked
        assert path == "/sub/api/v1/query_range"
        assert query["query"] == panel.query
        assert int(query["end"]) - int(query["start"]) == 3600
        assert 3600 / int(query["step"]) <= figures.POINTS
        assert abs(int(query["end"]) - time.time()) <= int(query["step"]) + 1

    def test_browsers_that_ask_the_same_cost_one_question(self, viewer, prometheus):
        prometheus.answer()
        for _ in range(5):
            assert ask(viewer, panel=PANELS[0].id, minutes="60").status_code == 200
        assert len(prometheus.asked) == 1
        ask(viewer, panel=PANELS[1].id, minutes="60")
        ask(viewer, panel=PANELS[1].id, minutes="61")
        assert len(prometheus.asked) == 3

    def test_answers_that_are_kept_are_bounded(self, viewer, prometheus, monkeypatch):
        monkeypatch.setattr(figures, "KEPT", 3)
        prometheus.answer()
        for minutes in itertools.chain(range(1, 10), [1]):
            ask(viewer, panel=PANELS[0].id, minutes=str(minutes))
        assert len(prometheus.asked) == 10

    @pytest.mark.parametrize(
        ("query", "status", "error"),
        [
            ({"panel": "up", "minutes": "60"}, 404, f"panel should be one of {PANELS[0].id}, "),
            ({"panel": PANELS[0].id, "minutes": "0"}, 400, "whole number from 1 to 10080"),
            ({"panel": PANELS[0].id, "minutes": "99999"}, 400, "whole number from 1 to 10080"),
            ({"panel": PANELS[0].id, "minutes": "٣"}, 400, "whole number from 1 to 10080"),
        ],
    )
    def test_nothing_else_is_asked_for(self, viewer, prometheus, query, status, error):
        answer = ask(viewer, **query)
        assert answer.status_code == status
        assert error in answer.json()["error"]
        assert prometheus.asked == []

    @pytest.mark.parametrize(
        ("status", "content", "error"),
        [
            (503, b"", "Prometheus answers with 503"),
            (200, b"<html>", "what answers is not Prometheus"),
            (200, b"[]", "what answers is not Prometheus"),
            (200, b" " * (figures.MAX_BYTES + 1), "too much"),
        ],
    )
    def test_what_is_wrong_is_said(self, viewer, prometheus, status, content, error):
        prometheus.status, prometheus.content = status, content
        answer = ask(viewer, panel=PANELS[0].id)
        assert answer.status_code == 502
        assert error in answer.json()["error"]
        prometheus.status = 200
        prometheus.answer()
        assert ask(viewer, panel=PANELS[0].id).status_code == 200  # asked again at once

    def test_one_that_is_away_is_said_to_be(self, viewer, prometheus):
        prometheus.shutdown()
        prometheus.server_close()
        assert "cannot be reached" in ask(viewer, panel=PANELS[0].id).json()["error"]

    def test_without_prometheus_there_are_none_and_the_panels_all_the_same(self):
        app = create_app(Broker().open_readers(), Cameras(is_picture), lambda: None)
        with TestClient(app, base_url="http://localhost") as client:
            assert "VIEWER_PROMETHEUS_URL" in ask(client, panel=PANELS[0].id).json()["error"]
            panels = ask(client).json()["panels"]
        assert [panel["id"] for panel in panels] == [panel.id for panel in PANELS]
