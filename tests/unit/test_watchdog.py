"""The watch on progress, and the parent process that remembers what the worker died with."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest
from posestream import guardian, watchdog
from posestream.guardian import Flight, Record, record_file

ROOT = Path(__file__).parents[2]
POSITION = ("pictures", 0, 7)


def program(text, tmp_path, **environ):
    """Run a program of the package's own process; returns what became of it."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)],
        env=os.environ
        | {"PYTHONPATH": str(ROOT / "files/openpose"), "TMPDIR": str(tmp_path)}
        | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# -- the watch --------------------------------------------------------------------------------


def test_who_is_in_time_is_not_named():
    watch = watchdog.Watchdog()
    with watch.doing("something", 10):
        assert watch.overdue() is None
    watch.owes("client", lambda: (watchdog.CLIENT_SECONDS - 1, "an answer"))
    assert watch.overdue() is None


def test_who_takes_too_long_is_named_with_its_stack_and_subject():
    watch, begun, ends = watchdog.Watchdog(), threading.Event(), threading.Event()

    def a_telling_name():
        with watch.doing("the stage engine", 0.01, POSITION):
            begun.set()
            ends.wait(10)

    thread = threading.Thread(target=a_telling_name)
    thread.start()
    begun.wait(10)
    time.sleep(0.05)
    sentence, subject = watch.overdue()
    ends.set()
    thread.join(10)

    assert sentence.startswith("the stage engine takes")
    assert "a_telling_name" in sentence
    assert subject == (POSITION,)
    assert watch.overdue() is None


def test_what_lies_around_it_is_watched_again_afterwards():
    watch = watchdog.Watchdog()
    with watch.doing("outer", 0.01):
        with watch.doing("inner", 10):
            time.sleep(0.05)
            assert watch.overdue() is None
        assert watch.overdue()[0].startswith("outer")


def test_what_a_client_owes_is_said():
    watch = watchdog.Watchdog()
    watch.owes("read", lambda: (watchdog.CLIENT_SECONDS + 1, "nothing is read of pictures"))
    sentence, subject = watch.overdue()

    assert sentence == "for 21 s, nothing is read of pictures"
    assert subject == ()


def test_a_process_that_stands_still_ends_and_says_where(tmp_path):
    ended = program(
        """
        import logging, threading, time
        from posestream import watchdog
        logging.basicConfig()
        watch = watchdog.Watchdog(lambda subjects: print("subject", *subjects, flush=True))
        def stand_still():
            with watch.doing("the stage decode", 0.5, 7, 8):
                time.sleep(60)
        threading.Thread(target=stand_still, daemon=True).start()
        watch.start()
        time.sleep(60)
        """,
        tmp_path,
    )

    assert ended.returncode == 1
    assert ended.stdout == "subject 7 8\n"
    assert "this process ends, to be started again: the stage decode takes" in ended.stderr
    assert "stand_still" in ended.stderr


def test_a_library_that_holds_on_to_the_interpreter_ends_the_process_too(tmp_path):
    ended = program(
        """
        import re
        from posestream import watchdog
        watchdog.Watchdog().start(blind=2)
        re.match("(a+)+$", "a" * 64 + "b")  # takes for ever, and lets no other thread run
        """,
        tmp_path,
    )

    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert "most recent call first" in ended.stderr


# -- the memory of deaths ---------------------------------------------------------------------


def test_frames_in_work_are_seen_through_the_shared_memory():
    flight = Flight()
    names = [("t" * 249, 1000, 2**60), ("ü", 0, 0)]
    for position in names:
        flight.take_off(position)
    assert sorted(flight.positions()) == sorted(names)
    flight.land(names[0])
    assert flight.positions() == [names[1]]


def test_more_frames_than_there_is_room_for_go_unnoted():
    flight = Flight()
    for number in range(2 * guardian.SLOTS):
        flight.take_off(("t", 0, number))
    assert len(flight.positions()) == guardian.SLOTS
    for number in range(2 * guardian.SLOTS):
        flight.land(("t", 0, number))
    assert flight.positions() == []


def test_who_is_to_be_blamed_can_be_named():
    flight = Flight()
    for number in range(3):
        flight.take_off(("t", 0, number))
    flight.keep([("t", 0, 1)])
    flight.take_off(("t", 0, 3))  # by a thread that has not heard of it yet
    assert flight.positions() == [("t", 0, 1)]
    flight.keep([])
    assert flight.positions() == []


