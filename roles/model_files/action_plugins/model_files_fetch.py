"""Bring large files to the control machine, from the first of several mirrors that has them right.

Wanted  a file by its path, and what it has to be
Mirrors where it may come from, in turn; what was tried is kept for the message
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

CHUNK = 64 * 1024
# Seconds between two lines on how far a download is.
TELL = 5.0
# How often one mirror may break off before the next is asked, without a byte more in between.
TRIES = 3
# Some servers refuse Python's own name.
HEADERS = {"User-Agent": "posestream", "Accept-Encoding": "identity"}
MIB = 1024 * 1024

display = Display()


class Refused(Exception):  # noqa: N818 (an answer, not an error of this program)
    """A mirror does not have the file, or another one; asking again does not help."""


class BrokenOff(Exception):  # noqa: N818 (as above)
    """A transfer ended early; what came is kept, and it can go on from there."""


@dataclass(frozen=True)
class Wanted:
    """A file: its path below a mirror's address and below the cache, MD5, and bytes if known."""

    path: str
    md5: str
    size: int | None = None

    def wrong(self, file: Path) -> str | None:
        """Return what is wrong with a file that is there; None where it is the wanted one."""
        size = file.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size} bytes in place of {self.size}"
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        return None if found == self.md5 else f"its MD5 is {found} in place of {self.md5}"


