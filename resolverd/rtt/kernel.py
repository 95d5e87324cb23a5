"""Dumps of the TCP connections to some local ports, read from the kernel; any user may."""

from __future__ import annotations

import errno
import itertools
import socket
from collections.abc import Iterator, Sequence

from resolverd.rtt.inet_diag import Connection, DiagError, dump_request, parse_dump

# linux/netlink.h; Python has no name for it.
_NETLINK_SOCK_DIAG = 4
# The kernel fills up to 32 KiB of what is offered.
_BUFFER = 64 * 1024
# A dump that has not gone on for so many seconds is given up.
_TIMEOUT = 5.0


class TcpStatistics:
    """The statistics of connections to `ports`; close it when done."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._sequence = itertools.count(1)
        self._sock: socket.socket | None = None

    def connections(self) -> Iterator[Connection]:
        """Each connection to one of the ports that is open now. Raises DiagError; blocks."""
        for port in self._ports:
            for family in (socket.AF_INET, socket.AF_INET6):
                yield from self._dump(family, port)

    def close(self) -> None:
        """Close the socket; it is opened again when it is needed."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _dump(self, family: int, port: int) -> Iterator[Connection]:
        sequence, done = next(self._sequence) & 0xFFFFFFFF, False
        try:
            self._sock = sock = self._sock or _open()
            sock.send(dump_request(family, port, sequence))
            while not done:
                connections, done = parse_dump(sock.recv(_BUFFER), sequence)
                yield from connections
        except OSError as error:
            raise DiagError(_reason(error)) from error
        finally:
            if not done:  # the kernel begins no other dump on it before this one's end
                self.close()


def _open() -> socket.socket:
    try:
        sock = socket.socket(
            socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        )
    except (AttributeError, OSError) as error:
        raise DiagError(_reason(error)) from error
    sock.settimeout(_TIMEOUT)
    return sock


def _reason(error: Exception) -> str:
    match error:
        case AttributeError():
            return "only Linux tells TCP statistics over netlink"
        case OSError(errno=errno.EAFNOSUPPORT):
            return (
                "netlink is closed to this process: a unit needs AF_NETLINK among its "
                "RestrictAddressFamilies="
            )
        case TimeoutError():
            return f"the kernel has not answered within {_TIMEOUT:g} s"
        case OSError():
            return f"netlink: {error.strerror or error}"
    return str(error)
