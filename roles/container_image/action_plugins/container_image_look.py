"""Compare the image that a host has with what it should be, and say what is to be done."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

LABEL = "posestream.content"
SOCKET = "/var/run/docker.sock"
CERTIFICATES = "/usr/local/share/ca-certificates"
PROXIES = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]

NOTHING_TRIED = (
    "Nothing was tried: set container_image_reference, container_image_archive or "
    "container_image_context."
)


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksum(value: Any) -> str:
    """Return the SHA-256 of anything that JSON can say."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def context_files(root: Path, ignored: list[str]) -> list[dict[str, Any]]:
    """Return the context's files as [{path (below the root), executable, checksum}].

    `ignored` are names of files and folders, with * and ?. Of the mode only whether a file is
    executable counts: the rest differs by umask.
    """
    files = []
    for path in sorted(root.rglob("*"), key=lambda path: str(path).lower()):
        below = path.relative_to(root)
        skip = any(fnmatchcase(part, name) for part in below.parts for name in ignored)
        if path.is_file() and not path.is_symlink() and not skip:
            is_executable = bool(path.stat().st_mode & 0o100)
            files.append(
                {"path": str(below), "executable": is_executable, "checksum": file_checksum(path)}
            )
    return files


def added_files(added: dict[str, str]) -> list[dict[str, Any]]:
    """Return files that are put into the context from elsewhere, as [{path, checksum}].

    AnsibleActionFail: one of them cannot be read.
    """
    try:
        return [
            {"path": path, "checksum": file_checksum(Path(source).expanduser())}
            for path, source in sorted(added.items())
        ]
    except OSError as error:
        raise AnsibleActionFail(
            f"{error.filename} cannot be read on the control machine ({error.strerror}). It was to "
            "become part of an image; correct its path."
        ) from error


