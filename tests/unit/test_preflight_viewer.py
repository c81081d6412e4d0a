"""What preflight says of who reaches the viewer."""

import pytest
from preflight_checks import viewer

DEFAULTS = {
    "viewer_bind_address": "127.0.0.1",
    **dict.fromkeys(("viewer_password", "viewer_token"), ""),
    **dict.fromkeys(viewer.PAIR, ""),
}
OPEN = {"viewer_bind_address": "0.0.0.0"}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"viewer_bind_address": "::1"},
        {"viewer_bind_address": "127.3.2.1"},
        OPEN | {"viewer_password": "open sesame"},
        OPEN | {"viewer_token": "a-token-of-many-letters"},
        OPEN | {"viewer_password": None},  # a wrong one, of which more is said elsewhere
        {"viewer_bind_address": None},
        dict.fromkeys(viewer.PAIR, "/etc/ssl/both.pem"),
    ],
)
def test_right(said):
    assert list(viewer.problems(DEFAULTS | said, ["viewer"])) == []


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
def test_pictures_are_not_for_everybody(bind):
    said = DEFAULTS | {"viewer_bind_address": bind}
    (problem,) = viewer.problems(said, ["viewer"])
    assert problem.startswith(f"viewer_bind_address: on {bind} everybody ")
    assert list(viewer.problems(said, ["kafka"])) == []


@pytest.mark.parametrize(("one", "other"), [viewer.PAIR, viewer.PAIR[::-1]])
def test_tls_needs_both_files(one, other):
    (problem,) = viewer.problems(DEFAULTS | {one: "/etc/ssl/one.pem"}, ["viewer"])
    assert problem == f"{one}: is of no use without {other}; write both"
