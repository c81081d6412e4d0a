"""The commands: posestream worker, camera, viewer, export, verify, status, bench-engine, healthy.

Exit codes: 0 done; 1 failed, a new start may help; 2 a wrong setting or argument.
"""

from __future__ import annotations

import argparse
import os
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
        return _healthy()
    _module("logs").set_up()
    told = {k: v for k, v in vars(given).items() if k != "command"}
    if given.command == "worker":
        # Forked before anything is imported that starts threads.
        return _module("guardian").guard(
            lambda flight, record: _run("worker", flight=flight, record=record)
        )
    return _run(given.command, **told)


def _healthy() -> int:
    """Say whether this container is at work, and what is wrong; `docker inspect` shows that too."""
    ready = _module("ready")
    if ready.is_ready():
        return 0
    print(f"not at work: {ready.why_not() or 'it starts, or has stopped'}")
    return 1


def _module(name: str) -> Any:
    return import_module(f".{name}", __package__)


def _run(command: str, **options: Any) -> int:
    settings = _module("settings")
    user = options.pop("user", "")
    environ = os.environ | (_as_user(user) if user else {})
    loaded_for = f"{command} --check" if options.get("check") else command
    try:
        code = _module(COMMANDS[command][0]).run(settings.load(loaded_for, environ), **options)
    except settings.SettingsError as error:
        for problem in error.problems:
            print(f"posestream {command}: {problem}", file=sys.stderr)
        code = 2
    return _module("watchdog").end(code)


def _as_user(user: str) -> dict[str, str]:
    """Return the variables that say another user of the broker, whose password is read."""
    spec = {"sasl_plain_username": user, "sasl_plain_password": sys.stdin.readline().rstrip("\n")}
    parameters = _module("parameters")
    return parameters.to_environment(parameters.COMMON_PREFIX, {"type_spec": spec})


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
    commands.choices["verify"].add_argument(
        "--user",
        default="",
        help="the broker's user to be, whose password is read from standard input "
        "(default: the worker's, who may not send pictures to a closed broker)",
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
