"""The environment that this project's programs read, SINETStream's nested parameters in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

MIB = 1024 * 1024
READER = Path(__file__).parents[3] / "files/openpose/posestream/parameters.py"


def _load(path: Path) -> ModuleType:
    """Return the image's own module: what one side writes, the other reads by the same rule."""
    spec = util.spec_from_file_location("posestream_parameters", path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parameters = _load(READER)
PREFIXES = {
    "common": parameters.COMMON_PREFIX,
    "source": parameters.PREFIXES["image-src"],
    "destination": parameters.PREFIXES["image-dest"],
    "keypoints": parameters.PREFIXES["keypoints-dest"],
}


def plain(value: Any) -> Any:
    """Return a value of an inventory without Ansible's own types, for PyYAML to write."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def sinetstream_environment(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the variables that say the parameters of each section, by the table `PREFIXES`.

    Raises ValueError for a parameter of a first layer that no variable's name can say.
    """
    variables = {}
    for section, params in sections.items():
        variables |= parameters.to_environment(PREFIXES[section], plain(params))
    return variables


def sinetstream_file(config: Mapping[str, Any]) -> str:
    """Return the text of a .sinetstream_config.yml (Ansible's to_yaml keeps vaulted values so)."""
    return yaml.safe_dump(plain(config), allow_unicode=True, sort_keys=False)


def environment_file(variables: Mapping[str, Any]) -> str:
    """Return the text of a file of environment variables, which Compose and systemd read alike.

    Both take single-quoted text as it stands, and Compose expands variables in any other; a single
    quote itself, and a backslash at the end, can stand only in a double-quoted one.
    """
    return "".join(f"{name}={_quoted(plain(variables[name]))}\n" for name in sorted(variables))


def _quoted(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    if re.fullmatch(r"[A-Za-z0-9_./:@,+=-]*", text):
        return text
    if "'" not in text and not text.endswith("\\"):
        return f"'{text}'"
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", text) + '"'


def kafka_client_limits(message_bytes: int | str) -> dict[str, int]:
    """Return the Kafka client's settings (bytes) for messages of at most so many bytes.

    They are somewhat above it, for what Kafka adds to a message: the broker's own limit counts.
    """
    limit = int(message_bytes) + MIB
    return {
        "max_request_size": limit,
        "max_partition_fetch_bytes": limit,
        # A frame of the network: what one fetch asks for (50 MiB) and a message more.
        "receive_message_max_bytes": limit + 107 * MIB,
    }


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by their names."""
        return {
            "environment_file": environment_file,
            "kafka_client_limits": kafka_client_limits,
            "sinetstream_environment": sinetstream_environment,
            "sinetstream_file": sinetstream_file,
        }
