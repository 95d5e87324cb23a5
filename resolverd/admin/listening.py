"""The socket of an HTTP listener that a verb has beside the daemon."""

from __future__ import annotations

import socket

from resolverd.config.types import Listener
from resolverd.errors import EngineError


def bound(listener: Listener) -> socket.socket:
    """A TCP socket at that address and port. Raises EngineError where it cannot be had."""
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((listener.address, listener.port))
    except OSError as error:
        sock.close()
        raise EngineError(f"{listener} cannot be had: {error.strerror}") from error
    return sock
