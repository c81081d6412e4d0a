"""Who gets at the broker: variables that contradict each other, and files that do not fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from .services import Values

STORES = (".p12", ".pfx", ".jks")
CERTIFICATE = ("broker_certificate", "broker_certificate_key")
AUTHORITY = "broker_certificate_authority"
# What each file has to hold, and what to do where it does not.
HOLDS = {
    "broker_certificate": ("BEGIN CERTIFICATE", "openssl x509 -in FILE -inform der -out NEW"),
    "broker_certificate_key": (
        "BEGIN PRIVATE KEY",
        "openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW",
    ),
    AUTHORITY: ("BEGIN CERTIFICATE", "openssl x509 -in FILE -inform der -out NEW"),
}
# What broker_security sets; a person's own would do nothing.
OWNED = re.compile(
    r"(listener\.name\.[^.]+\.)?(ssl\.(keystore|truststore|key)\..+|sasl\..+|.*sasl\.jaas\.config)"
    r"|authorizer\.class\.name|super\.users|allow\.everyone\.if\.no\.acl\.found"
)


def problems(values: Values, groups: Collection[str]) -> Iterator[str]:
    """Yield what contradicts in a host's variables of a closed broker."""
    if values.get("broker_security") in (None, "none") or "kafka" not in groups:
        return
    for one, other in (CERTIFICATE, CERTIFICATE[::-1]):
        if values.get(one) and values.get(other) == "":
            yield f"{one}: is of no use without {other}; write both"
    store = values.get("broker_keystore")
    if store and values.get("broker_certificate"):
        yield "broker_keystore: holds a certificate, and broker_certificate is another; leave one"
    if store and not str(store).lower().endswith(STORES):
        yield f"broker_keystore: {store} is none by its name, which ends in {', '.join(STORES)}"
    if store and values.get("broker_keystore_password") == "":
        yield "broker_keystore: needs its password; write broker_keystore_password too"
    given = next((name for name in ("broker_keystore", *CERTIFICATE[:1]) if values.get(name)), None)
    if given and values.get(AUTHORITY) == "":
        yield (
            f"{given}: clients know it by the certificates that it hangs on; write {AUTHORITY}, a "
            "file with those"
        )
    if values.get(AUTHORITY) and not given:
        yield f"{AUTHORITY}: is of no use without broker_certificate or broker_keystore"
    yield from _files(values)
    lasts, renewed = (values.get(f"broker_certificate_{name}") for name in ("days", "renew_days"))
    if lasts and renewed and renewed >= lasts:
        yield (
            f"broker_certificate_renew_days: {renewed} is not below broker_certificate_days, "
            f"{lasts}: every run would make a new one; for example {lasts // 10}"
        )
    for name in values.get("kafka_properties") or {}:
        if OWNED.fullmatch(str(name)):
            yield (
                f"kafka_properties: {name} is set by broker_security, "
                f"{values['broker_security']}; leave it out"
            )


def _files(values: Values) -> Iterator[str]:
    """Yield files of PEM that hold something else."""
    for name, (mark, remedy) in HOLDS.items():
        path = Path(str(values.get(name) or "")).expanduser()
        if not values.get(name) or not path.is_file():
            continue
        try:
            text = path.read_bytes().decode("latin1")
        except OSError as error:
            yield f"{name}: {path} cannot be read: {error.strerror}"
            continue
        if mark not in text:
            yield (
                f"{name}: {path} has no line -----{mark}-----; make it so: "
                f"{remedy.replace('FILE', str(path))}"
            )
