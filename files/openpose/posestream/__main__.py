"""The commands: posestream worker, camera, viewer, export, verify, status, bench-engine, healthy.

Exit codes: 0 done; 1 failed, a new start may help; 2 a wrong setting or argument.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Any

from . import __doc__ as about
from . import __version__
from .export import options

# Command → its module, which has `run(settings) -> exit code`, and what it does. Each is imported
# only when it is asked for: the health check runs every few seconds and needs no Kafka, no OpenCV.
COMMANDS = {
    "worker": (
        "pipeline.command",
        "find the people on pictures of image-src, write them to image-dest",
    ),
    "camera": ("camera.command", "send the pictures of a camera or a video to image-dest"),
    "viewer": ("viewer.command", "show image-src and image-dest on a web page"),
    "export": ("export.command", "write the people of keypoints-dest into a file"),
    "verify": ("verify", "send a picture through the worker and check what comes of it"),
    "bench-engine": (
        "bench_engine",
        "measure the engine by itself: frames a second, and where the time goes",
    ),
    "status": (
        "status",
        "say how fast the streams are, and how far behind and how old the results",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit code, or end the process with it."""
    given = _parser().parse_args(arguments)
    if given.command == "healthy":
        return 0 if _module("ready").is_ready() else 1
    _module("logs").set_up()
    told = {k: v for k, v in vars(given).items() if k != "command"}
    if given.command == "worker":
        # Forked before anything is imported that starts threads.
        return _module("guardian").guard(
            lambda flight, record: _run("worker", flight=flight, record=record)
        )
    return _run(given.command, **told)


def _module(name: str) -> Any:
    return import_module(f".{name}", __package__)


def _run(command: str, **options: Any) -> int:
    settings = _module("settings")
    loaded_for = f"{command} --check" if options.get("check") else command
    try:
        code = _module(COMMANDS[command][0]).run(settings.load(loaded_for), **options)
    except settings.SettingsError as error:
        for problem in error.problems:
            print(f"posestream {command}: {problem}", file=sys.stderr)
        code = 2
    return _module("watchdog").end(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="posestream", description=f"{about} All settings are environment variables."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, meaning) in COMMANDS.items():
        commands.add_parser(name, help=meaning, description=meaning)
    healthy = "exit with 0 if the worker, camera or viewer of this container is at work"
    commands.add_parser("healthy", help=healthy, description=healthy)
    commands.choices["camera"].add_argument(
        "--check",
        action="store_true",
        help="only open the source, and say what comes from it or what is wrong; needs no broker",
    )
    commands.choices["verify"].add_argument(
        "--timeout", type=float, default=60.0, help="seconds to wait for the result (default: 60)"
    )
    commands.choices["bench-engine"].add_argument(
        "--batch",
        type=int,
        nargs="+",
        default=[1],
        help="frames that the engine gets at once; one line for each (default: 1)",
    )
    options.add(commands.choices["export"])
    for name, meaning in (
        ("bench-engine", "how long to measure each line"),
        ("verify", "how far the streams' figures go back"),
        ("status", "how long to watch the streams"),
    ):
        commands.choices[name].add_argument(
            "--seconds", type=float, default=5.0, help=f"{meaning} (default: 5)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