@dataclass
class Mirrors:
    """Where files come from.

    urls: addresses below which each file has its own path. timeout: seconds without a byte after
    which a mirror counts as broken off. slowest: bytes a second, over that time, below which the
    next mirror is asked. pause: seconds before a mirror that sent nothing is asked again.
    tell: gets a line now and then.
    """

    urls: list[str]
    timeout: float = 30.0
    slowest: float = 10_000.0
    pause: float = 1.0
    tell: Callable[[str], None] = display.display
    tried: list[str] = field(default_factory=list)

    def fetch(self, wanted: Wanted, target: Path) -> bool:
        """Bring the file to `target`; return False, with the reasons in `tried`, where none has it.

        What came so far lies in `target`.part, also for a later run.
        """
        part = target.with_name(f"{target.name}.part")
        self.tried = []
        for base in self.urls:
            url = f"{base.rstrip('/')}/{wanted.path}"
            while True:
                begun_elsewhere = part.exists()
                problem = self._from(url, wanted, part)
                if problem is None:
                    part.rename(target)
                    return True
                self.tried.append(f"{url}: {problem}")
                # What was wrong is gone; was its beginning another's, then once more.
                if part.exists() or not begun_elsewhere:
                    break
        return False

    def _from(self, url: str, wanted: Wanted, part: Path) -> str | None:
        """Get a file from one mirror; return what is wrong, None where it is there and right."""
        fruitless = 0
        while True:
            before = part.stat().st_size if part.exists() else 0
            try:
                self._transfer(url, wanted, part)
            except Refused as answer:
                return str(answer)
            except BrokenOff as answer:
                after = part.stat().st_size if part.exists() else 0
                fruitless = 0 if after > before else fruitless + 1
                if fruitless == TRIES or "slow" in str(answer):
                    return f"{answer}, {after} bytes came"
                self.tell(f"{wanted.path}: {answer} after {after} bytes; going on from there")
                time.sleep(self.pause if fruitless else 0)
                continue
            problem = wanted.wrong(part)
            if problem:
                part.unlink()
            return problem

    def _transfer(self, url: str, wanted: Wanted, part: Path) -> None:
        """Append what is missing of a file to `part`."""
        have = part.stat().st_size if part.exists() else 0
        request = urllib.request.Request(url, headers=HEADERS)
        if have:
            request.add_header("Range", f"bytes={have}-")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                begin = _beginning(answer, have)
                whole = _length(answer, begin)
                if None not in (whole, wanted.size) and whole != wanted.size:
                    raise Refused(f"it has {whole} bytes in place of {wanted.size}")
                with part.open("r+b" if begin else "wb") as file:
                    file.seek(begin)
                    self._copy(answer, file, wanted, whole or wanted.size)
        except urllib.error.HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                # All there is has come already, or it is another file: its checksum tells.
                if wanted.wrong(part) is None:
                    return
                part.unlink()
                raise BrokenOff("it has no more than that, which is not the file") from error
            if error.code >= http.client.INTERNAL_SERVER_ERROR:
                raise BrokenOff(f"{error.code} {error.reason}") from error
            raise Refused(f"{error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOff(_reason(error)) from error
        except ValueError as error:  # an address that is none
            raise Refused(str(error)) from error

    def _copy(self, answer: Any, file: Any, wanted: Wanted, whole: int | None) -> None:
        """Copy the body, say how far it is, and leave a mirror that is too slow."""
        begin = told = since = time.monotonic()
        first = counted = file.tell()
        while chunk := answer.read1(CHUNK):
            file.write(chunk)
            now, have = time.monotonic(), file.tell()
            if now - told >= TELL:
                rate = (have - first) / (now - begin)
                self.tell(
                    f"{wanted.path}: {have / MIB:.1f} of {whole / MIB if whole else 0:.1f} MiB, "
                    f"{rate / MIB:.2f} MiB/s from {urlsplit(answer.url).hostname}"
                )
                told = now
            if now - since >= self.timeout:
                if (have - counted) / (now - since) < self.slowest:
                    raise BrokenOff(f"too slow, {(have - counted) / (now - since):.0f} bytes/s")
                since, counted = now, have
        if whole is not None and file.tell() < whole:
            raise BrokenOff("it broke off")


def _beginning(answer: Any, have: int) -> int:
    """Return from which byte on a server sends: not every one takes part of a file's request."""
    if answer.status != http.client.PARTIAL_CONTENT:
        return 0
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise Refused(f"it sends other bytes than asked: {answer.headers.get('Content-Range')}")
    return have


def _length(answer: Any, begin: int) -> int | None:
    """Return the whole file's length as a server says it, in bytes."""
    said = answer.headers.get("Content-Length")
    return begin + int(said) if said else None


def _reason(error: Exception) -> str:
    """Return an error in words."""
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return "nothing came any more"
    reason = getattr(error, "reason", error)
    return (
        f"it broke off ({reason})" if isinstance(error, http.client.HTTPException) else str(reason)
    )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work in a folder: hosts of a play are worked on side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class ActionModule(ActionBase):
    """Return `files`: each with its `path` and where it lies on the control machine, `file`."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Bring what is missing.

        The task's arguments: `files` (path, md5, size), `mirrors`, `source` (a folder here that has
        them, or empty), `cache` (the folder that they are put into), `timeout`, `slowest`.
        """
        super().run(tmp, task_vars)
        given = self._task.args
        files = [Wanted(file["path"], file["md5"], file.get("size")) for file in given["files"]]
        if given.get("source"):
            found = [local(Path(given["source"]).expanduser(), file) for file in files]
            return {"changed": False, "files": found, "fetched": []}
        cache = Path(given["cache"]).expanduser()
        mirrors = Mirrors(
            given["mirrors"],
            timeout=float(given.get("timeout", 30)),
            slowest=float(given.get("slowest", 10_000)),
        )
        if self._task.check_mode:
            fetched = [file.path for file in files if not (cache / file.path).exists()]
        else:
            with alone(cache):
                fetched = [file.path for file in files if self.bring(file, mirrors, cache)]
        return {
            "changed": bool(fetched),
            "fetched": fetched,
            "files": [{"path": file.path, "file": str(cache / file.path)} for file in files],
        }

    @staticmethod
    def bring(file: Wanted, mirrors: Mirrors, cache: Path) -> bool:
        """Bring a file into the cache where it is not there; return whether it was brought."""
        target = cache / file.path
        if target.exists() and file.wrong(target) is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        mirrors.tell(f"Downloading {file.path} to {target}")
        if mirrors.fetch(file, target):
            return True
        tried = "\n".join(f"  - {text}" for text in mirrors.tried) or "  - no mirror is named"
        raise AnsibleActionFail(
            f"{file.path} is not to be had. Tried in turn:\n{tried}\n"
            "Name another mirror, or put the file below a folder on this machine and name that as "
            "the source. What came is kept for the next run."
        )


def local(folder: Path, file: Wanted) -> dict[str, str]:
    """Return where a file lies in a folder; AnsibleActionFail: it is not there, or another one."""
    # With its own path, or all in one folder, as a browser leaves them.
    for place in (folder / file.path, folder / Path(file.path).name):
        if place.is_file():
            if problem := file.wrong(place):
                raise AnsibleActionFail(
                    f"{place} is not the wanted file: {problem}. Copy or download it again."
                )
            return {"path": file.path, "file": str(place)}
    raise AnsibleActionFail(
        f"{folder} on the control machine has no {file.path}. Put it there, or leave the source "
        "empty to have it downloaded."
    )
