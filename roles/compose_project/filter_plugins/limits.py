"""What a container may take of its host: memory, processors and processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIB = 1024 * 1024
# A host's memory is not the same to the last page after each boot: what is made of it has to be.
STEP = 256 * MIB
# What a service says of itself where it differs.
USUAL = {"share": 0.5, "least": 512 * MIB, "cpus": 0, "pids": 2048}


def memory_of(limits: Mapping[str, Any], memory: int) -> int:
    """Return the bytes that a container may have of a host's `memory`."""
    share = int(memory * limits["share"]) // STEP * STEP
    return max(share, int(limits["least"]))


def within_limits(
    service: Mapping[str, Any],
    name: str,
    base: Mapping[str, Any],
    said: Mapping[str, Mapping[str, Any]],
    host: Mapping[str, int],
) -> dict[str, Any]:
    """Return a service as Compose takes it, with all that every service has and its limits.

    Args:
        service: as docker-compose.yml says it, and what it says of its `limits`: of which `name`
            it is for people, the `share` of the host's memory with the `least` bytes, `cpus` (0
            for all) and `pids`.
        name: the service's own, which counts where `limits` has no other.
        base: what every service has.
        said: the inventory's `memory`, `cpus` and `pids`, by such names.
        host: its `memory` in bytes and its `processors`.
    """
    usual = {**USUAL, "name": name, **service.get("limits", {})}
    asked = said.get(usual["name"]) or {}
    cpus = float(asked.get("cpus") or usual["cpus"])
    processors = float(host["processors"])
    bounds = {
        "mem_limit": asked.get("memory") or memory_of(usual, host["memory"]),
        "cpus": min(cpus, processors) if cpus else processors,
        "pids_limit": int(asked.get("pids") or usual["pids"]),
    }
    own = {key: value for key, value in service.items() if key != "limits"}
    return {**base, **bounds, **own}


class FilterModule:
    """The filter, by name."""

    def filters(self) -> dict[str, Any]:
        """Return it."""
        return {"within_limits": within_limits}
