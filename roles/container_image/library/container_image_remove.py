"""Removes this project's images from a host: those with its label, and the names it gave."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: container_image_remove
short_description: Remove the images that carry a label, the stages of their builds, and given names
description:
  - An image that a container uses, or that an image of others is built on, stays.
  - Of an image without the label, one that was pulled, only the given names go.
options:
  label: {type: str, required: true, description: The label that says what an image was made of.}
  names: {type: list, elements: str, required: true, description: Names that images were given.}
"""

Image = dict[str, Any]  # the engine's own description


def plan(
    images: list[Image], used: dict[str, str], label: str, names: list[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the names and ids to remove, and the names that stay, with the reason.

    Args:
        images: all of the host, those without a name included.
        used: an image's id, or its name as a container was made by, to the container's name.
        label: what our images carry.
        names: what we have called images.
    """
    by_id = {image["Id"]: image for image in images}

    def content(image: Image) -> str:
        return ((image.get("Config") or {}).get("Labels") or {}).get(label, "")

    # An image that others have built on ours inherits the label: only the oldest one's is its own.
    origin: dict[str, str] = {}
    for image in sorted(images, key=lambda image: image["Created"]):
        origin.setdefault(content(image), image["Id"])

    def original(image: Image) -> bool:
        return bool(content(image)) and origin[content(image)] == image["Id"]

    def made(image: Image) -> bool:
        """Say whether it is ours, or a nameless one on top of ours: a stage of a build."""
        if original(image) or set(image["RepoTags"] or []) & set(names):
            return True
        parent = by_id.get(image.get("Parent") or "")
        return not image["RepoTags"] and (bool(content(image)) or bool(parent and made(parent)))

    def needed_by(image: Image) -> str:
        """Return what needs the image or one that is built on it; empty where nothing does."""
        if image["Id"] in used:
            return f"the container {used[image['Id']]} uses it"
        for child in images:
            if child.get("Parent") == image["Id"]:
                if not made(child):
                    return f"{', '.join(child['RepoTags'] or [child['Id']])} is built on it"
                if reason := needed_by(child):
                    return reason
        return ""

    remove, stay = [], {}
    for image in filter(made, images):
        tags = image["RepoTags"] or []
        mine = tags if original(image) else [tag for tag in tags if tag in names]
        # A name may go from an image that keeps another, unless a container was made by that name.
        reason = needed_by(image) if len(mine) == len(tags) else ""
        for name in mine or [image["Id"]]:
            if why := reason or (name in used and f"the container {used[name]} uses it"):
                stay |= {name: why} if mine else {}
            else:
                remove.append(name)
        pulled = [tag for tag in tags if tag not in mine]
        stay |= dict.fromkeys(pulled, "it was pulled, and others may use it")
    return remove, stay


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "label": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if not module.get_bin_path("docker"):
        module.exit_json(changed=False, removed=[], stay={})

    def docker(*arguments: str) -> str:
        return module.run_command(["docker", *arguments], check_rc=True)[1]

    def inspect(kind: str, *listing: str) -> list[Image]:
        ids = sorted(set(docker(*listing, "--all", "--quiet", "--no-trunc").split()))
        return json.loads(docker(kind, "inspect", *ids)) if ids else []

    used = {
        image: container["Name"].lstrip("/")
        for container in inspect("container", "ps")
        for image in (container["Image"], container["Config"]["Image"])
    }
    images = inspect("image", "image", "ls")
    remove, stay = plan(images, used, module.params["label"], module.params["names"])
    left = list(remove)
    # Children before their parents: as long as something goes, the rest may go too.
    while left and not module.check_mode:
        results = {name: module.run_command(["docker", "image", "rm", name]) for name in left}
        still = [n for n, (rc, _, error) in results.items() if rc and "No such image" not in error]
        if len(still) == len(left):
            module.fail_json(msg="\n".join(results[name][2].strip() for name in still))
        left = still
    module.exit_json(changed=bool(remove), removed=remove, stay=stay)


if __name__ == "__main__":
    main()
