"""Which replaced images a dry run says would go: the module container_image_clean."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROLE = Path(__file__).parents[2] / "roles/container_image"


@pytest.fixture(scope="module")
def module():
    """Load the module, with the role's own module_utils where Ansible would put them."""
    utils = "ansible.module_utils.container_image_socket"
    for name, path in (
        (utils, ROLE / "module_utils/container_image_socket.py"),
        ("container_image_clean", ROLE / "library/container_image_clean.py"),
    ):
        spec = importlib.util.spec_from_file_location(name, path)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        spec.loader.exec_module(loaded)
    return loaded


def image(name: str, parent: str = "") -> dict:
    return {"Id": name, "ParentId": parent}


OLD, STEP, CHILD = image("old", "step"), image("step", "base"), image("child", "old")


@pytest.mark.parametrize(
    ("left", "images", "used", "goes"),
    [
        ({"old"}, [OLD, STEP], [], {"old"}),
        ({"old"}, [OLD, STEP], ["old"], set()),
        ({"old"}, [OLD, STEP, CHILD], [], set()),
        ({"old", "child"}, [OLD, STEP, CHILD], [], {"old", "child"}),
        ({"old", "child"}, [OLD, STEP, CHILD], ["child"], set()),
        ({"old", "step"}, [OLD, STEP], ["old"], set()),
    ],
    ids=["free", "used", "built on", "both go", "child is used", "step of a used one"],
)
def test_what_is_used_or_built_on_stays(module, left, images, used, goes):
    containers = [{"ImageID": name} for name in used]
    assert module.removable(left, images, containers) == goes
