"""Figures of Kafka and its quorum, by an agent in each of the two that shows its JMX beans."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = """
name: kafka_with_metrics
short_description: Kafka's services with their figures published for Prometheus
description:
  - Adds to each service, C(broker) and its quorum's, the JMX exporter, its rules and its port.
positional: _input, bind, with_agent
options:
  _input:
    type: dict
    required: true
    description: The services, as C(docker-compose.yml) says them.
  bind:
    type: str
    required: true
    description: ADDRESS:PORT for the broker's figures; its quorum's have the next port.
  with_agent:
    type: bool
    required: true
    description: Whether the exporter lies in the project's folder; else it is in the image.
"""

EXAMPLES = """
services: "{{ kafka_bare_services | kafka_with_metrics('127.0.0.1:9395', false) }}"
"""

RETURN = """
_value:
  description: The services by name.
  type: dict
"""

FIRST = "broker"
INNER_PORT = 9404
JAR = "/usr/share/java/jmx_prometheus_javaagent.jar"
RULES = "/etc/kafka-metrics.yml"
# Unlike KAFKA_OPTS, the tools in the container do not take these, which would want the same port.
OPTIONS = {"EXTRA_ARGS": f"-javaagent:{JAR}={INNER_PORT}:{RULES}"}


def kafka_with_metrics(
    services: dict[str, dict[str, Any]], bind: str, with_agent: bool
) -> dict[str, dict[str, Any]]:
    """Return the services with their figures published.

    Args:
        services: what docker-compose.yml says of them.
        bind: ADDRESS:PORT for the broker; its quorum has the next port.
        with_agent: whether the agent is in the project's folder, and not in the image.
    """
    address, _, port = bind.rpartition(":")
    mounts = [f"./metrics.yml:{RULES}:ro"]
    mounts += [f"./jmx_prometheus_javaagent.jar:{JAR}:ro"] * with_agent
    return services | {
        name: {
            **services[name],
            "environment": services[name]["environment"] | OPTIONS,
            "ports": [
                *services[name].get("ports", []),
                f"{address}:{int(port) + number}:{INNER_PORT}",
            ],
            "volumes": services[name]["volumes"] + mounts,
        }
        for number, name in enumerate(sorted(services, key=lambda name: name != FIRST))
    }


class FilterModule:
    """The filter, by name."""

    def filters(self) -> dict[str, Any]:
        """Return it."""
        return {"kafka_with_metrics": kafka_with_metrics}
