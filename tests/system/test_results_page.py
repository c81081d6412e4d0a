"""docs/results.md word for word, over the deployment: its programs, its commands, its files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from . import lab

PAGE = (lab.ROOT / "docs/results.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
COMMANDS = re.findall(r"^    (docker .+)$", PAGE, re.M)
READ = 3  # lines of an endless program,
SECONDS = 60  # which come within so many
FOLLOWED = 15  # seconds


def words(text: str) -> str:
    """Return a part of the page with the names of this lab."""
    said = text.replace("kafka.example.org:9092", lab.BROKERS)
    return said.replace("--camera street", "--camera test-street")


def groups() -> set[str]:
    listed = AdminClient({"bootstrap.servers": lab.BROKERS}).list_consumer_groups()
    return {group.group_id for group in listed.result(30).valid}


def lines(command: list[str], count: int, cwd: Path = lab.ROOT) -> list[str]:
    """Return the first lines that an endless command prints, and end it as a person does."""
    pipe = subprocess.PIPE
    run = subprocess.Popen(
        command, cwd=cwd, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    late = threading.Timer(SECONDS, run.kill)
    late.start()
    try:
        return [run.stdout.readline() for _ in range(count)]
    finally:
        late.cancel()
        os.killpg(run.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
        run.communicate(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with the files that the page's commands make."""
    made = tmp_path_factory.mktemp("results")
    before = groups()
    for command in COMMANDS[:3]:
        run, name = words(command).split(" > ")
        with (made / name).open("wb") as file:
            ended = subprocess.run(
                run.split(), cwd=lab.DIRECTORY / "openpose", stdout=file, stderr=subprocess.PIPE,
                text=True, timeout=60, check=False,
            )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert re.fullmatch(r"exported [1-9]\d* frames with [1-9]\d* people\n", ended.stderr)
    assert groups() == before
    return made


def test_the_page_has_what_is_tried_here():
    assert len(PROGRAMS) == 5
    assert len(COMMANDS) == 4
    assert all(" > " in command for command in COMMANDS[:3])


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (PROGRAMS[0], r"\d+\.\d+ test-street \d+ people\n"),
        (PROGRAMS[1], r"\d+\.\d+ \(\d+, \d+, 3\)\n"),
        (PROGRAMS[2], r"\d+\.\d+ test-street \d+ people\n"),
    ],
    ids=["people by SINETStream", "pictures by SINETStream", "people by Kafka alone"],
)
def test_a_program_reads_the_results_that_come(program, line):
    found = lines([sys.executable, "-u", "-c", words(program)], READ)

    assert all(re.fullmatch(line, each) for each in found), found


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            PROGRAMS[3],
            r"\d+ frames, [1-9]\d* people, [1-9]\d* noses\non average at \d+, \d+\n",
        ),
        (PROGRAMS[4], r"(?s).*\btest-street: [1-9]\d* right wrists\n.*"),
    ],
    ids=["NumPy", "CSV"],
)
def test_a_program_reads_the_exported_files(folder, program, said):
    run = lab.run(sys.executable, "-c", program, cwd=folder)

    assert re.fullmatch(said, run.stdout), run.stdout + run.stderr


def test_the_wide_table_has_a_row_for_each_person(folder):
    head, first, *_ = (folder / "wide.csv").read_text().splitlines()

    assert head.startswith("time,camera,person,id,Nose_x,Nose_y,Nose_confidence,")
    assert first.count(",") == head.count(",")


def test_the_topic_is_followed_until_its_end():
    command, _, _ = COMMANDS[3].partition(" >> ")
    end = time.time() + FOLLOWED
    command = re.sub(r"--to \S+", f"--to {end:.0f}", command)
    run = lab.run(*command.split(), cwd=lab.DIRECTORY / "openpose")

    assert run.returncode == 0, run.stderr
    assert time.time() >= end - 1
    times = [
        float(re.match(r'{"time":([\d.]+),"camera":["n]', one)[1])
        for one in run.stdout.splitlines()
    ]
    assert end - FOLLOWED < times[-1] < end
