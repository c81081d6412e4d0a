#!/usr/bin/python
"""What one host has of an image and of what it is built from, asked in one go."""

from __future__ import annotations

import hashlib
import http.client
import os
from pathlib import Path
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.container_image_socket import ask

DOCUMENTATION = r"""
module: container_image_engine
short_description: Ask a Docker engine for images, and its host for what a build takes from it
description: Changes nothing. The action container_image_look runs it.
options:
  socket: {type: path, required: true, description: The engine's socket.}
  label: {type: str, required: true, description: The label that says what an image was made of.}
  images: {type: list, elements: str, required: true, description: Names of images.}
  reference: {type: str, default: "", description: An image in a registry, to be asked for.}
  registry_timeout: {type: int, default: 5, description: "How long the registry may take, in s."}
  certificates: {type: path, required: true, description: The folder of the host's CA certificates.}
  proxies: {type: list, elements: str, required: true, description: Environment variables to read.}
"""


def describe(engine: str, name: str, label: str) -> dict | None:
    """Return what matters of an image, or None where the engine has none of that name."""
    status, image = ask(engine, f"/images/{quote(name)}/json")
    if status != 200:
        return None
    return {
        "id": image["Id"],
        "bytes": image["Size"],
        "names": (image.get("RepoTags") or []) + (image.get("RepoDigests") or []),
        "content": ((image.get("Config") or {}).get("Labels") or {}).get(label, ""),
    }


def ask_registry(engine: str, reference: str, timeout: int) -> dict:
    """Return what the registry says of an image: status (0: nothing in time), digest, message.

    The engine is asked to ask, so that its mirrors, proxies and insecure registries count.
    """
    url = f"/distribution/{quote(reference)}/json"
    try:
        status, answer = ask(engine, url, timeout=timeout)
    except OSError as error:
        return {"status": 0, "digest": "", "message": str(error)}
    digest = answer.get("Descriptor", {}).get("digest", "")
    return {"status": status, "digest": digest, "message": answer.get("message", "").strip()}


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each certificate below a folder, by path."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.crt"))
        if path.is_file() and not path.is_symlink()
    }


def main() -> None:
    """Answer with what there is."""
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "label": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
            "reference": {"type": "str", "default": ""},
            "registry_timeout": {"type": "int", "default": 5},
            "certificates": {"type": "path", "required": True},
            "proxies": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    result = {
        "error": "",
        "images": {},
        "registry": {},
        "certificates": checksums(Path(wanted["certificates"])),
        "proxies": {name: os.environ[name] for name in wanted["proxies"] if name in os.environ},
    }
    try:
        for name in wanted["images"]:
            result["images"][name] = describe(wanted["socket"], name, wanted["label"])
        if wanted["reference"]:
            result["registry"] = ask_registry(
                wanted["socket"], wanted["reference"], wanted["registry_timeout"]
            )
    except (OSError, http.client.HTTPException) as error:
        result["error"] = str(error)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
