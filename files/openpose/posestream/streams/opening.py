"""How SINETStream is opened here: with our own plugin, and errors that say what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLError
from typing import Any

import sinetstream
from confluent_kafka import KafkaError, KafkaException
from sinetstream.utils import Registry

from ..settings import SettingsError
from .messages import BrokerAway

# Somewhat above the 20 MiB that the broker's message.max.bytes allows: the broker's limit counts.
MESSAGE_BYTES = 21 * 1024 * 1024

WAIT_SECONDS = 5.0  # how long a broker's answer is waited for in one go
CLOSE_SECONDS = 2.0

# What SINETStream raises for parameters that it does not like.
_BAD_SETTINGS = (
    sinetstream.SinetError,
    AssertionError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


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
    except BrokerAway:
        raise
    except sinetstream.ConnectionError as error:
        raise BrokerAway(f"{what}: the broker cannot be reached: {error}") from error
    except KafkaException as error:
        if error.args[0].code() in (KafkaError._INVALID_ARG, KafkaError._UNKNOWN_PROTOCOL):
            text = f"{what}: the Kafka client refuses its settings: {error.args[0].str()}"
            raise SettingsError([text]) from error
        raise BrokerAway(f"{what}: {error.args[0].str()}") from error
    except SSLError as error:
        raise BrokerAway(f"{what}: {error!r}") from error
    except _BAD_SETTINGS as error:
        raise SettingsError([f"{what}: SINETStream refuses its settings: {error!r}"]) from error
    return made


def close_in_time(close: Callable[[], None], seconds: float) -> None:
    """Call `close` and wait for it at most so long; it goes on in a thread of its own.

    librdkafka's consumer waits in its close for an answer to a commit for as long as the broker
    is silent.
    """
    thread = threading.Thread(target=close, name="close", daemon=True)
    thread.start()
    thread.join(seconds)
