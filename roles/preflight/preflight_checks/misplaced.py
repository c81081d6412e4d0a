"""Names that are no variable of a role, and belong into one: of the images, Kafka's, OpenPose's."""

from __future__ import annotations

from collections.abc import Collection

from ansible import constants

from .kafka import OWNED_ENVIRONMENT, VARIABLES
from .properties import BROKER, TOPIC
from .said import PREFIXES
from .sources import flags
from .types import nearest

# Whose containers read the settings of a group.
SERVICES = {"openpose": "openpose", "worker": "openpose", "camera": "camera", "viewer": "viewer"}
OPENPOSE_FLAGS = flags.OpenPose.__dataclass_fields__.keys()
# What Ansible reads to reach a host.
CONNECTION = {
    "ansible_connection",
    "ansible_python_interpreter",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    *(name for names in constants.MAGIC_VARIABLE_MAPPING.values() for name in names),
}


def service_of(setting: str) -> str | None:
    """Return the service whose containers read a setting, None where it is none."""
    return SERVICES[setting.partition("_")[0].lower()] if setting in flags.TABLE else None


def where(name: str, known: Collection[str]) -> str:
    """Return what a name that no role knows is, and where to write it; "" where it is nobody's.

    `known` are the names of the host's other variables.
    """
    service = service_of(name)
    if service:
        return f"is a setting of the image's; write it into {service}_environment"
    if name.startswith(tuple(PREFIXES.values())):
        return (
            "is a variable of SINETStream's; write it into the environment of a service, as "
            "openpose_environment"
        )
    if name.startswith("KAFKA_") and name in VARIABLES:
        instead = OWNED_ENVIRONMENT.get(name, "it into kafka_environment")
        what = f"write {instead}" if instead else "its role sets it, leave it out"
        return f"is a variable of Kafka's image; {what}"
    if "." in name and name in {**BROKER, **TOPIC}:
        place = "kafka_properties" if name in BROKER else "kafka_topics, a topic's config"
        return f"is a property of Kafka's; write it into {place}"
    if "_" in name and name in OPENPOSE_FLAGS and f"openpose_{name}" not in known:
        return f"is written openpose_{name} here"
    return ""


def of_ansible(name: str) -> str:
    """Return the end of a message on a name that is almost one by which Ansible reaches hosts."""
    return "" if name in CONNECTION else nearest(name, CONNECTION, 0.9)
