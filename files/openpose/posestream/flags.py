"""The program's own settings: their names, what they may be, and their defaults.

Nothing of the image's packages is imported: the deployment checks by the same table.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from .services import nearest

# As in `engines`, which is imported by the worker alone.
ENGINES = ("openvino", "onnx", "pyopenpose")
# What each engine has of what not every engine has, by the variable that asks for it. All other
# variables every engine has; those of a part, as OPENPOSE_FACE_NET_RESOLUTION, go with the part.
# Openvino has more with a network of OpenPose's (OPENPOSE_MODEL_POSE) than with its image's own.
FREE = "openvino, free network"
_NETWORKS = frozenset({"OPENPOSE_SCALE_NUMBER", "OPENPOSE_FACE", "OPENPOSE_HAND"})
ABLE: dict[str, frozenset[str]] = {
    FREE: frozenset({"WORKER_RULES"}),
    "openvino": _NETWORKS | {"WORKER_RULES"},
    "onnx": _NETWORKS | {"WORKER_RULES", "WORKER_PRECISION"},
    "pyopenpose": _NETWORKS | {"OPENPOSE_TRACKING"},
}


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[+-]?\d+", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"a whole number from {low} to {high}")

    return parse


def _number(low: float, high: float = math.inf) -> Callable[[str], float]:
    span = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if low <= number <= high and math.isfinite(number):
            return number
        raise ValueError(f"a number {span}")

    return parse


def _net_resolution(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(-1|\d+)x(-1|\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if size != (-1, -1) and all(side == -1 or (side > 0 and side % 16 == 0) for side in size):
        return size
    raise ValueError("WIDTHxHEIGHT, each a multiple of 16, one of them -1 to follow the picture's")


def _square(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x\1", text)
    if match and int(match[1]) > 0 and int(match[1]) % 16 == 0:
        return int(match[1]), int(match[1])
    raise ValueError("WIDTHxHEIGHT, both the same multiple of 16")


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() in words:
        return words[text.lower()]
    raise ValueError("true or false")


def _folder(text: str) -> str:
    if text.startswith("/"):
        return text
    raise ValueError("the absolute path of a folder")


def _name(text: str) -> str:
    if text.isprintable() and len(text.encode()) <= 200:
        return text
    raise ValueError("a name of at most 200 bytes")


def _instance(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9._-]{0,249}", text):
        return text
    raise ValueError(
        "made of at most 249 letters, digits, dots, underscores and hyphens, as gpu01-openpose"
    )


def _ip_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("an IP address of this machine's") from None


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in choices:
            return text
        raise ValueError("one of " + ", ".join(filter(None, choices)))

    return parse


_port = _integer(1, 65535)

_ADDRESS = re.compile(r"(rtsps?|https?)://", re.IGNORECASE)
# Up to the host, what may be a name and a password; behind the path, what may be one, too.
_SECRETS = re.compile(r"(\w+://)(?:[^\s'\"]*@)?([^\s?'\"]*)(\?[^\s'\"]*)?")


def redacted(text: str) -> str:
    """Return a text without what may be secret in the addresses in it."""
    return _SECRETS.sub(lambda found: found[1] + found[2] + ("?…" if found[3] else ""), text)


def is_address(source: str) -> bool:
    """Say whether a camera's source is a network's: rtsp://…, rtsps://…, http://…, https://…."""
    return _ADDRESS.match(source) is not None


def is_device(source: str) -> bool:
    """Say whether a camera's source is a V4L2 device: /dev/video0."""
    return source.startswith("/dev/")


def is_picamera(source: str) -> bool:
    """Say whether a camera's source is a Raspberry Pi's own: picamera, picamera:1."""
    return re.fullmatch(r"picamera(:\d+)?", source) is not None


