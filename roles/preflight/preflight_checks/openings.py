"""What a host's services open: which port, to whom, and what stands before it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Collection
from typing import Any

from .services import Port, Values, catalogue, on_host, ports
from .values import address

NOTHING = "nothing"
FIGURES = "nothing; figures alone"
OF_BROKER = {
    "tls": "encryption; no password",
    "sasl_tls": "a user's password and rights, encryption",
}


def _broker(values: Values) -> str:
    """Return what stands before the broker."""
    return OF_BROKER.get(str(values.get("broker_security")), f"{NOTHING} (broker_security)")


def _viewer(values: Values) -> str:
    """Return what stands before the viewer's page."""
    found = ["a password"] * bool(values.get("viewer_password") or values.get("viewer_token"))
    found += ["encryption"] * bool(values.get("viewer_tls_certificate"))
    return " and ".join(found) or f"{NOTHING} (viewer_password)"


PROTECTED: dict[str, Callable[[Values], str]] = {"kafka": _broker, "viewer": _viewer}


def to_whom(port: Port) -> str:
    """Return who can reach a port, in words."""
    found = address(port.address)
    if found and found.is_loopback:
        return "the host alone"
    if found and found.is_unspecified:
        return "everyone who reaches the host"
    return f"everyone who reaches {port.address}"


def openings(values: Values, groups: Collection[str]) -> list[dict[str, Any]]:
    """Return a row for each port of a host: service, port, address, to whom, protected by."""
    rows = []
    for service in on_host(values, groups):
        entry = catalogue(values)[service]
        for kind, otherwise in (("ports", NOTHING), ("metrics", FIGURES)):
            alone = {"posestream_services": {service: {kind: entry.get(kind, [])}}}
            protected = PROTECTED.get(service) if kind == "ports" else None
            rows += [
                {
                    "service": service,
                    "port": port.number,
                    "address": port.address,
                    "to_whom": to_whom(port),
                    "protected_by": protected(values) if protected else otherwise,
                }
                for port in ports(ChainMap(alone, values), [service])
            ]
    return rows
