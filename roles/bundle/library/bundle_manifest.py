#!/usr/bin/python
"""Writes a bundle's manifest, or compares its files with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: bundle_manifest
short_description: Write the manifest of a bundle, or compare files of the bundle with it
options:
  folder: {type: path, required: true, description: The bundle.}
  images:
    type: list
    elements: dict
    description: "[{name, content, file}] of the images. With it, the manifest is written."
  below: {type: str, default: "", description: The part of the bundle to compare with its manifest.}
"""


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(folder: Path) -> dict[str, dict]:
    """Return {path below the folder: {sha256, bytes}} of the files in its folders."""
    return {
        str(path.relative_to(folder)): {"sha256": checksum(path), "bytes": path.stat().st_size}
        for path in sorted(folder.glob("*/**/*"))
        if path.is_file()
    }


def compare(folder: Path, files: dict[str, dict]) -> list[str]:
    """Return what is wrong with files of the bundle."""
    wrong = []
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{path} is missing")
        elif (found := checksum(path)) != expected["sha256"]:
            wrong.append(f"{path} has SHA-256 {found} in place of {expected['sha256']}")
    return wrong


def main() -> None:
    """Write or compare."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "images": {"type": "list", "elements": "dict"},
            "below": {"type": "str", "default": ""},
        }
    )
    folder, below = Path(module.params["folder"]), module.params["below"]
    manifest = folder / "manifest.json"
    if module.params["images"] is not None:
        files = describe(folder)
        content = {"images": module.params["images"], "files": files}
        part = folder / "manifest.json.part"
        part.write_text(json.dumps(content, indent=2) + "\n")
        part.rename(manifest)
        total = sum(file["bytes"] for file in files.values())
        module.exit_json(changed=True, files=len(files), bytes=total)

    again = "Copy the bundle again, or make it anew with playbooks/bundle.yml."
    try:
        files = json.loads(manifest.read_text())["files"]
    except (OSError, ValueError, KeyError) as error:
        module.fail_json(msg=f"posestream_bundle: {manifest} cannot be read ({error}). {again}")
    files = {name: file for name, file in files.items() if name.startswith(below)}
    if not files:
        module.fail_json(msg=f"The bundle {folder} has no {below}. {again}")
    if wrong := compare(folder, files):
        module.fail_json(msg="The bundle is damaged: " + "; ".join(wrong) + f". {again}")
    module.exit_json(files=list(files), bytes=sum(file["bytes"] for file in files.values()))


if __name__ == "__main__":
    main()
