"""Environment and mounted file in, one validated object out.

Two families of variables: the program's own settings (see `flags`), and the SINETStream services
(`SS_`, `SSSRC_`, `SSDST_`, `SSKPT_`; see `parameters`), in whose place a SINETStream configuration
file can be mounted at `CONFIG_FILE`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sinetstream
from sinetstream.configs import get_config_params, load_config_file

from . import flags, logs, parameters, services
from .flags import Camera, OpenPose, Viewer, Worker

CONFIG_FILE = Path("/srv/openpose/.sinetstream_config.yml")
OPTIONAL_SERVICE = "keypoints-dest"
# The services that each command cannot do without. A camera's destination is `image-dest` of its
# own container: the topic from which a worker takes its pictures.
REQUIRED_SERVICES = {
    "worker": ("image-src", "image-dest"),
    "verify": ("image-src", "image-dest"),
    "status": ("image-src", "image-dest"),
    "viewer": ("image-src", "image-dest"),
    "camera": ("image-dest",),
    "camera --check": (),
    "export": (OPTIONAL_SERVICE,),
    "bench-engine": (),
}


class SettingsError(Exception):
    """What is wrong with the settings: all of it, a line each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems; the exception's text is one a line."""
        super().__init__("\n".join(problems))
        self.problems = problems


# -- SINETStream services ---------------------------------------------------------------------


@dataclass(frozen=True)
class Streams:
    """The SINETStream services: their parameters, or the file that has them."""

    services: Mapping[str, parameters.Params]
    config_file: Path | None = None

    def __contains__(self, service: str) -> bool:
        """Say whether there is such a service."""
        return service in self.services

    def arguments(self, service: str) -> dict[str, Any]:
        """Return the keyword arguments that make SINETStream open `service`."""
        if self.config_file is not None:
            return {"service": service, "config_file": str(self.config_file)}
        # SINETStream changes what it is given, and readers and writers are opened again and again.
        return {"no_config": True, **copy.deepcopy(self.services[service])}

    def describe(self, service: str) -> str:
        """Return a service's topics and brokers, for log lines."""
        params = self.services[service]
        brokers = params["brokers"]
        where = brokers if isinstance(brokers, str) else ",".join(brokers)
        return f"{','.join(sorted(services.topics(params)))} on {where}"


@dataclass(frozen=True)
class Settings:
    """All that the commands can be told."""

    openpose: OpenPose
    worker: Worker
    camera: Camera
    viewer: Viewer
    streams: Streams


def load(
    command: str, environ: Mapping[str, str] = os.environ, config_file: Path = CONFIG_FILE
) -> Settings:
    """Return the settings for `command`; raises SettingsError that lists all that is wrong."""
    problems: list[str] = []
    groups = flags.read(environ, problems)
    if not problems:
        problems += flags.contradictions(groups["worker"], groups["openpose"])
    streams = _streams(command, environ, config_file, problems)
    logs.hide(*(secret for each in streams.services.values() for secret in services.secrets(each)))
    if problems:
        raise SettingsError(problems)
    return Settings(**groups, streams=streams)


def _streams(
    command: str, environ: Mapping[str, str], config_file: Path, problems: list[str]
) -> Streams:
    prefixes = (parameters.COMMON_PREFIX, *parameters.PREFIXES.values())
    variables = sorted(name for name, text in environ.items() if text and name.startswith(prefixes))
    if not config_file.exists():
        streams = _from_environment(command, environ, problems)
    elif variables:
        problems.append(
            f"{config_file}: the file is mounted and the same is said by {', '.join(variables)}: "
            "leave out one or the other"
        )
        return Streams({})
    else:
        streams = _from_file(command, config_file, problems)
    if not problems:
        _check_topics(streams, problems)
    return streams


def _from_environment(command: str, environ: Mapping[str, str], problems: list[str]) -> Streams:
    common = parameters.from_environment(environ, parameters.COMMON_PREFIX, problems)
    found = {}
    for service, prefix in parameters.PREFIXES.items():
        own = parameters.from_environment(environ, prefix, problems)
        if not own and service not in REQUIRED_SERVICES[command]:
            continue
        params = services.lift_kafka_settings(
            parameters.merge({"type": "kafka"}, parameters.merge(common, own))
        )
        if REQUIRED_SERVICES[command]:  # else it reads and writes none, and may lack their files
            problems += services.check(params, _namer(environ, prefix))
        found[service] = params
    # What is wrong with a shared parameter is wrong in each service: said once.
    problems[:] = list(dict.fromkeys(problems))
    return Streams(found)


def _namer(environ: Mapping[str, str], prefix: str) -> Callable[[parameters.Layers], str]:
    """Return what names the variable a parameter was read from, or could be."""

    def named(path: parameters.Layers) -> str:
        # A mapping may have been said on an upper layer, a Kafka setting without its TYPE_SPEC.
        paths = [path[:length] for length in range(len(path), 0, -1)]
        if path[0] == "type_spec":
            paths.insert(1, path[1:])
        for place in filter(None, paths):
            for start in (prefix, parameters.COMMON_PREFIX):
                if environ.get(parameters.variable(start, place)):
                    return parameters.variable(start, place)
        start = parameters.COMMON_PREFIX if path == ("brokers",) else prefix
        return parameters.variable(start, path)

    return named


def _from_file(command: str, config_file: Path, problems: list[str]) -> Streams:
    """Read a mounted file as SINETStream does, in any version of its format."""
    found: dict[str, parameters.Params] = {}
    if config_file.is_dir():
        problems.append(
            f"{config_file}: is a folder; the file to mount there was missing on the host, "
            "where Docker has made an empty folder in its place"
        )
        return Streams(found, config_file)
    try:
        content, _ = load_config_file(str(config_file))
        known = content.get("config") if "header" in content else content
        if not isinstance(known, dict):
            raise TypeError("there are no services in it")
        for service in parameters.PREFIXES:
            if service not in known:
                if service in REQUIRED_SERVICES[command]:
                    problems.append(f"{config_file}: has no service {service}")
                continue
            version, _, params = get_config_params(service, None, str(config_file))
            params = {"type": None, **params}
            if not version.type_spec():  # formats before the third mix both kinds
                params = services.lift_kafka_settings(params)
            problems += services.check(
                params,
                lambda path, service=service: f"{config_file}: {'.'.join((service, *path))}",
            )
            found[service] = params
    except Exception as error:  # there is little that PyYAML's constructors do not raise
        problems.append(f"{config_file}: SINETStream cannot read it: {_unreadable(error)}")
    return Streams(found, config_file)


def _unreadable(error: Exception) -> str:
    """Say what is wrong with a file; what PyYAML quotes of it may be a password."""
    if mark := getattr(error, "problem_mark", None):
        return f"{type(error).__name__} in line {mark.line + 1}"
    told = isinstance(error, (sinetstream.SinetError, OSError, TypeError))
    return repr(error) if told else type(error).__name__


def _check_topics(streams: Streams, problems: list[str]) -> None:
    """Two services on one topic would feed the worker with its own results."""
    seen: dict[str, str] = {}
    for service, params in streams.services.items():
        for topic in sorted(services.topics(params)):
            if topic in seen:
                problems.append(
                    f"{_topic_name(streams, service)}: {topic} is the topic of {seen[topic]} too; "
                    f"each needs its own, for example sinetstream.image.openpose"
                )
            seen.setdefault(topic, _topic_name(streams, service))


def _topic_name(streams: Streams, service: str) -> str:
    if streams.config_file is not None:
        return f"{streams.config_file}: {service}.topic"
    return parameters.variable(parameters.PREFIXES[service], ("topic",))