def _source(text: str) -> str:
    if is_picamera(text) or text.startswith("/"):
        return text
    if is_address(text):
        # Throws on a port that is none, on brackets that do not close.
        try:
            parts = urlsplit(text)
            if parts.hostname and parts.port != 0:
                return text
        except ValueError:
            pass
    raise ValueError(
        "a device as /dev/video0, picamera or picamera:1, an address as rtsp://camera.example/live "
        "or http://camera.example/video.mjpg, or the absolute path of a video or of a folder of "
        "pictures"
    )


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match and all(16 <= int(side) <= 16384 for side in match.groups()):
        return int(match[1]), int(match[2])
    raise ValueError("WIDTHxHEIGHT in pixels, as 1280x720, each from 16 to 16384")


def _format(text: str) -> str:
    if re.fullmatch(r"[a-z0-9_]*", text.lower()):
        return text.lower()
    raise ValueError("a format of the device's, as mjpeg, yuyv or h264")


def _secret(least: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text or (least <= len(text) <= 1000 and text.isprintable() and text == text.strip()):
            return text
        raise ValueError(f"of at least {least} characters, on one line and without spaces around")

    return parse


def _file(text: str) -> str:
    if not text or text.startswith("/"):
        return text
    raise ValueError("the absolute path of a file")


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    if all(
        re.fullmatch(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*)|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?", host)
        for host in hosts
    ):
        return hosts
    raise ValueError("names and addresses with commas, as viewer.example.org,192.0.2.10")


def _address(text: str) -> str:
    if not text or re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        return text
    raise ValueError("an address, as http://192.0.2.10:9090")


def _setting(
    variable: str,
    default: str,
    parse: Callable[[str], Any],
    meaning: str,
    *,
    secret: bool = False,
) -> Any:
    """Return a field read from `variable`; `default` is what a person would write there.

    What is `secret`, a password or an address that may hold one, no message repeats.
    """
    about = {
        "variable": variable,
        "default": default,
        "parse": parse,
        "meaning": meaning,
        "secret": secret,
    }
    return field(default_factory=lambda: parse(default), metadata=about, repr=not secret)


@dataclass(frozen=True)
class OpenPose:
    """OpenPose's own flags, under their own names."""

    model_pose: str = _setting(
        "OPENPOSE_MODEL_POSE",
        "",
        _one_of("", "BODY_25", "COCO", "MPI", "MPI_4_layers"),
        "the body model; without it BODY_25, of openvino the free network with COCO's parts",
    )
    model_folder: str = _setting(
        "OPENPOSE_MODEL_FOLDER",
        "/srv/openpose/models",
        _folder,
        "where OpenPose's networks are (*.caffemodel)",
    )
    net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_NET_RESOLUTION",
        "-1x432",
        _net_resolution,
        "the network's input size in pixels; larger finds smaller people and takes longer",
    )
    scale_number: int = _setting(
        "OPENPOSE_SCALE_NUMBER", "1", _integer(1, 16), "scales of the picture that are averaged"
    )
    scale_gap: float = _setting(
        "OPENPOSE_SCALE_GAP", "0.25", _number(0, 1), "from one scale to the next smaller one"
    )
    face: bool = _setting("OPENPOSE_FACE", "false", _boolean, "find the points of faces, too")
    face_net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_FACE_NET_RESOLUTION", "368x368", _square, "the face network's input in pixels"
    )
    face_render_threshold: float = _setting(
        "OPENPOSE_FACE_RENDER_THRESHOLD",
        "0.4",
        _number(0, 1),
        "points of faces of less confidence are not drawn",
    )
    hand: bool = _setting("OPENPOSE_HAND", "false", _boolean, "find the points of hands, too")
    hand_net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_HAND_NET_RESOLUTION", "368x368", _square, "the hand network's input in pixels"
    )
    hand_render_threshold: float = _setting(
        "OPENPOSE_HAND_RENDER_THRESHOLD",
        "0.2",
        _number(0, 1),
        "points of hands of less confidence are not drawn",
    )
    tracking: int = _setting(
        "OPENPOSE_TRACKING",
        "-1",
        _integer(-1, 1000),
        "follow one person; on so many frames between two detections only that; -1 for not at all",
    )
    number_people_max: int = _setting(
        "OPENPOSE_NUMBER_PEOPLE_MAX",
        "-1",
        _integer(-1, 1000),
        "keep only so many people, those of the best scores; -1 for all",
    )
    maximize_positives: bool = _setting(
        "OPENPOSE_MAXIMIZE_POSITIVES",
        "false",
        _boolean,
        "take lower thresholds: more people, and more of them that are none",
    )
    render_threshold: float = _setting(
        "OPENPOSE_RENDER_THRESHOLD", "0.05", _number(0, 1), "parts of less confidence are not drawn"
    )
    alpha_pose: float = _setting(
        "OPENPOSE_ALPHA_POSE", "0.6", _number(0, 1), "how opaque the skeletons are drawn"
    )


