#!/usr/bin/python
"""Removes the images of this project that newer ones have replaced."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.container_image_socket import ask

DOCUMENTATION = r"""
module: container_image_clean
short_description: Remove images that carry a label and lost their name, where nothing uses them
description:
  - One that says the same content as an image with a name stays. The stages of a build are such, as
    they inherit the label of the image that they are built from; the next build goes on from them.
options:
  socket: {type: path, required: true, description: The engine's socket.}
  label: {type: str, required: true, description: The label that says what an image was made of.}
"""


def replaced(images: list[dict], label: str) -> list[dict]:
    """Return those without a name whose content no named image has; engine's own descriptions."""

    def has_name(image: dict) -> bool:
        return any(name != "<none>:<none>" for name in image.get("RepoTags") or [])

    kept = {image["Labels"][label] for image in images if has_name(image)}
    return [image for image in images if not has_name(image) and image["Labels"][label] not in kept]


def removable(left: set[str], images: list[dict], containers: list[dict]) -> set[str]:
    """Return those of `left` (ids) that no container uses and no image that stays is built on.

    Args:
        left: what is to go.
        images: all images, those between a build's steps too; engine's own descriptions.
        containers: all containers, likewise.
    """
    free = left - {container["ImageID"] for container in containers}
    while True:
        needed = {image["ParentId"] for image in images if image["Id"] not in free}
        if not free & needed:
            return free
        free -= needed


def main() -> None:
    """Remove what can be removed, children before their parents."""
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "path", "required": True},
            "label": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    socket, label = module.params["socket"], module.params["label"]
    filters = quote(json.dumps({"label": [label]}))
    removed: list[str] = []
    try:
        while True:
            _, images = ask(socket, f"/images/json?filters={filters}")
            left = [image["Id"] for image in replaced(images, label)]
            if module.check_mode:
                _, all_images = ask(socket, "/images/json?all=1")
                _, containers = ask(socket, "/containers/json?all=1")
                free = removable(set(left), all_images, containers)
                module.exit_json(changed=bool(free), removed=sorted(free))
            # 409: a container uses it, or another image is built on it.
            gone = [
                image
                for image in left
                if ask(socket, f"/images/{image}", "DELETE", timeout=120)[0] == 200
            ]
            removed += gone
            if not gone:
                break
    except (OSError, http.client.HTTPException) as error:
        if module.check_mode:  # a dry run on a bare host: without an engine there is nothing
            module.exit_json(changed=False, removed=[])
        module.fail_json(msg=f"The Docker engine does not answer on {socket}: {error}")
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
