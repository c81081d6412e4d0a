"""What an image is taken from, and what has to be done for it."""

import importlib.util
from pathlib import Path

import pytest

ROLE = Path(__file__).parents[2] / "roles/container_image"
SPEC = importlib.util.spec_from_file_location(
    "container_image_look", ROLE / "action_plugins/container_image_look.py"
)
look = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(look)

NOTHING = {"status": 0, "digest": "", "message": "no answer"}
FOUND = {"status": 200, "digest": "sha256:1", "message": ""}
PULLED = {"id": "i", "content": "", "names": ["hub/a:1", "hub/a@sha256:1"]}


def choice(there=None, registry=None, twin=None, pull_error="", **image) -> look.Choice:
    """Return a choice for an image, with what the host and the registry have."""
    wanted = {"name": "a", "source": "auto", "rebuild": False, "twins": ["b"], "reference": ""}
    here = {"images": {"a": there, "b": twin}, "registry": registry or NOTHING}
    return look.Choice(wanted | image, here, pull_error)


@pytest.mark.parametrize(
    ("there", "registry", "pull_error", "source", "todo"),
    [
        (None, FOUND, "", "registry", "pull"),
        (PULLED, FOUND, "", "registry", ""),
        (PULLED, FOUND | {"digest": "sha256:2"}, "", "registry", "pull"),
        (PULLED, NOTHING, "", "registry", ""),
        (PULLED, FOUND, "denied", "registry", ""),
        (None, NOTHING, "", "", ""),
        (None, FOUND, "denied", "", ""),
    ],
)
def test_from_a_registry(there, registry, pull_error, source, todo):
    taken = choice(there, registry, pull_error=pull_error, reference="docker.io/hub/a:1")
    assert taken.from_registry() == (source != "")
    assert (taken.source, taken.todo) == (source, todo)


@pytest.mark.parametrize(
    ("there", "twin", "rebuild", "todo"),
    [
        (None, None, False, "build"),
        ({"content": "old"}, None, False, "build"),
        ({"content": "new"}, None, False, ""),
        ({"content": "new.20260101T000000"}, None, False, ""),
        ({"content": "new"}, None, True, "build"),
        ({"content": "old"}, {"content": "new"}, False, "tag"),
    ],
)
def test_on_the_host_that_builds(there, twin, rebuild, todo):
    taken = choice(there, twin=twin, rebuild=rebuild)
    assert taken.from_own_build("new")
    assert taken.todo == todo


@pytest.mark.parametrize(
    ("there", "twin", "is_due", "todo"),
    [
        (None, None, False, "carry"),
        ({"content": "new"}, None, False, ""),
        ({"content": "new"}, None, True, "carry"),
        ({"content": "new.20260101T000000"}, None, False, "carry"),
        ({"content": "old"}, {"content": "new"}, False, "tag"),
    ],
)
def test_on_another_host(there, twin, is_due, todo):
    taken = choice(there, twin=twin)
    assert taken.from_build_host("new", is_due, "archive")
    assert taken.todo == todo


def test_only_what_belongs_to_a_context_counts(tmp_path):
    (tmp_path / "sub/__pycache__").mkdir(parents=True)
    for name in ("Dockerfile", "sub/a.py", "sub/a.pyc", "sub/__pycache__/b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub/a.py").chmod(0o755)
    files = look.context_files(tmp_path, ["__pycache__", "*.pyc"])
    assert [(file["path"], file["executable"]) for file in files] == [
        ("Dockerfile", False),
        ("sub/a.py", True),
    ]


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("debian:12", "docker.io"),
        ("docker.io/confluentinc/cp-kafka:7.9.4", "docker.io"),
        ("localhost/a:1", "localhost"),
        ("registry:5000/lab/a:1", "registry:5000"),
    ],
)
def test_the_registry_in_a_name(reference, registry):
    assert look.registry_of(reference) == registry
