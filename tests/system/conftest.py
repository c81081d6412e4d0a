"""One deployment for all system tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import pytest

from . import lab


def remove() -> None:
    """Remove what was deployed with its data; Docker and images stay."""
    status, report = lab.playbook(
        "playbooks/teardown.yml",
        "--skip-tags",
        "docker,images",
        "--extra-vars",
        "teardown_data=true",
    )
    assert status == 0, lab.failures(report)


@pytest.fixture(scope="session", autouse=True)
def deployment():
    """Deploy, and at the end remove it; a run that was killed has left pictures, which go first."""
    left = lab.run("docker", "volume", "ls", "--quiet", "--filter", "name=^test-kafka_")
    if left.stdout:
        remove()
    status, report = lab.playbook("site.yml")
    assert status == 0, lab.failures(report)
    yield report
    remove()


@pytest.fixture(scope="session")
def pictures() -> list:
    """Return frames (576, 768, 3), uint8, BGR of the street video, a second apart."""
    assets = lab.ROOT / ".cache" / "assets"
    subprocess.run([lab.ROOT / "files/openpose/fetch_assets.py", assets], check=True)
    video = cv2.VideoCapture(str(Path(assets, "vtest.avi")))
    frames = []
    while len(frames) < 40:
        for _ in range(10):
            there, frame = video.read()
            assert there
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def jpegs(pictures) -> list[bytes]:
    return [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
