"""What a deployment of a closed broker keeps on the control machine, opened."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible.parsing.vault import VaultLib, VaultSecret


def decrypted(path: Path, secrets: Path) -> bytes:
    """Return what is in a file that is encrypted with the password of a secrets folder."""
    password = VaultSecret((secrets / "vault-password").read_bytes().strip())
    return VaultLib([("default", password)]).decrypt(path.read_bytes())


def passwords(secrets: Path) -> dict[str, str]:
    """Return the passwords that were made, by user of the broker."""
    return yaml.safe_load(decrypted(secrets / "passwords.yml", secrets))
