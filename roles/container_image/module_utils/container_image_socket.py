"""The Docker engine's HTTP interface on its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        """Name the socket and the longest wait for a part of an answer, in seconds."""
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path: str, url: str, method: str = "GET", timeout: float = 30) -> tuple[int, Any]:
    """Return the engine's status and answer; OSError where it does not answer in time."""
    connection = UnixConnection(path, timeout)
    try:
        connection.request(method, url)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "{}")
    finally:
        connection.close()