@dataclass(frozen=True)
class Worker:
    """The worker's settings."""

    engine: str = _setting(
        "WORKER_ENGINE", "openvino", _one_of(*ENGINES), "what turns pixels into people"
    )
    rules: str = _setting(
        "WORKER_RULES",
        "gpu",
        _one_of("gpu", "processor"),
        "which of OpenPose's codes is followed where that for GPUs and that for processors differ",
    )
    precision: str = _setting(
        "WORKER_PRECISION",
        "half",
        _one_of("half", "single"),
        "the floating point in which a GPU computes the networks; single is slower",
    )
    track_people: bool = _setting(
        "WORKER_TRACK_PEOPLE",
        "false",
        _boolean,
        "give each person a number that stays while a camera sees them",
    )
    color_by_person: bool = _setting(
        "WORKER_COLOR_BY_PERSON",
        "false",
        _boolean,
        "draw each person in a colour of their own, by that number",
    )
    jpeg_quality: int = _setting(
        "WORKER_JPEG_QUALITY", "85", _integer(1, 100), "JPEG quality of the results"
    )
    max_pixels: int = _setting(
        "WORKER_MAX_PIXELS",
        "50000000",
        _integer(1, 250_000_000),  # the image bounds OpenCV to the same
        "pictures of more pixels are skipped, undecoded",
    )
    metrics_port: int = _setting(
        "WORKER_METRICS_PORT", "9095", _port, "where the worker says how it fares"
    )
    max_age: float = _setting(
        "WORKER_MAX_AGE", "0", _number(0), "older frames are skipped (seconds); 0 to process all"
    )
    policy: str = _setting(
        "WORKER_POLICY",
        "every",
        _one_of("every", "latest"),
        "every: nothing is skipped, however late; latest: the newest frame of each camera in turn",
    )
    decimation: int = _setting(
        "WORKER_DECIMATION",
        "1",
        _integer(1, 1_000_000),
        "only frames whose offset is a multiple of this; 1 for all",
    )
    seek: str = _setting(
        "WORKER_SEEK",
        "",
        _one_of("", "beginning", "end"),
        "where each start begins to read, whatever has been committed",
    )
    name: str = _setting(
        "WORKER_NAME",
        "",
        _instance,
        "its name in the consumer group (group.instance.id), another one for each worker and the "
        "same after a restart; without it the container's host name",
    )
    frame_seconds: float = _setting(
        "WORKER_FRAME_SECONDS",
        "20",
        _number(1, 3600),
        "a frame that takes a decoder or the engine longer ends the worker, twice at the most",
    )
    max_memory: int = _setting(
        "WORKER_MAX_MEMORY",
        "536870912",
        _integer(1_000_000, 2**40),
        "bytes that the pictures in work take up together; a larger one is in work alone",
    )


