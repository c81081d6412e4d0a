"""Passwords in an encrypted file on the control machine: those that are there, and new ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import string
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.vault import (
    AnsibleVaultError,
    AnsibleVaultFormatError,
    VaultLib,
    VaultSecret,
    is_encrypted,
)
from ansible.plugins.action import ActionBase

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32
FILE, LOCK = "passwords.yml", ".lock"
HEADER = "# Passwords by user, for ansible-vault edit. One that is taken out is made anew.\n"


class Trouble(Exception):  # noqa: N818 (said to a person, who can help)
    """The file cannot be worked with; the text says what to do."""


def new_password() -> str:
    """Return random letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def write(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other runs, which would make other passwords, waiting."""
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class Keeper:
    """The folder, and what its file is encrypted by."""

    def __init__(self, folder: Path, own: Path, given: list[tuple[str, Any]]) -> None:
        """Take the folder, the file with a vault password of its own, and the run's passwords."""
        self.path, self.own = folder / FILE, own
        self.given = given

    def vault_secrets(self) -> list[tuple[str, Any]]:
        """Return what a vault can be opened by: the run's passwords, and that of the file."""
        found = list(self.given)
        if self.own.is_file():
            text = self.own.read_bytes().strip()
            if not text:
                raise Trouble(f"{self.own} is empty: write the password that {self.path} needs")
            found.append(("default", VaultSecret(text)))
        return found

    def read(self) -> dict[str, str]:
        """Return the passwords of the file; raises Trouble."""
        if not self.path.is_file():
            return {}
        content = self.path.read_bytes()
        try:
            plain = (
                VaultLib(self.vault_secrets()).decrypt(content)
                if is_encrypted(content)
                else content
            )
        except AnsibleVaultFormatError as error:
            raise Trouble(f"{self.path} is damaged: bring it back from a backup") from error
        except AnsibleVaultError as error:
            raise Trouble(
                f"{self.path} is encrypted by another password than those of this run. Give the "
                "right one by --vault-password-file or --ask-vault-pass, or in the file "
                f"{self.own} (broker_vault_password_file). Where it is lost: move {self.path} "
                "away, and the run makes new passwords for the broker and all its clients"
            ) from error
        found = yaml.safe_load(plain) or {}
        if not isinstance(found, dict):
            raise Trouble(f"{self.path} should be a mapping of users to passwords")
        return {str(name): str(password) for name, password in found.items()}

    def store(self, passwords: Mapping[str, str]) -> None:
        """Encrypt and write them."""
        if not self.vault_secrets():
            self.own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(self.own, new_password().encode() + b"\n")
        plain = HEADER + yaml.safe_dump(dict(sorted(passwords.items())))
        vault_id, secret = self.vault_secrets()[0]
        only = [(vault_id, secret)]
        encrypted = VaultLib(only).encrypt(plain, secret=secret)
        write(self.path, encrypted)


def kept(
    keeper: Keeper, names: Iterable[str], given: Mapping[str, str], *, dry: bool
) -> tuple[dict[str, str], bool]:
    """Return the passwords of `names`, and whether some had to be made.

    Args:
        keeper: where they lie.
        names: whose passwords are wanted.
        given: those that a person has given, which win and are not stored.
        dry: make none: those that are missing are placeholders.
    """
    there = keeper.read()
    missing = [name for name in names if name not in there and name not in given]
    made = {name: "to-be-made" if dry else new_password() for name in missing}
    if made and not dry:
        keeper.store(there | made)
    return {name: given.get(name) or (there | made)[name] for name in names}, bool(made)


class ActionModule(ActionBase):
    """Return `passwords`, by name, or `problem`, which says what to do."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take `dir`, `vault_password_file`, `names` and `given`; reach no host."""
        super().run(tmp, task_vars)
        said = self._task.args
        folder = Path(str(said["dir"])).expanduser().absolute()
        own = Path(str(said["vault_password_file"])).expanduser().absolute()
        vault = getattr(self._loader, "_vault", None)
        keeper = Keeper(folder, own, list(getattr(vault, "secrets", None) or []))
        given = {str(name): str(value) for name, value in (said.get("given") or {}).items()}
        dry = bool(self._task.check_mode)
        names = sorted({str(name) for name in said["names"]})
        try:
            if dry:
                passwords, changed = kept(keeper, names, given, dry=True)
            else:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
                with alone(folder):
                    passwords, changed = kept(keeper, names, given, dry=False)
        except Trouble as trouble:
            return {"changed": False, "problem": str(trouble)}
        except OSError as error:
            return {"changed": False, "problem": f"{error.filename}: {error.strerror}"}
        except yaml.YAMLError:
            return {"changed": False, "problem": f"{keeper.path} is not YAML"}
        return {"changed": changed, "passwords": passwords, "problem": ""}
