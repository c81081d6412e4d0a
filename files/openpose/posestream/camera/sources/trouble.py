"""What a source's errors mean, and what to do about them; no message has a password in it."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

import av

from ...forms import is_address, is_device, redacted

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
PROBE_SECONDS = 3.0

# FFmpeg's answers, by what PyAV makes of them.
ANSWERS: tuple[tuple[type[Exception], str], ...] = (
    (
        av.HTTPUnauthorizedError,
        "wants a name and a password, and not those it was given (401): set CAMERA_USERNAME and "
        "CAMERA_PASSWORD",
    ),
    (av.HTTPForbiddenError, "does not let this user see it (403): give another CAMERA_USERNAME"),
    (av.HTTPNotFoundError, "is not there (404): look the path up in the camera's manual"),
    (av.HTTPClientError, "does not take the request: look the path up in the camera's manual"),
    (av.HTTPServerError, "fails by itself (5xx): look at the camera's own page"),
    (
        av.DecoderNotFoundError,
        "sends a codec that cannot be decoded: set the camera to H.264, H.265 or MJPEG",
    ),
    (
        av.InvalidDataError,
        "is not a stream of pictures: give the address of the camera's video, not of its page",
    ),
    (
        av.ProtocolNotFoundError,
        "leads to an address that is not taken: give that of an RTSP or HTTP stream",
    ),
)
FILES: tuple[tuple[type[Exception], str], ...] = (
    (av.InvalidDataError, "is no video that FFmpeg can play"),
)
# A device's answers, by errno.
DEVICES = {
    errno.ENOENT: "is not there: is the camera plugged in? `ls /dev/video*` shows what there is, "
    "and a container needs the device given to it",
    errno.EACCES: "may not be opened by this user: add it to the group video",
    errno.EPERM: "may not be opened here: a container needs the device given to it",
    errno.EBUSY: "is in use: another program, or another camera of the inventory, has it",
    errno.ENODEV: "is not a capture device, or has been unplugged: of a camera's several devices, "
    "`v4l2-ctl --list-devices` names the one that has the pictures first",
    errno.ENOTTY: "is not a capture device: `v4l2-ctl --list-devices` shows which are",
    errno.EINVAL: "has not what it is asked for: `v4l2-ctl --list-formats-ext` shows the sizes and "
    "formats for CAMERA_SIZE, CAMERA_FORMAT and CAMERA_FPS",
}
CONNECTIONS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "refuses the connection: is its service on, and the port right?"),
    (TimeoutError, "does not answer: is it on, and is there a way to it from here?"),
)


def explained(source: str, error: Exception, waited: float, limit: float) -> str:
    """Return a sentence about what is wrong with a source.

    Args:
        source: its address or path, which may have a password in it.
        error: what FFmpeg has said.
        waited: seconds until it has said so.
        limit: seconds after which it was interrupted, whatever it says then.
    """
    shown = redacted(source)
    text = getattr(error, "strerror", None) or str(error)
    if is_address(source):
        silent = waited >= limit or isinstance(error, (av.ExitError, TimeoutError))
        if silent:
            return f"{shown}: {_unreachable(source) or f'nothing came for {limit:g} s'}"
        for kind, meaning in ANSWERS:
            if isinstance(error, kind):
                return f"{shown} {meaning}"
        if why := _unreachable(source):
            return f"{shown}: {why}"
    elif is_device(source):
        number = getattr(error, "errno", None)
        if meaning := DEVICES.get(number):
            return f"{shown} {meaning}"
    else:
        for kind, meaning in FILES:
            if isinstance(error, kind):
                return f"{shown} {meaning}"
    return f"{shown}: {redacted(text)}"


def _unreachable(source: str) -> str:
    """Return why the host of an address cannot be reached; "" where it can."""
    parts = urlsplit(source)
    port = parts.port or PORTS[parts.scheme.lower()]
    try:
        socket.create_connection((parts.hostname, port), PROBE_SECONDS).close()
    except socket.gaierror:
        return f"nobody knows a host {parts.hostname}: correct the name, or give its IP address"
    except OSError as error:
        for kind, meaning in CONNECTIONS:
            if isinstance(error, kind):
                return f"{parts.hostname}:{port} {meaning}"
        return f"{parts.hostname}:{port} cannot be reached: {error.strerror}"
    return ""
