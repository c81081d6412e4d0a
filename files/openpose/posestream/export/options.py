"""The options of `posestream export`; nothing of the image's packages is imported."""

from __future__ import annotations

import argparse
import math
import re
import time
from datetime import datetime, timezone

FORMATS = ("csv", "wide", "jsonl", "npz")  # as in `files`, which needs NumPy
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str) -> float:
    """Return a time in seconds since the epoch.

    Args:
        text: "beginning"; seconds since the epoch; a date and time of ISO 8601, which is UTC where
            it does not say its offset; or how long ago, as 30s, 10m, 2h, 1d.

    Raises:
        argparse.ArgumentTypeError: it is none of them.
    """
    if text == "beginning":
        return 0.0
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(ago[1]) * UNITS[ago[2]]
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        # Python reads a final Z from 3.11 on.
        said = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} should be beginning, a time such as 2026-11-30T09:00, seconds since the "
            "epoch, or how long ago, such as 30s, 10m, 2h or 1d"
        ) from None
    return (said if said.tzinfo else said.replace(tzinfo=timezone.utc)).timestamp()


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    time_form = "2026-11-30T09:00 (UTC, or with an offset), seconds since the epoch, or 10m, 2h ago"
    parser.add_argument(
        "--from",
        dest="since",
        type=moment,
        default=0.0,
        metavar="TIME",
        help=f"frames taken from then on: beginning (the default), {time_form}",
    )
    parser.add_argument(
        "--to",
        dest="until",
        type=moment,
        default=math.inf,
        metavar="TIME",
        help="frames taken before then, in the same forms (default: all)",
    )
    parser.add_argument(
        "--camera",
        dest="cameras",
        action="append",
        default=[],
        metavar="NAME",
        help="only this camera; may be said several times",
    )
    parser.add_argument(
        "--format",
        dest="kind",
        choices=FORMATS,
        help="csv: a row for each part; wide: CSV with a row for each person; jsonl: a line for "
        "each frame; npz: NumPy arrays (default: what the file's name ends with, else csv)",
    )
    parser.add_argument(
        "--output", default="-", metavar="FILE", help="the file; - is standard output (default)"
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="do not end where the topic ends, but go on until --to, or until interrupted",
    )
