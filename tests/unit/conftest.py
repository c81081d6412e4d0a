"""The pose network and the street video, fetched on first use."""

from pathlib import Path

import cv2
import fetch_assets
import numpy as np
import pytest
from posestream.engines import Options, create
from posestream.engines.mobilenet import MobileNet

ASSETS = Path(__file__).parents[2] / ".cache" / "assets"


@pytest.fixture(scope="session")
def network_file() -> Path:
    return fetch_assets.provide("graph_opt.pb", ASSETS)


@pytest.fixture(scope="session")
def video_file() -> Path:
    return fetch_assets.provide("vtest.avi", ASSETS)


@pytest.fixture(scope="session")
def street_frames(video_file: Path) -> list[np.ndarray]:
    """20 frames from the whole length of the video, uint8 (576, 768, 3)."""
    video = cv2.VideoCapture(str(video_file))
    frames = []
    for number in range(800):
        read, frame = video.read()
        if read and number % 40 == 0:
            frames.append(frame)
    assert len(frames) == 20
    return frames


@pytest.fixture(scope="session")
def street(video_file: Path) -> np.ndarray:
    """Frame 50 of the video, of which OpenPose's answers are, uint8 (576, 768, 3)."""
    video = cv2.VideoCapture(str(video_file))
    for _ in range(51):
        _, frame = video.read()
    return frame


@pytest.fixture(scope="session")
def engine(network_file: Path) -> MobileNet:
    return create("openvino", Options(net_resolution=(-1, 432), model=network_file))
