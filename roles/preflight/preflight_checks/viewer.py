"""Who reaches the viewer, and what it asks them for."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .services import Values
from .values import address

PAIR = ("viewer_tls_certificate", "viewer_tls_key")


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what leaves the pictures of a viewer's host open to everybody, and half of TLS."""
    if "viewer" not in groups:
        return
    bind = address(str(values.get("viewer_bind_address")))
    # One that is wrong is not there, and is refused for itself.
    asks = any(values.get(name) != "" for name in ("viewer_password", "viewer_token"))
    if bind and not bind.is_loopback and not asks:
        yield (
            f"viewer_bind_address: on {bind} everybody in the network would see the pictures; "
            "write viewer_password, which the viewer then asks for, or viewer_token for programs, "
            "or leave the address at 127.0.0.1"
        )
    for one, other in (PAIR, PAIR[::-1]):
        if values.get(one) and values.get(other) == "":
            yield f"{one}: is of no use without {other}; write both"
