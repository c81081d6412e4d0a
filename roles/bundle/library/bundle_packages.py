#!/usr/bin/python
"""Downloads packages of a Debian release with all that they need, as a source for apt."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

EXAMPLES = r"""
- name: Download Docker for hosts that lack it
  bundle_packages:
    folder: /srv/bundle/packages/bookworm
    release: bookworm
    packages: [docker.io]
    mirror: http://deb.debian.org/debian
    security_mirror: http://security.debian.org/debian-security
"""
RETURN = r"""
packages:
  description: The names of the files that were downloaded.
  returned: success
  type: list
  elements: str
bytes:
  description: What they and their index take.
  returned: success
  type: int
"""

DOCUMENTATION = r"""
module: bundle_packages
short_description: Download packages with all that they need, whatever release this machine has
description:
  - The folder becomes a source for apt. No package counts as installed, as the hosts may lack any.
options:
  folder: {type: path, required: true, description: "The folder for the packages and their index."}
  release: {type: str, required: true, description: "The release, for example bookworm."}
  packages: {type: list, elements: str, required: true, description: "Names of packages."}
  mirror: {type: str, required: true, description: "Debian's packages."}
  security_mirror: {type: str, required: true, description: "Debian's security updates."}
  newer_release: {type: str, default: "", description: "A later release, for what this one lacks."}
  newer: {type: list, elements: str, default: [], description: "Names of packages to take from it."}
"""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def write_sources(
    path: Path, release: str, mirror: str, security_mirror: str, newer: str = ""
) -> None:
    """Write apt's list of sources."""
    sources = {
        release: mirror,
        f"{release}-updates": mirror,
        f"{release}-security": security_mirror,
    } | ({newer: mirror} if newer else {})
    path.write_text(
        "".join(f"deb [signed-by={KEYRING}] {url} {suite} main\n" for suite, url in sources.items())
    )


def write_preferences(path: Path, release: str, packages: list[str]) -> None:
    """Let apt take these packages from a later release, and nothing else."""
    pin = f"Pin: release n={release}\nPin-Priority:"
    path.write_text(f"Package: *\n{pin} -1\n\nPackage: {' '.join(packages)}\n{pin} 990\n")


def describe(module: AnsibleModule, package: Path) -> str:
    """Return the package's entry of an index."""
    _, fields, _ = module.run_command(["dpkg-deb", "--field", str(package)], check_rc=True)
    checksum = hashlib.sha256(package.read_bytes()).hexdigest()
    size = package.stat().st_size
    return f"{fields.strip()}\nFilename: ./{package.name}\nSize: {size}\nSHA256: {checksum}\n"


def main() -> None:
    """Download into a folder beside the final one, which it then replaces."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "mirror": {"type": "str", "required": True},
            "security_mirror": {"type": "str", "required": True},
            "newer_release": {"type": "str", "default": ""},
            "newer": {"type": "list", "elements": "str", "default": []},
        }
    )
    wanted = module.params
    folder = Path(wanted["folder"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    # No package counts as installed: the hosts may lack any of them.
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "state/lists/partial").mkdir(parents=True)
        (root / "cache/archives/partial").mkdir(parents=True)
        (root / "status").touch()
        write_sources(
            root / "sources",
            wanted["release"],
            wanted["mirror"],
            wanted["security_mirror"],
            wanted["newer_release"],
        )
        if wanted["newer_release"]:
            write_preferences(root / "preferences", wanted["newer_release"], wanted["newer"])
        options = [
            f"Dir::State={root}/state",
            f"Dir::State::status={root}/status",
            f"Dir::Cache={root}/cache",
            f"Dir::Etc::sourcelist={root}/sources",
            "Dir::Etc::sourceparts=/dev/null",
            f"Dir::Etc::preferences={root}/preferences",
            "Dir::Etc::preferencesparts=/dev/null",
            "APT::Sandbox::User=root",
            "APT::Install-Recommends=false",
            "Acquire::Languages=none",
            "Acquire::Retries=3",
        ]
        apt = [
            "apt-get",
            "--quiet",
            "--yes",
            *(part for option in options for part in ("-o", option)),
        ]
        packages = [*wanted["packages"], *wanted["newer"]]
        for command in (["update"], ["install", "--download-only", *packages]):
            status, _, errors = module.run_command([*apt, *command])
            if status != 0:
                module.fail_json(
                    msg=f"apt-get {command[0]} failed for Debian {wanted['release']} from "
                    f"{wanted['mirror']}: {errors.strip()}"
                )
        new = root / "new"
        new.mkdir()
        for package in sorted((root / "cache/archives").glob("*.deb")):
            # apt writes a version's colon as %3a, which it would read as a colon again.
            package.rename(new / package.name.replace("%3a", "_"))
        packages = sorted(new.glob("*.deb"))
        (new / "Packages").write_text("\n".join(describe(module, path) for path in packages))
        if folder.exists():
            shutil.rmtree(folder)
        new.rename(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    module.exit_json(changed=True, packages=[path.name for path in packages], bytes=size)


if __name__ == "__main__":
    main()
