"""Which images playbooks/teardown.yml removes: the module container_image_remove."""

import importlib.util
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[2] / "roles/container_image/library/container_image_remove.py"
spec = importlib.util.spec_from_file_location("container_image_remove", MODULE)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

LABEL = "posestream.content"
NAMES = ["base:1", "pose:cpu", "kafka:3.9"]


def image(name, content="", parent="", day=1, more=()):
    """Return an image whose id is its name; one without a tag is nameless."""
    return {
        "Id": name,
        "RepoTags": [name, *more] if ":" in name else None,
        "Parent": parent,
        "Created": f"2026-01-{day:02}T00:00:00Z",
        "Config": {"Labels": {LABEL: content} if content else None},
    }


BASE = image("base:1", "b")
POSE = image("pose:cpu", "p", "layer", day=3)
LAYER = image("layer", "b", "base:1", day=2)
STAGE = image("stage", "b", "base:1", day=2)


def plan(*images, **used):
    return module.plan(list(images), used, LABEL, NAMES)


def test_what_was_built_goes_with_its_stages():
    removed, stay = plan(BASE, LAYER, STAGE, POSE)

    assert set(removed) == {"base:1", "pose:cpu", "layer", "stage"}
    assert stay == {}


def test_an_image_of_an_earlier_name_goes():
    assert plan(image("old:1", "o"))[0] == ["old:1"]


def test_an_older_image_that_lost_its_name_goes():
    assert plan(POSE, image("nameless", "p-of-yesterday"))[0] == ["pose:cpu", "nameless"]


def test_images_of_others_stay():
    others = [image("debian:12"), image("nobody"), image("shop:1", parent="debian:12")]

    assert plan(*others) == ([], {})


@pytest.mark.parametrize("parent", ["base:1", ""], ids=["classic builder", "BuildKit"])
def test_an_image_that_others_built_on_ours_stays_though_it_has_the_label(parent):
    removed, stay = plan(BASE, image("foreign:1", "b", parent, day=9))

    assert "foreign:1" not in removed
    assert stay == ({"base:1": "foreign:1 is built on it"} if parent else {})


def test_what_a_container_uses_stays_with_what_it_is_built_on():
    removed, stay = plan(BASE, LAYER, STAGE, POSE, **{"pose:cpu": "shop"})

    assert removed == ["stage"]
    assert stay == dict.fromkeys(["base:1", "pose:cpu"], "the container shop uses it")


def test_of_a_pulled_image_only_our_name_goes():
    removed, stay = plan(image("confluentinc/cp-kafka:7.9.4", more=["kafka:3.9"]))

    assert removed == ["kafka:3.9"]
    assert list(stay) == ["confluentinc/cp-kafka:7.9.4"]


@pytest.mark.parametrize("by_our_name", [False, True])
def test_a_name_goes_from_an_image_that_others_use_by_its_other_name(by_our_name):
    pulled = image("confluentinc/cp-kafka:7.9.4", more=["kafka:3.9"])
    used = {pulled["Id"]: "shop"} | ({"kafka:3.9": "shop"} if by_our_name else {})

    assert plan(pulled, **used)[0] == ([] if by_our_name else ["kafka:3.9"])