@dataclass(frozen=True)
class Camera:
    """The camera's settings."""

    name: str = _setting("CAMERA_NAME", "camera", _name, "the camera's name, the key of its frames")
    source: str = _setting(
        "CAMERA_SOURCE",
        "/usr/share/posestream/video/vtest.avi",
        _source,
        "where its pictures come from: /dev/video0, picamera, rtsp://…, http://…, a video that is "
        "played over and over, or a folder of pictures",
    )
    fps: float = _setting(
        "CAMERA_FPS", "0", _number(0, 1000), "frames per second at the most; 0 for all there are"
    )
    size: tuple[int, int] | None = _setting(
        "CAMERA_SIZE", "", _size, "WIDTHxHEIGHT of the frames; without it as they come"
    )
    jpeg_quality: int = _setting(
        "CAMERA_JPEG_QUALITY",
        "85",
        _integer(1, 100),
        "JPEG quality of the frames; what comes as JPEG and is not changed stays as it came",
    )
    rotation: int = _setting(
        "CAMERA_ROTATION",
        "0",
        lambda text: int(_one_of("0", "90", "180", "270")(text)),
        "degrees by which the pictures are turned clockwise",
    )
    mirror: str = _setting(
        "CAMERA_MIRROR",
        "",
        _one_of("", "horizontal", "vertical"),
        "horizontal: left and right change places; vertical: top and bottom",
    )
    buffer_seconds: float = _setting(
        "CAMERA_BUFFER_SECONDS",
        "0",
        _number(0, 3600),
        "frames of so long an absence of the broker are sent when it is back; 0 for none",
    )
    buffer_bytes: int = _setting(
        "CAMERA_BUFFER_BYTES",
        "67108864",
        _integer(1_000_000, 2**34),
        "memory that those frames take up at the most",
    )
    still_seconds: float = _setting(
        "CAMERA_STILL_SECONDS",
        "10",
        _number(0, 86400),
        "a live source whose picture stays the same for so long is opened anew; 0 for never",
    )
    format: str = _setting(
        "CAMERA_FORMAT",
        "",
        _format,
        "what a V4L2 device is asked for: mjpeg, yuyv, h264; without it mjpeg where it has that",
    )
    rtsp_transport: str = _setting(
        "CAMERA_RTSP_TRANSPORT",
        "tcp",
        _one_of("tcp", "udp"),
        "how RTSP's pictures travel; over udp some may be lost",
    )
    metrics_address: str = _setting(
        "CAMERA_METRICS_ADDRESS",
        "0.0.0.0",
        _ip_address,
        "the address of its own at which the camera says how it fares",
    )
    username: str = _setting("CAMERA_USERNAME", "", str, "the name that the source asks for")
    password: str = _setting(
        "CAMERA_PASSWORD", "", str, "its password, which no log line says", secret=True
    )
    metrics_port: int = _setting(
        "CAMERA_METRICS_PORT", "9195", _port, "where the camera says how it fares"
    )


@dataclass(frozen=True)
class Viewer:
    """The viewer's settings."""

    port: int = _setting("VIEWER_PORT", "8080", _port, "where the viewer serves its page")
    metrics_port: int = _setting(
        "VIEWER_METRICS_PORT", "9295", _port, "where the viewer says how it fares"
    )
    password: str = _setting(
        "VIEWER_PASSWORD",
        "",
        _secret(8),
        "what a browser has to know; without it none is asked",
        secret=True,
    )
    password_file: str = _setting(
        "VIEWER_PASSWORD_FILE", "", _file, "the file that has it, in place of VIEWER_PASSWORD"
    )
    token: str = _setting(
        "VIEWER_TOKEN",
        "",
        _secret(20),
        "what a program sends as Authorization: Bearer TOKEN",
        secret=True,
    )
    token_file: str = _setting(
        "VIEWER_TOKEN_FILE", "", _file, "the file that has it, in place of VIEWER_TOKEN"
    )
    tls_certificate: str = _setting(
        "VIEWER_TLS_CERTIFICATE", "", _file, "the certificate (PEM) that makes the page https"
    )
    tls_key: str = _setting("VIEWER_TLS_KEY", "", _file, "its private key (PEM)")
    hosts: tuple[str, ...] = _setting(
        "VIEWER_HOSTS",
        "",
        _hosts,
        "by which names and addresses the page is asked for, with commas; localhost always is",
    )
    prometheus_url: str = _setting(
        "VIEWER_PROMETHEUS_URL",
        "",
        _address,
        "where Prometheus is, whose figures the page shows",
        secret=True,
    )


GROUPS = {"openpose": OpenPose, "worker": Worker, "camera": Camera, "viewer": Viewer}
RENAMED = {"CAMERA_VIDEO": "CAMERA_SOURCE"}
TABLE = {entry.metadata["variable"]: entry for group in GROUPS.values() for entry in fields(group)}


