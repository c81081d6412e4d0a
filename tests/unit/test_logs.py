"""Log lines: bounded, plain, without payloads, and never a flood."""

import logging

from posestream import logs


def formatted(message, *arguments, error=None):
    record = logging.LogRecord("test", logging.INFO, "", 0, message, arguments, None)
    if error is not None:
        record.exc_info = (type(error), error, None)
    return logs.Formatter("%(levelname)s %(message)s").format(record)


def test_a_line_is_bounded():
    for text in ("x" * 5000, "ü" * 5000):
        assert len(formatted(text).encode()) <= logs.LINE_BYTES
    lines = formatted("first\n" + "y" * 3000 + "\nlast").split("\n")
    assert [lines[0], lines[2]] == ["INFO first", "last"]
    assert len(lines[1]) <= logs.LINE_BYTES


def test_payloads_are_only_counted():
    picture = bytes(range(256)) * 400
    text = formatted("failed: %r", {"msg": picture}, error=ValueError(f"no datum: {picture!r}"))

    assert "xff" not in text
    assert "<bytes, " in text
    assert len(text) < 1000
    assert formatted("key %r", b"camera") == "INFO key b'camera'"


def test_control_characters_do_not_reach_a_terminal():
    assert formatted("a\x1b[31mb\x00c") == "INFO a?[31mb?c"


def test_lines_are_limited_and_what_is_left_out_is_counted():
    now, lines = [0.0], []
    limited = logs.Limited(lines.append, lines=2, seconds=10, clock=lambda: now[0])
    for number in range(5):
        limited(f"line {number}")
    now[0] = 11.0
    limited("later")

    assert lines == ["line 0", "line 1", "3 more of such lines were left out", "later"]


def test_an_outage_is_told_of_now_and_then(caplog):
    now = [0.0]
    outage = logs.Outage(logging.getLogger("test"), clock=lambda: now[0])
    with caplog.at_level(logging.INFO):
        outage.is_over()
        for now[0] in (0.0, 1.0, 4.9, 5.1, 6.0):
            outage.goes_on(Exception("the broker is away"))
        outage.is_over()
        outage.is_over()

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert "5 s so far" in caplog.messages[1]