def test_deaths_are_counted_in_a_file(tmp_path):
    path = tmp_path / "suspects.json"
    Record(path).count([POSITION])
    Record(path).count([POSITION, ("pictures", 1, 1)])
    assert Record(path).tries == {POSITION: 2, ("pictures", 1, 1): 1}
    Record(path).acquit(POSITION)
    assert Record(path).tries == {("pictures", 1, 1): 1}


@pytest.mark.parametrize("text", ["", "nonsense", "[[1]]", "{}", '{"a": 1}', "[1, 2]"])
def test_a_file_that_cannot_be_read_is_none(tmp_path, text):
    path = tmp_path / "suspects.json"
    path.write_text(text)
    assert Record(path).tries == {}


def test_the_record_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(guardian, "RECORDED_MAX", 5)
    path = tmp_path / "suspects.json"
    for number in range(9):
        Record(path).count([("t", 0, number)])
    assert [offset for _, _, offset in Record(path).tries] == [4, 5, 6, 7, 8]


GUARDED = """
import os, signal, sys, time
from posestream import guardian, logs
logs.set_up()
def work(flight, record):
    flight.take_off(("pictures", 0, 7))
    print(record.tries, flush=True)
    {act}
    os._exit({code})
sys.exit(guardian.guard(work))
"""


@pytest.mark.parametrize(
    ("act", "code", "ends", "tries"),
    [
        ("import ctypes; ctypes.string_at(0)", 0, 1, 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", 0, 1, 1),
        ("os.abort()", 0, 1, 1),
        ("pass", 1, 1, 1),
        ("flight.keep([])", 1, 1, 0),
        ("pass", 0, 0, 0),
        ("pass", 2, 2, 0),
        ("os.kill(os.getppid(), signal.SIGTERM); time.sleep(30)", 0, 0, 0),
    ],
    ids=["segv", "kill", "abort", "exit 1", "nobody's fault", "done", "settings", "told to stop"],
)
def test_the_parent_counts_deaths_of_the_workers_own_making(tmp_path, act, code, ends, tries):
    ended = program(GUARDED.format(act=act, code=code), tmp_path)
    path = tmp_path / "posestream.suspects.json"

    assert ended.returncode == ends, ended.stderr
    assert Record(path).tries == ({POSITION: tries} if tries else {})
    if tries:
        assert "pictures/0 offset 7 in work" in ended.stderr


def test_a_signal_that_comes_before_the_parent_listens_reaches_the_worker(tmp_path):
    slow = (
        "fork = os.fork\nos.fork = lambda: (pid := fork()) and (time.sleep(0.3) or pid)\nsys.exit("
    )
    act = "os.kill(os.getppid(), signal.SIGTERM); time.sleep(30)"
    ended = program(GUARDED.format(act=act, code=1).replace("sys.exit(", slow), tmp_path)

    assert ended.returncode == 0, ended.stderr


def test_who_kills_the_parent_kills_the_worker_and_nothing_is_counted(tmp_path):
    ended = program(
        GUARDED.format(
            act="print(os.getpid(), flush=True); os.kill(os.getppid(), 9)", code=0
        ).replace("os._exit(0)", "time.sleep(30)"),
        tmp_path,
    )
    child = int(ended.stdout.split("\n")[1])

    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "posestream.suspects.json").exists()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    state = Path(f"/proc/{child}/status")
    assert not state.exists() or "zombie" in state.read_text()


def test_the_next_worker_knows(tmp_path):
    path = tmp_path / "posestream.suspects.json"
    path.write_text(json.dumps([[*POSITION, 1]]))
    ended = program(GUARDED.format(act="os.abort()", code=0), tmp_path)

    assert ended.stdout == "{('pictures', 0, 7): 1}\n"
    assert Record(path).tries == {POSITION: 2}


def test_in_a_container_the_record_is_kept_where_each_worker_has_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("WORKER_NAME", "gpu01-openpose-1")

    assert record_file() == tmp_path / "posestream.suspects.gpu01-openpose-1.json"


def test_without_such_a_folder_the_record_is_a_temporary_file(monkeypatch):
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    assert record_file().parent == Path(tempfile.gettempdir())
