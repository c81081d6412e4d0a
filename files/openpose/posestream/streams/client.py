"""How SINETStream is opened here, and what the Kafka client below it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLError
from typing import Any

import sinetstream
from kafka.errors import KafkaConfigurationError, KafkaError
from sinetstream.utils import Registry

from ..settings import SettingsError
from .messages import BrokerAway

# Somewhat above the 20 MiB that the broker's message.max.bytes allows: the broker's limit counts.
MESSAGE_BYTES = 21 * 1024 * 1024

# What the Kafka client is told where the user says nothing else (milliseconds, bytes).
CLIENT = {
    "client_id": "posestream",
    "reconnect_backoff_max_ms": 2000,  # a broker that is back is found again soon
    # A broker that has just been started may not know its topics yet: soon asked again.
    "metadata_max_age_ms": 30000,
}

WAIT_SECONDS = 5.0  # how long a broker's acknowledgement is waited for in one go
CLOSE_SECONDS = 2.0

# What SINETStream and the Kafka client raise for parameters that they do not like.
_BAD_SETTINGS = (
    sinetstream.SinetError,
    AssertionError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


@dataclass
class Tuning:
    """What the Kafka client is told: the user's settings over `defaults`, `fixed` over both."""

    client: type
    defaults: dict[str, Any]
    fixed: dict[str, Any] = field(default_factory=dict)

    def apply(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the settings, less those that only the other kind of client knows."""
        mine = {key: value for key, value in given.items() if key in self.client.DEFAULT_CONFIG}
        return {**mine, **self.fixed}


def registry(group: str, kind: type, plugin: type) -> Registry:
    """Return a SINETStream registry with `plugin` alone, for services of type kafka."""
    only = Registry(group, kind)
    only.register("kafka", _EntryPoint(plugin))
    return only


@dataclass(frozen=True)
class _EntryPoint:
    plugin: type

    def load(self) -> type:
        return self.plugin


def is_connected(client: Any) -> bool:
    """Say whether a Kafka client, below consumer or producer, has a connection to a broker."""
    return any(client.connected(broker.nodeId) for broker in client.cluster.brokers())


def without(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments less one of them."""
    return {key: value for key, value in arguments.items() if key != name}


def opened(what: str, make: Callable[[], Any]) -> Any:
    """Return the SINETStream object that `make` makes, opened; `what` names it in messages.

    Raises:
        BrokerAway: the broker cannot be reached.
        SettingsError: SINETStream or the Kafka client cannot work with the settings.
    """
    try:
        made = make()
        made.open()
    except sinetstream.ConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, KafkaConfigurationError):
            raise SettingsError(
                [f"{what}: the Kafka client refuses its settings: {cause}"]
            ) from error
        why = f" ({cause!r})" if cause else ""
        raise BrokerAway(f"{what}: the broker cannot be reached{why}") from error
    except (KafkaError, SSLError) as error:
        raise BrokerAway(f"{what}: {error!r}") from error
    except _BAD_SETTINGS as error:
        raise SettingsError([f"{what}: SINETStream refuses its settings: {error!r}"]) from error
    return made
