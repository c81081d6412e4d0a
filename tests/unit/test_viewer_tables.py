"""What the viewer's page draws people by."""

from posestream import drawing
from posestream.skeletons import BODY_25, COCO_18, FACE_70, HAND_21, MPI
from posestream.viewer.app import create_app
from posestream.viewer.cameras import Cameras
from posestream.viewer.tables import skeletons
from starlette.testclient import TestClient

from tests.stand_in import Broker, is_picture


def test_models_are_those_that_the_worker_draws():
    models = skeletons()["models"]
    for name, skeleton in {"COCO": COCO_18, "BODY_25": BODY_25, "MPI": MPI}.items():
        assert models[name]["parts"] == len(skeleton.parts)
        assert models[name]["limbs"] == skeleton.drawn
        assert [colour[::-1] for colour in models[name]["colours"]] == list(skeleton.colours)
    assert skeletons()["face"]["limbs"] == FACE_70.drawn
    assert skeletons()["hand"]["limbs"] == HAND_21.drawn


def test_persons_have_the_colours_of_the_worker():
    people = skeletons()["people"]
    assert [colour[::-1] for colour in people] == [drawing.person_colour(n) for n in range(20)]


def test_the_page_is_told():
    app = create_app(Broker().open_readers(), Cameras(is_picture), lambda: None)
    with TestClient(app, base_url="http://localhost") as client:
        page = client.get("/api/page").json()
    assert page["skeletons"]["models"]["BODY_25"]["parts"] == 25
    assert page["login"] is False
    assert page["prometheus"] is False