def archived_ids(path: Path) -> set[str]:
    """Return the ids that an engine may give the one image of an archive of `docker save`.

    Engines name an image by the hash of its configuration, or by that of its manifest.
    ValueError: it is no such archive, with the reason.
    """
    try:
        with tarfile.open(path) as tar:
            images = json.load(tar.extractfile("manifest.json"))
            index = tar.extractfile("index.json") if "index.json" in tar.getnames() else None
            manifests = json.load(index)["manifests"] if index else []
    except (OSError, tarfile.TarError, KeyError, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error
    if len(images) != 1:
        raise ValueError(f"{path}: it holds {len(images)} images, not one")
    configuration = re.search(r"[0-9a-f]{64}", images[0]["Config"]).group()
    return {f"sha256:{configuration}", *(manifest["digest"] for manifest in manifests)}


def bundled(folder: str, name: str) -> dict[str, Any]:
    """Return an image's entry in a bundle, or nothing; AnsibleActionFail: it has no manifest."""
    if not folder:
        return {}
    manifest = Path(folder).expanduser() / "manifest.json"
    try:
        content = json.loads(manifest.read_text())
        images, files = content["images"], content["files"]
    except (OSError, ValueError, KeyError) as error:
        raise AnsibleActionFail(
            f"posestream_bundle: {manifest} cannot be read ({error}). "
            "Make the bundle with playbooks/bundle.yml."
        ) from error
    image = next((image for image in images if image["name"] == name), {})
    return image | files.get(image.get("file"), {})


def plain(name: str) -> str:
    """Return an image's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)


def registry_of(reference: str) -> str:
    """Return the registry's host in an image's name."""
    found = re.match(r"([^/]*[.:][^/]*|localhost)/", reference)
    return found[1] if found else "docker.io"


class Choice:
    """Where an image is taken from, and what that needs to have done.

    source: bundle, registry, archive or build.
    todo: nothing (""), pull, load, build, tag (an image of another name has the same content) or
    carry (from the host that builds it).
    """

    def __init__(self, image: dict[str, Any], here: dict[str, Any], pull_error: str) -> None:
        """Take container_image_wanted, and what container_image_engine found."""
        self.image, self.here, self.pull_error = image, here, pull_error
        self.there: dict[str, Any] = here["images"].get(image["name"]) or {}
        self.tried: list[str] = []
        self.archive = self.twin = self.todo = self.source = ""

    def take(self, source: str, todo: str) -> bool:
        """Settle on a source."""
        self.source, self.todo = source, todo
        return True

    def may_be(self, source: str) -> bool:
        """Say whether the image may come from there."""
        return self.image["source"] in ("auto", source)

    def find_twin(self, content: str) -> str:
        """Return the name of an image that has the content, or nothing."""
        for name in self.image["twins"]:
            image = self.here["images"].get(name)
            if image and image["content"] == content:
                self.twin = name
        return self.twin

    def from_bundle(self, entry: dict[str, Any]) -> bool:
        """Take the bundle's image, whatever else is described."""
        if not self.image["bundle"]:
            return False
        if not entry:
            raise AnsibleActionFail(
                f"The bundle {self.image['bundle']} has no {self.image['name']}. Make it anew with "
                "playbooks/bundle.yml and the inventory that this host is in."
            )
        self.archive = str(Path(self.image["bundle"]).expanduser() / entry["file"])
        if self.there.get("content") == entry["content"]:
            return self.take("bundle", "")
        return self.take("bundle", "tag" if self.find_twin(entry["content"]) else "load")

    def from_registry(self) -> bool:
        """Pull what the registry has; keep what was pulled before where the registry is away."""
        reference = self.image["reference"]
        if not reference or not self.may_be("registry"):
            return False
        # The engine leaves Docker Hub's own name out of an image's names.
        short = re.sub(r"^docker\.io/(library/)?", "", reference)
        names = self.there.get("names", [])
        answer = self.here["registry"] or {"status": 0, "digest": "", "message": ""}
        # 401 and 403: there is a registry, and it wants a login or does not say what it has.
        if answer["status"] in (200, 401, 403) and not self.pull_error:
            digest = answer["digest"]
            newest = digest and any(name.endswith(f"@{digest}") for name in names)
            return self.take("registry", "" if short in names and newest else "pull")
        why = self.pull_error or answer["message"] or "the registry did not answer before"
        self.tried.append(f"{reference}: {why}")
        return short in names and self.take("registry", "")

    def from_archive(self) -> bool:
        """Load the archive, where it holds another image than the one that is there."""
        self.archive = self.image["archive"]
        if not self.archive or not self.may_be("archive"):
            return False
        try:
            ids = archived_ids(Path(self.archive))
        except ValueError as error:
            self.tried.append(str(error))
            return False
        return self.take("archive", "" if self.there.get("id") in ids else "load")

    def from_own_build(self, content: str) -> bool:
        """Build the image here, where it was not made of this content."""
        if not content or not self.may_be("build"):
            return False
        # After the dot stands when it was built anew though nothing had changed.
        is_current = self.there.get("content", "").partition(".")[0] == content
        if self.image["rebuild"] or not (is_current or self.find_twin(content)):
            return self.take("build", "build")
        return self.take("build", "" if is_current else "tag")

    def from_build_host(self, content: str, is_due: bool, archive: str) -> bool:
        """Carry the image from the host that builds it, where this one has not the same."""
        if not content or not self.may_be("build"):
            return False
        self.archive = archive
        if not is_due and self.there.get("content") == content:
            return self.take("build", "")
        return self.take("build", "tag" if not is_due and self.find_twin(content) else "carry")


class ActionModule(ActionBase):
    """Return what the host has and what is to be done; change nothing."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Look.

        The task's arguments: `image` (container_image_wanted); `host`, which is to have it;
        `built`, this action's result for the build host, where that is another; `pull_error`, why
        pulling failed before; `silent`, "host registry" of those that did not answer before.
        """
        super().run(tmp, task_vars)
        image, host = self._task.args["image"], self._task.args["host"]
        silent = list(self._task.args.get("silent") or [])
        registry = f"{host} {registry_of(image['reference'])}"
        entry = bundled(image["bundle"], image["name"])
        may_ask = not entry and image["source"] in ("auto", "registry") and registry not in silent

        here = self.ask_engine(image, image["reference"] if may_ask else "", task_vars)
        if here.get("failed") or here.get("unreachable"):
            return here
        if here["error"] and not self._task.check_mode:
            raise AnsibleActionFail(
                f"The Docker engine of {host} does not answer on {SOCKET} ({here['error']}). "
                "Apply the role docker to it first."
            )
        if here["registry"] and here["registry"]["status"] not in (200, 401, 403, 404):
            silent.append(registry)

        choice = Choice(image, here, self._task.args.get("pull_error") or "")
        own = self.own_build(image, here)
        if not (
            choice.from_bundle(entry)
            or choice.from_registry()
            or choice.from_archive()
            or self.from_build(choice, own, host)
        ):
            raise AnsibleActionFail(
                f"{image['name']} is not to be had on {host} "
                f"(container_image_source: {image['source']}).\n"
                + ("\n".join(choice.tried) or NOTHING_TRIED)
            )
        if choice.source == "bundle" and choice.todo == "load":
            self.check(Path(choice.archive), entry["sha256"])
        return {
            "changed": False,
            "name": image["name"],
            "source": choice.source,
            "id": choice.there.get("id", ""),
            "bytes": choice.there.get("bytes", 0),
            "made_of": choice.there.get("content", ""),
            "todo": choice.todo,
            "twin": choice.twin,
            "archive": choice.archive,
            "archive_pattern": f"{plain(image['name'])}.*.tar.gz",
            "host": host,
            "play_host": (task_vars or {})["inventory_hostname"],
            "build_host": image["build_host"],
            "pull_error": choice.pull_error,
            "registry": here["registry"],
            "silent": silent,
            "certificates": sorted(here["certificates"]),
            "proxies": here["proxies"],
            "message": self.message(choice, host),
            **own,
        }

    def ask_engine(
        self, image: dict[str, Any], reference: str, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Run container_image_engine on the host."""
        return self._execute_module(
            module_name="container_image_engine",
            module_args={
                "socket": SOCKET,
                "label": LABEL,
                "images": [
                    name for name in (image["name"], image["base"], *image["twins"]) if name
                ],
                "reference": reference,
                "registry_timeout": image["registry_timeout"],
                "certificates": CERTIFICATES,
                "proxies": PROXIES,
            },
            task_vars=task_vars,
        )

    @staticmethod
    def own_build(image: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
        """Return what a build on this host would take.

        files: of the context; recipe: the same on every host; content: with what this host adds.
        """
        if image["debian"]:
            content = checksum(image["debian"])
            return {"files": [], "recipe": content, "content": content}
        if not image["context"]:
            return {"files": [], "recipe": "", "content": ""}
        files = context_files(Path(image["context"]), image["ignore"])
        dockerfile = image["dockerfile"]
        if dockerfile not in [file["path"] for file in files]:
            raise AnsibleActionFail(
                f"There is no {dockerfile} in {image['context']} on the control machine. "
                "Correct container_image_context or container_image_dockerfile."
            )
        recipe = [files, dockerfile, image["build_args"], image["base"]]
        # Without any, the recipe is the same as it was before there could be some.
        recipe += [added_files(image["added"])] if image["added"] else []
        base = here["images"].get(image["base"]) or {"id": ""}
        certificates = sorted(here["certificates"].values())
        content = checksum([*recipe, base["id"], certificates])
        return {"files": files, "recipe": checksum(recipe), "content": content}

    def from_build(self, choice: Choice, own: dict[str, Any], host: str) -> bool:
        """Build here or carry; with the build host away, what the cache has of the same recipe."""
        image, built = choice.image, self._task.args.get("built") or {}
        if host == image["build_host"] or not own["content"]:
            return choice.from_own_build(own["content"])
        cache = Path(image["cache"]).expanduser()
        start, end = f"{plain(image['name'])}.{own['recipe'][:12]}.", ".tar.gz"
        if built.get("unreachable"):
            archives = sorted(cache.glob(f"{start}*{end}"), key=lambda path: path.stat().st_mtime)
            if not archives:
                raise AnsibleActionFail(
                    f"{image['build_host']} builds {image['name']} for {host} and cannot be "
                    f"reached, and {cache} on the control machine has no archive of it. "
                    "Start it, or name another host in posestream_build_host."
                )
            content = archives[-1].name.removeprefix(start).removesuffix(end)
            return choice.from_build_host(content, False, str(archives[-1]))
        content = built["made_of"]
        is_due = built["todo"] != ""
        return choice.from_build_host(
            content or built["content"], is_due, str(cache / f"{start}{content}{end}")
        )

    @staticmethod
    def check(archive: Path, expected: str) -> None:
        """Compare a bundle's file with its checksum; AnsibleActionFail where they differ."""
        try:
            found = file_checksum(archive)
        except OSError as error:
            found = f"unknown ({error.strerror})"
        if found != expected:
            raise AnsibleActionFail(
                f"{archive} is not the file that the bundle's manifest.json describes: its SHA-256 "
                f"is {found} in place of {expected}. Copy the bundle again, or make it anew with "
                "playbooks/bundle.yml."
            )

    @staticmethod
    def message(choice: Choice, host: str) -> str:
        """Return a sentence without its verb, of what is taken from where."""
        image = choice.image
        made_of = image["context"] or f"the packages of Debian {(image['debian'] or [''])[0]}"
        elsewhere = "" if host == image["build_host"] else f" on {image['build_host']}"
        origin = {
            "bundle": f"loaded from the bundle {image['bundle']}",
            "registry": f"pulled from {image['reference']}",
            "archive": f"loaded from {image['archive']}",
            "build": f"built from {made_of}{elsewhere}",
        }[choice.source]
        tried = f" ({'; '.join(choice.tried)})" if choice.tried else ""
        return f"{origin}{tried}"
