#!/usr/bin/python
"""Fetch the key of an apt repository, and keep it only if it is the one that was expected."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import fetch_url

DOCUMENTATION = r"""
module: apt_keyring
short_description: Keep the key of an apt repository, if it is the one that was expected
description:
  - Nothing is written where the key is another one, or where there is more than one.
  - Needs neither gpg nor anything else that a bare host lacks, which C(ansible.builtin.apt_key) and
    C(ansible.builtin.deb822_repository) do; and the latter trusts whatever key an address has.
author: posestream maintainers
options:
  path: {description: The keyring, binary; its name ends in .gpg., type: path, required: true}
  url: {description: "Where the key is, armoured or binary.", type: str, required: true}
  fingerprint:
    description: The fingerprint of its primary key, 40 hexadecimal digits.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fetch the repository's key
  apt_keyring:
    path: /etc/apt/keyrings/docker.gpg
    url: https://download.docker.com/linux/debian/gpg
    fingerprint: 9DC858229FC7DD38854AE2D88D81803C0EBFCD88
"""

RETURN = """
changed:
  description: Whether another key was there, or none.
  type: bool
  returned: always
"""

BEGIN, END = (f"-----{word} PGP PUBLIC KEY BLOCK-----" for word in ("BEGIN", "END"))
PRIMARY_KEY = 6  # tag of a packet (RFC 4880, 4.3)


def unarmored(content: bytes) -> bytes:
    """Return a key without its armour. Raises ValueError where there is not exactly one block."""
    if not content.lstrip().startswith(b"-----"):
        return content
    lines = [line.strip() for line in content.decode("ascii", "replace").strip().splitlines()]
    inner = lines[1:-1]
    if (lines[0], lines[-1]) != (BEGIN, END) or "" not in inner or BEGIN in inner:
        raise ValueError("it is not one armoured public key")
    data = inner[inner.index("") + 1 :]  # headers end with an empty line
    return base64.b64decode("".join(line for line in data if not line.startswith("=")))


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and body of each OpenPGP packet. Raises ValueError for anything else."""
    place = 0
    while place < len(data):
        head, place = data[place], place + 1
        if not head & 0x80:
            raise ValueError("it is no OpenPGP key")
        if head & 0x40:
            tag, first = head & 0x3F, data[place : place + 1]
            if first < b"\xc0":
                size, place = int.from_bytes(first, "big"), place + 1
            elif first < b"\xe0":
                size = ((first[0] - 192) << 8) + int.from_bytes(data[place + 1 : place + 2], "big")
                size, place = size + 192, place + 2
            elif first == b"\xff":
                size, place = int.from_bytes(data[place + 1 : place + 5], "big"), place + 5
            else:
                raise ValueError("it has a packet of unknown length")
        else:
            tag, width = head >> 2 & 0x0F, 1 << (head & 3)
            if width > 4:
                raise ValueError("it has a packet of unknown length")
            size, place = int.from_bytes(data[place : place + width], "big"), place + width
        if place + size > len(data):
            raise ValueError("it is cut off")
        yield tag, data[place : place + size]
        place += size


def fingerprints(data: bytes) -> list[str]:
    """Return the fingerprints of the primary keys (version 4). Raises ValueError."""
    keys = [body for tag, body in packets(data) if tag == PRIMARY_KEY]
    if any(key[:1] != b"\x04" for key in keys):
        raise ValueError("its version is not 4")
    return [
        hashlib.sha1(b"\x99" + len(key).to_bytes(2, "big") + key).hexdigest().upper()
        for key in keys
    ]


def fetch(module: AnsibleModule) -> bytes:
    """Return what the address answers; fail where it does not."""
    answer, info = fetch_url(module, module.params["url"], timeout=30)
    if info["status"] != 200:
        module.fail_json(
            msg=f"The key could not be fetched from {module.params['url']}: {info['msg']}"
        )
    return answer.read()


def main() -> None:
    """Keep the key, or fail."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "url": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    path, expected = Path(module.params["path"]), [module.params["fingerprint"].upper()]
    try:
        if path.exists() and fingerprints(path.read_bytes()) == expected:
            module.exit_json(changed=False)
    except ValueError:
        pass  # what is there is no key: it is replaced

    try:
        key = unarmored(fetch(module))
        found = fingerprints(key)
    except ValueError as error:
        module.fail_json(msg=f"{module.params['url']} does not have a key for apt: {error}")
    if found != expected:
        module.fail_json(
            msg=f"The key at {module.params['url']} is not the expected one: its fingerprint is "
            f"{', '.join(found) or 'none'}, expected is {expected[0]}. It is not trusted. "
            "Compare both with the one that the repository's owner publishes."
        )

    if not module.check_mode:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
        module.atomic_move(name, str(path))
        path.chmod(0o644)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
