"""A backup: one archive on the control machine, encrypted as Ansible's Vault does it.

No module encrypts with the password that Ansible itself was started with, and none says which of
the files that are there already would be others.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.parsing.vault import AnsibleVaultError, VaultLib, VaultSecret, is_encrypted
from ansible.plugins.action import ActionBase

FORMAT = 1
CONTENT = "backup.json"
LOCK = ".lock"  # of the run that writes passwords
NOT_KEPT = {".git", "__pycache__", "backups"}
Files = dict[str, tuple[bytes, int]]  # content and mode by the name in the archive


def files_below(folder: Path, without: Iterable[Path]) -> Iterator[Path]:
    """Yield a folder's files, or the one file, without what lies at or below those others."""
    if folder in without or folder.name in NOT_KEPT:
        return
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            yield from files_below(path, without)
    elif folder.is_file():
        yield folder


def read(part: str, root: Path, tops: list[Path], without: list[Path]) -> Files:
    """Return the files at and below `tops`, by their names below `root` in a part of the archive.

    Args:
        part: what the archive calls it.
        root: the folder that the names begin at.
        tops: files and folders.
        without: those that are left out, with all that is below them.
    """
    return {
        f"{part}/{path.relative_to(root)}": (path.read_bytes(), path.stat().st_mode & 0o777)
        for top in tops
        for path in files_below(top, without)
    }


def of_inventory(source: Path, without: list[Path]) -> Files:
    """Return an inventory's files: a folder's, or one file and the variables beside it."""
    beside = [] if source.is_dir() else [source.parent / n for n in ("group_vars", "host_vars")]
    return read("inventory", source.parent, [source, *beside], without)


def packed(files: Files) -> bytes:
    """Return the files as a compressed tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), mode, int(time.time())
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def unpacked(content: bytes) -> Files:
    """Return the files of an archive; ValueError where it is none, or holds what it may not."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found: Files = {}
            for member in archive:
                path = Path(member.name)
                if path.is_absolute() or ".." in path.parts or not member.isfile():
                    raise ValueError(f"it holds {member.name}, which no backup has")
                found[member.name] = (archive.extractfile(member).read(), member.mode & 0o777)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"it is no archive ({error})") from None
    if CONTENT not in found:
        raise ValueError(f"it holds no {CONTENT}")
    return found


def placed(files: Files, part: str, folder: Path) -> Files:
    """Return the files of one part of an archive by the paths that they belong to."""
    return {
        str(folder / name.removeprefix(f"{part}/")): file
        for name, file in files.items()
        if name.startswith(f"{part}/")
    }


def differing(files: Files) -> tuple[list[str], list[str]]:
    """Return which of the files by their paths are missing, and which are there and are others."""
    missing = [name for name in files if not Path(name).exists()]
    others = [
        name
        for name, (content, _) in files.items()
        if name not in missing and Path(name).read_bytes() != content
    ]
    return missing, others


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all; folders that are missing are its owner's alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
    part.replace(path)


class ActionModule(ActionBase):
    """Write a backup, read what it says of the cluster, or put its files back."""

    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Do what `do` says: `write`, `read` or `unpack`."""
        super().run(tmp, task_vars)
        args = self._task.args
        self.file = Path(args["file"]).expanduser().absolute()
        self.password_file = args.get("password_file") or ""
        try:
            return getattr(self, args["do"])(args)
        except (ValueError, AnsibleVaultError) as error:
            raise AnsibleActionFail(f"backup_file: {self.file}: {error}") from None
        except OSError as error:
            raise AnsibleActionFail(f"{error.strerror}: {error.filename}") from None

    def secrets(self) -> list[tuple[str, Any]]:
        """Return the Vault's secrets, those that Ansible was started with first."""
        found = list(self._loader._vault.secrets or [])
        path = Path(self.password_file).expanduser()
        if self.password_file and path.is_file():
            found.append(("default", VaultSecret(path.read_bytes().strip())))
        return found

    def write(self, args: dict[str, Any]) -> dict[str, Any]:
        """Write the archive of the cluster's state, the inventories and the secrets."""
        keys = self.secrets()
        folder = Path(args["secrets"]).expanduser().absolute()
        own = Path(self.password_file).expanduser().absolute()
        # Who has the backup is not to have its password too; another's password is safe in it.
        closed_by_own = own.is_file() and not self._loader._vault.secrets
        left_out = [folder / LOCK, *([own] if closed_by_own else [])]
        secret = read("secrets", folder, [folder], left_out)
        if secret and not keys:
            raise ValueError(
                f"{folder} is not kept without encryption, and there is no password for it. Run "
                "this with --ask-vault-pass or --vault-password-file FILE."
            )
        content = {"format": FORMAT, "cluster": args["cluster"]}
        files: Files = {CONTENT: (json.dumps(content, indent=1).encode(), 0o600)}
        for source in map(Path, args["inventories"]):
            if source.exists():
                files |= of_inventory(source.absolute(), [self.file.parent, folder, own])
        files |= secret
        archive = packed(files)
        if keys:
            archive = VaultLib(keys).encrypt(archive, secret=keys[0][1])
        if not self._task.check_mode:
            write(self.file, archive, 0o600)
        return {
            "changed": True,
            "file": str(self.file),
            "names": sorted(files),
            "password": str(own) if closed_by_own else "yours of the Vault" if keys else "",
        }

    def opened(self) -> tuple[Files, bytes]:
        """Return the archive's files, and the password that has opened it."""
        content = self.file.read_bytes()
        password = b""
        if is_encrypted(content):
            keys = self.secrets()
            if not keys:
                raise ValueError(
                    "it is encrypted: run this with --ask-vault-pass or --vault-password-file FILE"
                )
            content, _, secret = VaultLib(keys).decrypt_and_get_vault_id(content)
            password = secret.bytes
        return unpacked(content), password

    def read(self, args: dict[str, Any]) -> dict[str, Any]:
        """Return what the archive says of the cluster."""
        files, _ = self.opened()
        return {"changed": False, **self.content(files)}

    def content(self, files: Files) -> dict[str, Any]:
        """Return the archive's description; ValueError where a newer project has written it."""
        content = json.loads(files[CONTENT][0])
        if content["format"] > FORMAT:
            raise ValueError(
                f"it is of format {content['format']}, and this project knows {FORMAT}"
            )
        return content

    def unpack(self, args: dict[str, Any]) -> dict[str, Any]:
        """Put the files of one part where they belong, and the password where it is asked for."""
        files, password = self.opened()
        self.content(files)
        target = Path(args["to"]).expanduser().absolute()
        mine = placed(files, args["part"], target)
        missing, others = differing(mine)
        if others and not args.get("overwrite"):
            raise ValueError(
                f"other files than the backup's are there: {', '.join(others)}. Move them away, or "
                "have them replaced: -e backup_overwrite=true"
            )
        path = Path(self.password_file).expanduser().absolute()
        wanted = args["part"] == "secrets" and mine and path.is_relative_to(target)
        if wanted and password and not path.exists():
            mine[str(path)] = (password + b"\n", 0o600)
            missing.append(str(path))
        if not self._task.check_mode:
            for name in missing + others:
                write(Path(name), *mine[name])
        return {"changed": bool(missing + others), "names": sorted(missing + others)}
