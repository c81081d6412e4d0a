"""What goes over the WebSocket `/live` between the viewer and its page.

From the page, text, JSON:

    {"watch": {"cameras": [NAME, …], "annotated": BOOL, "raw": BOOL, "keypoints": BOOL}}
        what is to be sent from now on, in place of what was before; null for cameras: all there
        are, new ones too. Nothing is sent before the first of these. After each of these, all that
        is watched is sent once anew.
    {"shown": NUMBER}
        message NUMBER, and all before it, are on the screen.

To the page, binary: one camera's view a message.

    4 bytes   length of the header, unsigned, big-endian
    header    JSON, UTF-8:
                number      which message of this connection it is; the page sends it back
                camera      the camera's name
                taken       capture time of the frame shown, seconds since the epoch; null: no frame
                age         seconds from then until this message was made; both ends of it are the
                            server's side, the browser's clock is not used
                people      how many people are on the frame; null: not known (yet)
                skeleton    the body model of keypoints: "BODY_25", "COCO", "MPI"; null: not known,
                            or nobody is there
                keypoints   OpenPose's JSON of the frame; null: not known (yet), or not watched
                matched     whether the raw picture is the one that the annotated one was made of,
                            or that the people are on
                annotated   bytes of the annotated JPEG below; 0: as before; null: none, not watched
                raw         bytes of the raw JPEG below; 0: as before; null: none, not watched
    annotated JPEG, then raw JPEG, without a gap

Where annotated pictures are watched the newest of them says which moment is shown; else, where
keypoints are, the newest of those whose raw picture is there; else the newest raw picture. When
results have stopped for `cameras.FROZEN_AFTER` seconds newer raw pictures come without any.

The server has at most one message more than cameras are watched on their way to a page, down to two
where they are shown late, and takes the newest view for the next one, the cameras in turn: a slow
browser or a slow line sees fewer pictures, not old ones.

To the page, text: the state of everything, once a second, as JSON; `/api/status` answers the same.

    broker      "reading"; "connecting", "away" (not to be reached), "stopped": the first of these
                that one of the readers is
    readers     by SINETStream service: {state: as above, detail: why}
    worker      {state, lag, skipped}
                state       "working"; "down": pictures come, and no results; "slow": results, too
                            few or too late; "idle": no pictures come
                lag         messages that the workers' group has yet to read, as the broker says;
                            null: not known
                skipped     of the frames that come, the share (0..1) that gets no result; null: no
                            results
    browsers    how many are connected
    cameras     a list, by name: {name, since, people, raw, annotated, keypoints, lag, delay,
                skipped}
                since       for how many seconds its pictures have been coming
                raw, annotated, keypoints
                            {fps, age: of the newest, seconds, silent: seconds since something
                            came}; null: nothing came
                lag         frames that are newer than the newest result; null: not known
                delay       seconds from the picture of the newest result to that result; null: not
                            known
                skipped     frames a second that were passed over; null: not known

A connection without a valid session or token is closed with code 4401 (`LOG_IN`), one browser too
many with 1013, nonsense with 1008.
"""

from __future__ import annotations

import json
import struct
from typing import Any

LOG_IN = 4401  # WebSocket close code, of those for private use (RFC 6455, 7.4.2)

_LENGTH = struct.Struct(">I")


def pack(
    header: dict[str, Any], annotated: bytes | None, raw: bytes | None, keypoints: bytes = b"null"
) -> bytes:
    """Make one message of `header`, JSON of the people and the two JPEGs (b"": as before)."""
    sizes = {
        "annotated": None if annotated is None else len(annotated),
        "raw": None if raw is None else len(raw),
    }
    # The people are JSON already, the same for all browsers.
    head = b'%s,"keypoints":%s}' % (json.dumps(header | sizes).encode()[:-1], keypoints)
    return b"".join((_LENGTH.pack(len(head)), head, annotated or b"", raw or b""))


def unpack(message: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Take a message apart into its header, the annotated JPEG and the raw one."""
    (length,) = _LENGTH.unpack_from(message)
    pictures = _LENGTH.size + length
    header = json.loads(message[_LENGTH.size : pictures])
    middle = pictures + (header["annotated"] or 0)
    return header, message[pictures:middle], message[middle : middle + (header["raw"] or 0)]
