#!/usr/bin/env python3
"""Copy the shared libraries that files need into one folder, so that a small image can have them.

    collect_libraries.py FOLDER FILE...
    collect_libraries.py --check FILE...

Left out are those that every image of the kind has: the C library's; CUDA's, which come with the
base image; and the driver's, which the NVIDIA container toolkit puts into the container. With
--check nothing is copied: it fails where a library cannot be found. Needs Python 3.10 and ldd.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

C_LIBRARY = re.compile(r"ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl)\.so\..*")
CUDA = re.compile(
    r"lib(cudart|cublas|cublasLt|curand|cufft|cufftw|cusolver|cusparse|cudnn.*|npp[a-z]*|nvrtc.*"
    r"|nvToolsExt)\.so(\..*)?"
)
DRIVER = re.compile(r"lib(cuda|nvidia-.*)\.so(\..*)?")


class LibraryError(Exception):
    """A library is missing."""


def needed(file: Path) -> dict[str, Path | None]:
    """Return what the loader finds for a file: name → path, None for what it does not find."""
    listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=False)
    if listed.returncode:
        raise LibraryError(f"{file}: {listed.stderr.strip() or listed.stdout.strip()}")
    found: dict[str, Path | None] = {}
    for line in listed.stdout.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if arrow:
            path = rest.rpartition(" (")[0] or rest
            found[name] = None if path.startswith("not found") else Path(path)
    return found


def all_needed(files: list[Path]) -> dict[str, Path | None]:
    """Return the same for several files, without the driver's libraries."""
    found: dict[str, Path | None] = {}
    for file in files:
        found |= needed(file)
    return {name: path for name, path in found.items() if not DRIVER.fullmatch(name)}


def collect(folder: Path, files: list[Path]) -> None:
    """Copy the libraries; raises LibraryError where one is missing."""
    found = all_needed(files)
    refuse_missing(found)
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for name, path in sorted(found.items()):
        if not (C_LIBRARY.fullmatch(name) or CUDA.fullmatch(name)):
            shutil.copyfile(path, folder / name)
            (folder / name).chmod(0o755)
            size += path.stat().st_size
    print(f"{len(list(folder.iterdir()))} libraries, {size / 1e6:.1f} MB", flush=True)


def refuse_missing(found: dict[str, Path | None]) -> None:
    """Raise LibraryError where the loader does not find something."""
    missing = sorted(name for name, path in found.items() if path is None)
    if missing:
        raise LibraryError(
            f"not found: {', '.join(missing)}. CUDA's libraries come with the base images: "
            "BUILD_IMAGE and RUNTIME_IMAGE should have one version of CUDA, and both cuDNN where "
            "USE_CUDNN is ON"
        )


def main(where: str, *names: str) -> int:
    """Do it; return the process's exit code."""
    files = [Path(name) for name in names]
    try:
        if where == "--check":
            refuse_missing(all_needed(files))
        else:
            collect(Path(where), files)
    except LibraryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
