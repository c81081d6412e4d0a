"""What the variables of files and of the command line are by the time that anything reads them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = "[posestream_source_topic, posestream_message_format, nvidia_allow_reboot]"
INI = "[all]\nhost01\n[all:vars]\n%s\n"


@pytest.fixture
def known(tmp_path):
    def ask(inventory: str, *arguments: str) -> list:
        """Return the values of the variables that are shown."""
        file = tmp_path / "hosts.ini"
        file.write_text(INI % inventory)
        command = ["ansible", "host01", "-c", "local", "-i", file, "-m", "debug"]
        done = subprocess.run(
            [*command, "-a", f"msg={{{{ {SHOWN} }}}}", *arguments],
            env=os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return json.loads(done.stdout.partition("=>")[2])["msg"]

    return ask


SAID = "posestream_source_topic=a\nposestream_message_format=2\nnvidia_allow_reboot=false"


@pytest.mark.parametrize(
    ("inventory", "arguments", "values"),
    [
        (SAID, (), ["a", 2, False]),
        (SAID, ("-e", "posestream_message_format=3"), ["a", 3, False]),
        (SAID, ("-e", "nvidia_allow_reboot=true"), ["a", 2, True]),
        (SAID, ("-e", "nvidia_allow_reboot=no"), ["a", 2, "no"]),
        (SAID, ("-e", "posestream_message_format=2.0"), ["a", "2.0", False]),
    ],
)
def test_a_text_that_says_just_that_has_its_type(known, inventory, arguments, values):
    assert known(inventory, *arguments) == values


def test_former_names_are_taken(known):
    former = SAID.replace("posestream_source", "source").replace("posestream", "sinetstream")

    assert known(former) == ["a", 2, False]
    assert known(SAID, "-e", "source_topic=b") == ["b", 2, False]
    assert known(f"{SAID}\nsource_topic=b") == ["a", 2, False]
