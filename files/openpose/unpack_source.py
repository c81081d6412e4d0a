#!/usr/bin/env python3
"""Fetch a source archive, check it and unpack it.

    unpack_source.py SOURCE SHA256 FOLDER [ARCHIVES]

SOURCE is an http(s) address, or the name of a file in the folder ARCHIVES (default: /sources).
SHA256 is the archive's checksum, or empty where it is not to be checked. The one folder that such
archives have at their top becomes FOLDER. Needs Python 3.10 and nothing else.
"""

import hashlib
import shutil
import ssl
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

TRIES = 3
SILENCE_SECONDS = 60.0  # without a byte for so long, a server is given up
PROGRESS_SECONDS = 5.0


class SourceError(Exception):
    """A source cannot be had; the message says why and what to do."""


def fetch(address: str, target: Path) -> None:
    """Download `address` to a file, trying again after a break.

    Raises SourceError when it could not be had.
    """
    for attempt in range(1, TRIES + 1):
        try:
            _download(address, target)
        except (OSError, ssl.SSLError) as error:
            print(f"{address}: try {attempt} of {TRIES}: {error}", flush=True)
            reason = error
            time.sleep(min(attempt, 5) if attempt < TRIES else 0)
        else:
            return
    raise SourceError(
        f"{address} cannot be fetched: {reason}. Put the archive into files/openpose/sources/ and "
        "name that file instead of an address"
    )


def _download(address: str, target: Path) -> None:
    with urllib.request.urlopen(address, timeout=SILENCE_SECONDS) as answer:
        expected = int(answer.headers.get("Content-Length") or 0)
        done, said = 0, time.monotonic()
        with target.open("wb") as file:
            while block := answer.read(1 << 18):
                file.write(block)
                done += len(block)
                if time.monotonic() - said > PROGRESS_SECONDS:
                    said = time.monotonic()
                    whole = f" of {expected / 1e6:.1f}" if expected else ""
                    print(f"{address}: {done / 1e6:.1f}{whole} MB", flush=True)
        if expected and done != expected:
            raise OSError(f"broke off after {done} of {expected} bytes")


def check(archive: Path, sha256: str, source: str) -> None:
    """Compare an archive's checksum, if there is one to compare with; say what it is.

    Raises SourceError when they differ.
    """
    digest = hashlib.sha256()
    with archive.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    found = digest.hexdigest()
    if sha256 and found != sha256.lower():
        raise SourceError(f"{source} has the SHA-256 sum {found}, not {sha256}: is it another one?")
    print(f"{source}: sha256 {found}, {archive.stat().st_size} bytes", flush=True)


def unpack(archive: Path, folder: Path, source: str) -> None:
    """Unpack an archive whose files are all below one folder, without that folder.

    Raises SourceError when it is no such archive, or one with files outside of that folder.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(work)
            else:
                with tarfile.open(archive) as packed:
                    _refuse_strays(packed)
                    packed.extractall(work)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
            raise SourceError(
                f"{source} cannot be unpacked: {error}. A .tar.gz or a .zip is wanted, as "
                "GitHub gives them"
            ) from error
        tops = list(Path(work).iterdir())
        if len(tops) != 1 or not tops[0].is_dir():
            raise SourceError(f"{source} should have one folder at its top, it has {len(tops)}")
        folder.mkdir(exist_ok=True)
        # The folder may be there, empty: git archives have one for each submodule.
        for path in tops[0].iterdir():
            shutil.move(path, folder / path.name)


def _refuse_strays(packed: tarfile.TarFile) -> None:
    """Python before 3.10.12 unpacks whatever an archive says, wherever it says."""
    for member in packed:
        parts = Path(member.name).parts
        if member.name.startswith("/") or ".." in parts or member.isdev():
            raise ValueError(f"{member.name} does not belong into an archive")


def main(source: str, sha256: str, folder: str, archives: str = "/sources") -> int:
    """Do it; return the process's exit code."""
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as work:
            if source.startswith(("http://", "https://")):
                archive = Path(work, "archive")
                fetch(source, archive)
            else:
                archive = Path(archives, source)
                if not archive.is_file():
                    there = ", ".join(sorted(path.name for path in Path(archives).iterdir()))
                    raise SourceError(
                        f"{source} is not in files/openpose/sources/, where there is: {there}"
                    )
            check(archive, sha256, source)
            unpack(archive, target, source)
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
