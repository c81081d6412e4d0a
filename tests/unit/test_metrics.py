"""How programs serve what they say of themselves."""

import socket
import urllib.request

import pytest
from posestream.metrics import ProgramMetrics
from posestream.settings import SettingsError


def taken() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


def test_the_version_is_there():
    with taken() as other:
        port = other.getsockname()[1]
    ProgramMetrics().serve("VIEWER_METRICS_PORT", port, "127.0.0.1")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b"posestream_build_info{version=" in answer.read()


def test_a_port_that_is_taken_is_a_wrong_setting():
    with taken() as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            ProgramMetrics().serve("VIEWER_METRICS_PORT", port, "127.0.0.1")
    assert caught.value.problems == [
        f"VIEWER_METRICS_PORT: {port} at 127.0.0.1: Address already in use"
    ]


def test_an_address_of_others_is_a_wrong_setting():
    with pytest.raises(SettingsError, match=r"^CAMERA_METRICS_PORT: 9195 at 240\.0\.0\.1: "):
        ProgramMetrics().serve("CAMERA_METRICS_PORT", 9195, "240.0.0.1")
