"""Other people's programs publish to the source topic: the original's sensor, SINETStream's CLI.

Both with SINETStream of the version that the original pins, in an environment of their own.
"""

from __future__ import annotations

import subprocess
import time

import cv2
import numpy as np
import pytest
import yaml

from . import clients, lab

SENSOR = lab.ROOT / "tests/stand_ins/sensor.py"
# As the sensor's requirements.txt has them; the command line is of the same version. (That of
# 1.10.0 needs Python 3.12: there is a syntax error for older ones in it.)
PACKAGES = (
    "sinetstream==1.9.1",
    "sinetstream-cli==1.9.1",
    "sinetstream-kafka==1.9.1",
    "kafka-python-ng==2.2.2",
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Return the folder of the programs of an environment with the original's packages."""
    folder = tmp_path_factory.mktemp("original")
    for command in (("venv", "--quiet", folder), ("pip", "install", "--quiet", *PACKAGES)):
        done = lab.run("uv", *map(str, command), cwd=folder, VIRTUAL_ENV=str(folder))
        assert done.returncode == 0, done.stderr
    return folder / "bin"


def of_others(results: clients.Results, shape: tuple[int, ...], since: float) -> list:
    """Return the results of pictures of this shape whose writer gives no key."""
    return [
        result
        for result in list(results.all)
        if result.key is None and result.timestamp >= since and result.picture.shape == shape
    ]


@pytest.fixture
def picture(tmp_path, pictures):
    """Return the path of a JPEG, of a size that no other test has, and its shape."""
    path = tmp_path / "picture.jpg"
    shown = cv2.resize(pictures[5], (744, 558))
    path.write_bytes(cv2.imencode(".jpg", shown)[1].tobytes())
    return path, shown


def annotated(result: clients.Result, shown: np.ndarray) -> bool:
    """Say whether a skeleton is drawn on the picture."""
    return (cv2.absdiff(result.picture, shown).max(axis=2) > 90).sum() > 200


def test_a_sensor_as_the_originals_publishes_unchanged(programs, picture, tmp_path):
    path, shown = picture
    begun = round(time.time(), 3)
    service = {
        "type": "kafka",
        "brokers": lab.BROKERS,
        "topic": lab.SOURCE_TOPIC,
        "consistency": "AT_LEAST_ONCE",
    }
    (tmp_path / ".sinetstream_config.yml").write_text(yaml.safe_dump({"images": service}))
    with clients.Results() as results:
        sensor = subprocess.Popen(
            [programs / "python", SENSOR, path],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            lab.wait_until(
                lambda: len(of_others(results, shown.shape, begun)) >= 3 or sensor.poll(),
                lambda: f"results of the sensor's pictures, {len(results.all)} others came",
            )
        finally:
            sensor.kill()
            said = sensor.communicate()[1]
    found = of_others(results, shown.shape, begun)
    assert len(found) >= 3, said
    assert annotated(found[0], shown)
    assert found[0].timestamp < found[1].timestamp < found[2].timestamp


def test_sinetstreams_own_command_line_publishes_unchanged(programs, picture):
    path, shown = picture
    begun = round(time.time(), 3)
    with clients.Results() as results:
        parameters = {
            "type": "kafka",
            "brokers": lab.BROKERS,
            "topic": lab.SOURCE_TOPIC,
            "consistency": "AT_LEAST_ONCE",
        }
        done = lab.run(
            str(programs / "sinetstream_cli"),
            *("write", "--no-config-file", "--file", str(path)),
            *(f"{name}={value}" for name, value in parameters.items()),
        )
        assert done.returncode == 0, done.stderr
        lab.wait_until(
            lambda: of_others(results, shown.shape, begun),
            lambda: f"the result of the picture, {len(results.all)} others came",
        )
    assert annotated(of_others(results, shown.shape, begun)[0], shown)
