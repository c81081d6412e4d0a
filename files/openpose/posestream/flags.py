"""The program's own settings: their names, what they may be, and their defaults.

Nothing of the image's packages is imported: the deployment checks by the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from . import forms
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
        forms.one_of("", "BODY_25", "COCO", "MPI", "MPI_4_layers"),
        "the body model; without it BODY_25, of openvino the free network with COCO's parts",
    )
    model_folder: str = _setting(
        "OPENPOSE_MODEL_FOLDER",
        "/srv/openpose/models",
        forms.folder,
        "where OpenPose's networks are (*.caffemodel)",
    )
    net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_NET_RESOLUTION",
        "-1x432",
        forms.net_resolution,
        "the network's input size in pixels; larger finds smaller people and takes longer",
    )
    scale_number: int = _setting(
        "OPENPOSE_SCALE_NUMBER",
        "1",
        forms.integer(1, 16),
        "scales of the picture that are averaged",
    )
    scale_gap: float = _setting(
        "OPENPOSE_SCALE_GAP", "0.25", forms.number(0, 1), "from one scale to the next smaller one"
    )
    face: bool = _setting("OPENPOSE_FACE", "false", forms.boolean, "find the points of faces, too")
    face_net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_FACE_NET_RESOLUTION",
        "368x368",
        forms.square,
        "the face network's input in pixels",
    )
    face_render_threshold: float = _setting(
        "OPENPOSE_FACE_RENDER_THRESHOLD",
        "0.4",
        forms.number(0, 1),
        "points of faces of less confidence are not drawn",
    )
    hand: bool = _setting("OPENPOSE_HAND", "false", forms.boolean, "find the points of hands, too")
    hand_net_resolution: tuple[int, int] = _setting(
        "OPENPOSE_HAND_NET_RESOLUTION",
        "368x368",
        forms.square,
        "the hand network's input in pixels",
    )
    hand_render_threshold: float = _setting(
        "OPENPOSE_HAND_RENDER_THRESHOLD",
        "0.2",
        forms.number(0, 1),
        "points of hands of less confidence are not drawn",
    )
    tracking: int = _setting(
        "OPENPOSE_TRACKING",
        "-1",
        forms.integer(-1, 1000),
        "follow one person; on so many frames between two detections only that; -1 for not at all",
    )
    number_people_max: int = _setting(
        "OPENPOSE_NUMBER_PEOPLE_MAX",
        "-1",
        forms.integer(-1, 1000),
        "keep only so many people, those of the best scores; -1 for all",
    )
    maximize_positives: bool = _setting(
        "OPENPOSE_MAXIMIZE_POSITIVES",
        "false",
        forms.boolean,
        "take lower thresholds: more people, and more of them that are none",
    )
    render_threshold: float = _setting(
        "OPENPOSE_RENDER_THRESHOLD",
        "0.05",
        forms.number(0, 1),
        "parts of less confidence are not drawn",
    )
    alpha_pose: float = _setting(
        "OPENPOSE_ALPHA_POSE", "0.6", forms.number(0, 1), "how opaque the skeletons are drawn"
    )


@dataclass(frozen=True)
class Worker:
    """The worker's settings."""

    engine: str = _setting(
        "WORKER_ENGINE", "openvino", forms.one_of(*ENGINES), "what turns pixels into people"
    )
    rules: str = _setting(
        "WORKER_RULES",
        "gpu",
        forms.one_of("gpu", "processor"),
        "which of OpenPose's codes is followed where that for GPUs and that for processors differ",
    )
    precision: str = _setting(
        "WORKER_PRECISION",
        "half",
        forms.one_of("half", "single"),
        "the floating point in which a GPU computes the networks; single is slower",
    )
    track_people: bool = _setting(
        "WORKER_TRACK_PEOPLE",
        "false",
        forms.boolean,
        "give each person a number that stays while a camera sees them",
    )
    color_by_person: bool = _setting(
        "WORKER_COLOR_BY_PERSON",
        "false",
        forms.boolean,
        "draw each person in a colour of their own, by that number",
    )
    jpeg_quality: int = _setting(
        "WORKER_JPEG_QUALITY", "85", forms.integer(1, 100), "JPEG quality of the results"
    )
    max_pixels: int = _setting(
        "WORKER_MAX_PIXELS",
        "50000000",
        forms.integer(1, 250_000_000),  # the image bounds OpenCV to the same
        "pictures of more pixels are skipped, undecoded",
    )
    metrics_port: int = _setting(
        "WORKER_METRICS_PORT", "9095", forms.port, "where the worker says how it fares"
    )
    max_age: float = _setting(
        "WORKER_MAX_AGE",
        "0",
        forms.number(0),
        "older frames are skipped (seconds); 0 to process all",
    )
    policy: str = _setting(
        "WORKER_POLICY",
        "every",
        forms.one_of("every", "latest"),
        "every: nothing is skipped, however late; latest: the newest frame of each camera in turn",
    )
    decimation: int = _setting(
        "WORKER_DECIMATION",
        "1",
        forms.integer(1, 1_000_000),
        "only frames whose offset is a multiple of this; 1 for all",
    )
    seek: str = _setting(
        "WORKER_SEEK",
        "",
        forms.one_of("", "beginning", "end"),
        "where each start begins to read, whatever has been committed",
    )
    name: str = _setting(
        "WORKER_NAME",
        "",
        forms.instance,
        "its name in the consumer group (group.instance.id), another one for each worker and the "
        "same after a restart; without it the container's host name",
    )
    frame_seconds: float = _setting(
        "WORKER_FRAME_SECONDS",
        "20",
        forms.number(1, 3600),
        "a frame that takes a decoder or the engine longer ends the worker, twice at the most",
    )
    max_memory: int = _setting(
        "WORKER_MAX_MEMORY",
        "536870912",
        forms.integer(1_000_000, 2**40),
        "bytes that the pictures in work take up together; a larger one is in work alone",
    )