def read(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Return the settings by their groups, of the defaults where `problems` gets what is wrong."""
    groups = {name: _group(kind, environ, problems) for name, kind in GROUPS.items()}
    prefixes = tuple(f"{name.upper()}_" for name in GROUPS)
    problems += [
        f"{name}: its name is {RENAMED[name]} now: write that in its place"
        if name in RENAMED
        else f"{name}: there is no such setting{nearest(name, TABLE)}"
        for name in environ
        if name.startswith(prefixes) and name not in TABLE
    ]
    return groups


def _group(kind: type, environ: Mapping[str, str], problems: list[str]) -> Any:
    values = {}
    for entry in fields(kind):
        about = entry.metadata
        text = environ.get(about["variable"], "").strip()
        try:
            values[entry.name] = about["parse"](text or about["default"])
        except ValueError as error:
            example = f", for example {about['default']}" if about["default"] else ""
            shown = "what is there" if about["secret"] else repr(redacted(text))
            problems.append(f"{about['variable']}: {shown} should be {error}{example}")
    return kind(**values)


def contradictions(worker: Worker, flags: OpenPose) -> list[str]:
    """Return what goes together neither with the engine nor with OpenPose's own checks.

    Of openvino, COCO counts as a network of OpenPose's: whether its file is there the engine sees.
    """
    free = worker.engine == "openvino" and not flags.model_pose
    able = ABLE[FREE if free else worker.engine]
    problems = [
        f"{variable}: {text} {_needs(variable, free)}"
        for variable, text in _said(worker, flags).items()
        if variable not in able and any(variable in others for others in ABLE.values())
    ]
    tracks = flags.tracking >= 0 and "OPENPOSE_TRACKING" in able
    if tracks and flags.number_people_max != 1:
        problems.append(
            f"OPENPOSE_TRACKING: {flags.tracking}, but OPENPOSE_NUMBER_PEOPLE_MAX is "
            f"{flags.number_people_max}: OpenPose follows one person only, so set "
            "OPENPOSE_NUMBER_PEOPLE_MAX=1, or OPENPOSE_TRACKING=-1"
        )
    if tracks and worker.track_people:
        problems.append(
            "WORKER_TRACK_PEOPLE: true, but OPENPOSE_TRACKING is "
            f"{flags.tracking}: people get their numbers from one of the two, so set "
            "WORKER_TRACK_PEOPLE=false, or OPENPOSE_TRACKING=-1"
        )
    if worker.color_by_person and not worker.track_people:
        problems.append(
            "WORKER_COLOR_BY_PERSON: true, but nobody has a number to be coloured by: set "
            "WORKER_TRACK_PEOPLE=true, or WORKER_COLOR_BY_PERSON=false"
        )
    # The first scale is 1, each further one smaller by the gap.
    if flags.scale_number > 1 and not 0 < (flags.scale_number - 1) * flags.scale_gap < 1:
        problems.append(
            f"OPENPOSE_SCALE_GAP: {flags.scale_gap:g} with OPENPOSE_SCALE_NUMBER="
            f"{flags.scale_number} should give scales above 0 and below 1, for example "
            f"{0.75 / (flags.scale_number - 1):.2g}"
        )
    return problems


def _said(*groups: Worker | OpenPose) -> dict[str, str]:
    """Return what is not as by default: variable → value, as it is written."""
    return {
        entry.metadata["variable"]: str(value).lower() if isinstance(value, bool) else str(value)
        for group in groups
        for entry in fields(group)
        if (value := getattr(group, entry.name))
        != entry.metadata["parse"](entry.metadata["default"])
    }


def _needs(variable: str, free: bool) -> str:
    """Return the end of a message: what has the thing that a variable asks for."""
    if free and variable in ABLE["openvino"]:
        need = "needs a network of OpenPose's: set OPENPOSE_MODEL_POSE, for example to BODY_25"
    else:
        need = "needs " + " or ".join(
            f"WORKER_ENGINE={engine}" for engine in ENGINES if variable in ABLE[engine]
        )
    return f"{need}, or leave {variable} out"
