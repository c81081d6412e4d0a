"""SINETStream's parameters where an inventory says them: nested, in an environment, in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from .services import Values
from .sources import parameters, services
from .values import plain_values

SERVICES = {"source": "image-src", "destination": "image-dest", "keypoints": "keypoints-dest"}
PREFIXES = {"common": parameters.COMMON_PREFIX} | {
    section: parameters.PREFIXES[service] for section, service in SERVICES.items()
}


@dataclass(frozen=True)
class Said:
    """Parameters of one service, or of all, as one place says them.

    Attributes:
        params: the parameters, the Kafka client's in `type_spec`.
        named: returns what a person calls the parameter at a path.
    """

    params: dict[str, Any]
    named: Callable[[tuple[str, ...]], str]


def nested(role: str, values: Values) -> Iterator[Said]:
    """Yield the parameters that a role's SINETStream variable nests."""
    for section, params in (values.get(f"{role}_sinetstream") or {}).items():
        yield _lifted(f"{role}_sinetstream: {section}", params or {})


def _lifted(place: str, params: dict[str, Any]) -> Said:
    """Return parameters whose Kafka settings may stand in the first layer, too."""

    def named(path: tuple[str, ...]) -> str:
        inner = params.get("type_spec")
        lifted = path[:-1] == ("type_spec",) and path[-1] not in (inner or {})
        return ".".join([place, *(path[1:] if lifted else path)])

    return Said(services.lift_kafka_settings(params), named)


def in_environment(role: str, values: Values) -> Iterator[Said]:
    """Yield the parameters that variables of a container's environment say."""
    texts = texts_of(values.get(f"{role}_environment") or {})
    for prefix in PREFIXES.values():
        params = parameters.from_environment(texts, prefix, [])
        yield Said(
            services.lift_kafka_settings(params),
            partial(_variable_of, f"{role}_environment: ", texts, prefix),
        )


def _variable_of(place: str, texts: dict[str, str], prefix: str, path: tuple[str, ...]) -> str:
    """Return the variable that says the parameter at `path`: its own, or one of a layer above."""
    paths = [path[:length] for length in range(len(path), 0, -1)]
    paths += [path[1:]] if path[0] == "type_spec" else []
    names = [parameters.variable(prefix, layers) for layers in paths]
    return place + next((name for name in names if name in texts), names[0])


def texts_of(environment: dict[str, Any]) -> dict[str, str]:
    """Return an environment as the container has it, without what is no plain value."""
    odd = {name for name, _ in plain_values(environment, lists=False)}
    return {
        str(name): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in environment.items()
        if name not in odd
    }


def client_of(role: str, section: str, value: Callable[[str], Any]) -> dict[str, Any]:
    """Return the Kafka client's settings of a section, by librdkafka's names, as they are in force.

    `value` gives a variable of the service's host.
    """
    spec = of_section(role, section, value).get("type_spec")
    return {
        services.SETTINGS[key].name if key in services.SETTINGS else key: setting
        for key, setting in (spec if isinstance(spec, dict) else {}).items()
    }


def of_section(role: str, section: str, value: Callable[[str], Any]) -> dict[str, Any]:
    """Return the parameters that an inventory says of a section, as the containers merge them."""
    if config := value(f"{role}_sinetstream_config"):
        params = services_of(config).get(SERVICES[section])
        return services.lift_kafka_settings(params) if isinstance(params, dict) else {}
    texts = texts_of(value(f"{role}_environment") or {})
    layers = [
        services.lift_kafka_settings(params)
        for name in ("common", section)
        for params in (
            (value(f"{role}_sinetstream") or {}).get(name) or {},
            parameters.from_environment(texts, PREFIXES[name], []),
        )
    ]
    return reduce(parameters.merge, layers)


def in_file(place: str, params: dict[str, Any], version: Any) -> Said:
    """Return the parameters of a service in a whole file of a version of its format."""
    params = {"type": None, **params}
    if version in (1, 2):  # which mix both kinds of parameters
        return _lifted(place, params)
    return Said(params, lambda path: ".".join((place, *path)))


def version_of(config: dict[str, Any]) -> Any:
    """Return the version of a whole file's format, the newest where its header says none."""
    if "header" not in config:
        return 1
    header = config["header"]
    return header.get("version", 3) if isinstance(header, dict) else header


def services_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return the services in a whole file, by name."""
    there = config.get("config") if "header" in config else config
    return there if isinstance(there, dict) else {}


def variables_of(sections: dict[str, Any]) -> Iterator[str]:
    """Yield the environment variables that nested parameters become."""

    def walk(name: str, value: Any) -> Iterator[str]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(f"{name}__{key}", inner)
        else:
            yield name.upper()

    for section, params in sections.items():
        for key, value in (params or {}).items():
            yield from walk(f"{PREFIXES.get(section, '')}{key}", value)