@dataclass(frozen=True)
class Camera:
    """The camera's settings."""

    name: str = _setting(
        "CAMERA_NAME", "camera", forms.name, "the camera's name, the key of its frames"
    )
    source: str = _setting(
        "CAMERA_SOURCE",
        "/usr/share/posestream/video/vtest.avi",
        forms.source,
        "where its pictures come from: /dev/video0, picamera, rtsp://…, http://…, a video that is "
        "played over and over, or a folder of pictures",
    )
    fps: float = _setting(
        "CAMERA_FPS",
        "0",
        forms.number(0, 1000),
        "frames per second at the most; 0 for all there are",
    )
    size: tuple[int, int] | None = _setting(
        "CAMERA_SIZE", "", forms.size, "WIDTHxHEIGHT of the frames; without it as they come"
    )
    jpeg_quality: int = _setting(
        "CAMERA_JPEG_QUALITY",
        "85",
        forms.integer(1, 100),
        "JPEG quality of the frames; what comes as JPEG and is not changed stays as it came",
    )
    rotation: int = _setting(
        "CAMERA_ROTATION",
        "0",
        lambda text: int(forms.one_of("0", "90", "180", "270")(text)),
        "degrees by which the pictures are turned clockwise",
    )
    mirror: str = _setting(
        "CAMERA_MIRROR",
        "",
        forms.one_of("", "horizontal", "vertical"),
        "horizontal: left and right change places; vertical: top and bottom",
    )
    buffer_seconds: float = _setting(
        "CAMERA_BUFFER_SECONDS",
        "0",
        forms.number(0, 3600),
        "frames of so long an absence of the broker are sent when it is back; 0 for none",
    )
    buffer_bytes: int = _setting(
        "CAMERA_BUFFER_BYTES",
        "67108864",
        forms.integer(1_000_000, 2**34),
        "memory that those frames take up at the most",
    )
    still_seconds: float = _setting(
        "CAMERA_STILL_SECONDS",
        "10",
        forms.number(0, 86400),
        "a live source whose picture stays the same for so long is opened anew; 0 for never",
    )
    format: str = _setting(
        "CAMERA_FORMAT",
        "",
        forms.v4l2_format,
        "what a V4L2 device is asked for: mjpeg, yuyv, h264; without it mjpeg where it has that",
    )
    rtsp_transport: str = _setting(
        "CAMERA_RTSP_TRANSPORT",
        "tcp",
        forms.one_of("tcp", "udp"),
        "how RTSP's pictures travel; over udp some may be lost",
    )
    metrics_address: str = _setting(
        "CAMERA_METRICS_ADDRESS",
        "0.0.0.0",
        forms.ip_address,
        "the address of its own at which the camera says how it fares",
    )
    username: str = _setting("CAMERA_USERNAME", "", str, "the name that the source asks for")
    password: str = _setting(
        "CAMERA_PASSWORD", "", str, "its password, which no log line says", secret=True
    )
    metrics_port: int = _setting(
        "CAMERA_METRICS_PORT", "9195", forms.port, "where the camera says how it fares"
    )


@dataclass(frozen=True)
class Viewer:
    """The viewer's settings."""

    port: int = _setting("VIEWER_PORT", "8080", forms.port, "where the viewer serves its page")
    metrics_port: int = _setting(
        "VIEWER_METRICS_PORT", "9295", forms.port, "where the viewer says how it fares"
    )
    password: str = _setting(
        "VIEWER_PASSWORD",
        "",
        forms.secret(8),
        "what a browser has to know; without it none is asked",
        secret=True,
    )
    password_file: str = _setting(
        "VIEWER_PASSWORD_FILE", "", forms.file, "the file that has it, in place of VIEWER_PASSWORD"
    )
    token: str = _setting(
        "VIEWER_TOKEN",
        "",
        forms.secret(20),
        "what a program sends as Authorization: Bearer TOKEN",
        secret=True,
    )
    token_file: str = _setting(
        "VIEWER_TOKEN_FILE", "", forms.file, "the file that has it, in place of VIEWER_TOKEN"
    )
    tls_certificate: str = _setting(
        "VIEWER_TLS_CERTIFICATE", "", forms.file, "the certificate (PEM) that makes the page https"
    )
    tls_key: str = _setting("VIEWER_TLS_KEY", "", forms.file, "its private key (PEM)")
    hosts: tuple[str, ...] = _setting(
        "VIEWER_HOSTS",
        "",
        forms.hosts,
        "by which names and addresses the page is asked for, with commas; localhost always is",
    )
    prometheus_url: str = _setting(
        "VIEWER_PROMETHEUS_URL",
        "",
        forms.address,
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
            shown = "what is there" if about["secret"] else repr(forms.redacted(text))
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
