"""The sockets of listeners: a Unix socket for operators, and TCP for a verb beside the daemon."""

from __future__ import annotations

import errno
import socket
import stat
from pathlib import Path

from resolverd.admin.socket_paths import make_directory
from resolverd.config.types import Listener
from resolverd.errors import EngineError

SOCKET_MODE = 0o660


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


def bound_path(path: Path) -> socket.socket:
    """A Unix socket at `path`, mode 0660, not listening yet. Raises OSError."""
    make_directory(path)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(SOCKET_MODE)  # nobody can connect before listen()
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the socket of a daemon that is gone. Raises OSError when it is not that."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise FileExistsError(errno.EEXIST, "a file that is no socket is there", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as tried:
        tried.settimeout(1.0)
        try:
            tried.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another daemon has it", str(path))
