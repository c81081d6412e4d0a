"""docs/first-hour.md and docs/operating.md word for word, on two hosts as they come.

`make first-hour`; no part of `make test`. The hosts have the pages' own addresses, an SSH server
and a user with sudo; the commands are run by bash in a copy of this project, one after another, as
a person would. What a page says to write is written.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from .. import lab
from . import hosts

ADDRESSES = {
    "kafka01": "198.51.100.10",
    "openpose01": "198.51.100.21",
    "openpose02": "198.51.100.22",
}
RELEASES = {"kafka01": "bookworm", "openpose01": "trixie", "openpose02": "bookworm"}
INVENTORY = "inventories/my-lab/hosts.yml"
SUBNET = "198.51.100.0/24"
# What a host has that a person has just installed.
BARE = """
apt-get update && apt-get install --yes --no-install-recommends openssh-server sudo
useradd --create-home --shell /bin/bash debian
echo 'debian ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/debian
install -d -o debian -m 700 ~debian/.ssh
cat > ~debian/.ssh/authorized_keys
chown debian ~debian/.ssh/authorized_keys
systemctl start ssh
"""
SECONDS = 1800  # for one command: a build of all images on two cores


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the page's blocks in their order: (the host that they are for, or "yaml"; text)."""
    found, on = [], ""
    for token in MarkdownIt("commonmark").parse((lab.ROOT / "docs" / page).read_text()):
        if token.type == "html_block":
            on = re.fullmatch(r"<!-- on: (\w+) -->", token.content.strip())[1]
        elif token.type in ("code_block", "fence"):
            found.append((token.info or on, token.content))
            on = ""
    return found


class Person:
    """Someone with a terminal in the project's folder."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.folder = folder
        tools = folder / "tools"
        tools.mkdir()
        # ~/.ssh is not ours.
        (tools / "ssh").write_text(
            f"#!/bin/sh\nexec /usr/bin/ssh -i {keys}/key -o UserKnownHostsFile={keys}/known "
            '-o StrictHostKeyChecking=accept-new "$@"\n'
        )
        (tools / "ssh").chmod(0o755)
        self._environment = f"export PATH={tools}:$PATH\n[ ! -d .venv ] || . .venv/bin/activate\n"

    def types(self, commands: str) -> str:
        """Run commands, all of which have to succeed; return what they print."""
        begun = time.monotonic()
        result = subprocess.run(
            ["env", "-i", "HOME=/root", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
             f"PYTHON={shutil.which('python3')}", "bash", "-euo", "pipefail", "-c",
             self._environment + commands],
            cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        print(f"{time.monotonic() - begun:6.0f} s  {commands.strip().splitlines()[-1]}")
        assert result.returncode == 0, (
            f"{commands}\n{result.stdout[-6000:]}\n{result.stderr[-3000:]}"
        )
        return result.stdout


@pytest.fixture(scope="module")
def person(tmp_path_factory) -> Iterator[Person]:
    """Make the hosts, and a copy of the project for somebody who can log in to them."""
    keys, folder = tmp_path_factory.mktemp("keys"), tmp_path_factory.mktemp("project")
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", keys / "key"], check=True)
    for name in lab.run(
        "git", "ls-files", "--cached", "--others", "--exclude-standard"
    ).stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(lab.ROOT / name, folder / name)
    with ExitStack() as stack:
        net = stack.enter_context(hosts.network("test-first-hour", "--subnet", SUBNET))
        for name, address in ADDRESSES.items():
            container = f"test-first-hour-{name}"
            there = ("--ip", address, "--hostname", name)
            stack.enter_context(hosts.host(container, RELEASES[name], net, *there))
            hosts.run(container, "bash", "-ec", BARE, text=(keys / "key.pub").read_text())
        yield Person(folder, keys)


def test_the_first_hour(person):
    """All but the last command, which takes everything away again."""
    for kind, text in blocks("first-hour.md")[:-1]:
        if kind == "yaml":
            (person.folder / INVENTORY).write_text(text)
        elif "WHAT RUNS" in person.types(text):
            assert "site.yml" in text
    rows = (person.folder / "people.csv").read_text().splitlines()
    assert rows[0].startswith("time,camera,person,id,part")
    assert len(rows) > 100


def test_operating(person):
    """With the second worker on a third host; a GPU is what the hosts have not."""
    for kind, text in blocks("operating.md"):
        if "--limit openpose02" in text and "site.yml" in text:
            add_worker(person.folder / INVENTORY)
        if kind in ADDRESSES:
            hosts.run(f"test-first-hour-{kind}", "bash", "-ec", text)
        elif kind != "yaml" and "gpu_check" not in text:
            person.types(text)


def test_all_of_it_goes_away_again(person):
    person.types(blocks("first-hour.md")[-1][1])
    for name in ADDRESSES:
        left = lab.run(
            "docker", "exec", f"test-first-hour-{name}", "docker", "ps", "--all", "--quiet"
        )
        assert not left.stdout


def add_worker(inventory: Path) -> None:
    said = inventory.read_text()
    line = f"    openpose02: {{ansible_host: {ADDRESSES['openpose02']}}}\n"
    said = said.replace("  hosts:\n", f"  hosts:\n{line}", 1)
    inventory.write_text(said.replace("{openpose01: }", "{openpose01: , openpose02: }"))
