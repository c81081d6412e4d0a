"""What goes over the WebSocket between the viewer and its page.

To the page, binary: pictures. One message:

    4 bytes   length of the header, unsigned, big-endian
    header    JSON, UTF-8:
                number      which message of this connection it is; the page sends it back
                camera      the camera's name
                age         seconds from the capture of the frame shown until this message was made;
                            both ends of it are the server's side, the browser's clock is not used
                people      how many people are in the annotated picture; null: not known (yet)
                matched     whether the raw picture is the one that the annotated one was made of
                annotated   bytes of the annotated JPEG below; 0: as before; null: there is none
                raw         bytes of the raw JPEG below; 0: as before; null: there is none
    annotated JPEG, then raw JPEG, without a gap

To the page, text: the state of everything, once a second, as JSON: the answer of `/api/status` and
`camera`, the name of the camera shown (null: there is none).

From the page, text, JSON: `{"camera": NAME}` chooses a camera (null: any), `{"shown": NUMBER}` says
that the pictures of message NUMBER are on the screen. The server has at most `session.UNDER_WAY`
messages of pictures on their way to a page, and takes the newest view for the next one, so a slow
browser or a slow line sees fewer pictures, not old ones.
"""

from __future__ import annotations

import json
import struct
from typing import Any

_LENGTH = struct.Struct(">I")


def pack(header: dict[str, Any], annotated: bytes | None, raw: bytes | None) -> bytes:
    """Make one message of `header` and the two JPEGs (b"": as before; None: there is none)."""
    sizes = {
        "annotated": None if annotated is None else len(annotated),
        "raw": None if raw is None else len(raw),
    }
    head = json.dumps(header | sizes).encode()
    return b"".join((_LENGTH.pack(len(head)), head, annotated or b"", raw or b""))


def unpack(message: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Take a message apart into its header, the annotated JPEG and the raw one."""
    (length,) = _LENGTH.unpack_from(message)
    pictures = _LENGTH.size + length
    header = json.loads(message[_LENGTH.size : pictures])
    middle = pictures + (header["annotated"] or 0)
    return header, message[pictures:middle], message[middle : middle + (header["raw"] or 0)]
