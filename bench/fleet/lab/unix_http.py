"""HTTP over a Unix socket: how daemons of an edge are asked, whatever namespace they are in."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

_TIMEOUT = 30.0


def asked(path: Path, method: str, target: str, body: Any = None) -> tuple[int, str]:
    """Status and text of an answer. Raises OSError while nobody listens."""
    connection = _Unix(path)
    try:
        connection.request(method, target, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, response.read().decode()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


class _Unix(http.client.HTTPConnection):
    """A connection to the socket at `path`, which may have 107 octets."""

    def __init__(self, path: Path) -> None:
        super().__init__("unix", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(str(self._path))
