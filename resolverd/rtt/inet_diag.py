"""The kernel's TCP statistics as it tells them over netlink (sock_diag(7)); pure.

    nlmsghdr ─► inet_diag_msg (72 octets) ─► attributes, of which INET_DIAG_INFO is a tcp_info

One dump is asked for each family and local port; the kernel answers with datagrams of several
messages each, of which the last is NLMSG_DONE. Numbers of netlink are in this host's byte order,
ports and addresses in the network's. Nothing here needs a privilege (linux/inet_diag.h,
linux/tcp.h).
"""

from __future__ import annotations

import errno
import os
import struct
from typing import NamedTuple

from resolverd.errors import ResolverdError

SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR, _NLMSG_DONE, _NLMSG_OVERRUN = 2, 3, 4
_REQUEST_DUMP = 0x1 | 0x300
_INET_DIAG_INFO = 2
_IPPROTO_TCP = 6
# Connections that a client has opened: established, or being closed by one side.
_STATES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_MESSAGE = struct.Struct("=BBBB2s2s16s16s")
_MESSAGE_LENGTH = 72
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
# Offsets in tcp_info, which newer kernels only lengthen.
_BYTES_RECEIVED, _MIN_RTT = 128, 148
_RECEIVED, _MICROSECONDS = struct.Struct("=Q"), struct.Struct("=I")
# What the kernel says of a connection whose round trip it has not measured.
_UNMEASURED = 0xFFFFFFFF


class DiagError(ResolverdError):
    """The kernel's TCP statistics cannot be read, or are not what they should be."""


class Connection(NamedTuple):
    """One TCP connection: the client's address, 4 or 16 octets, and its least round trip in ms.

    Least in the kernel's own window, of five minutes unless net.ipv4.tcp_min_rtt_wlen says
    otherwise. `received` counts the octets that the client has sent.
    """

    client: bytes
    ms: float
    received: int


class Dumped(NamedTuple):
    """The connections of one datagram, and whether the dump ends with it."""

    connections: list[Connection]
    done: bool


def dump_request(family: int, port: int, sequence: int) -> bytes:
    """The message that asks for all connections of `family` (AF_INET…) to a local `port`."""
    body = _REQUEST.pack(family, _IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), _STATES)
    # inet_diag_sockid: the local port, any other port, address and interface, and no cookie.
    body += struct.pack("!H", port) + bytes(38) + b"\xff" * 8
    head = (_HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, sequence, 0)
    return _HEADER.pack(*head) + body


def parse_dump(datagram: bytes, sequence: int) -> Dumped:
    """What one datagram says; messages of another dump are passed over. Raises DiagError."""
    connections: list[Connection] = []
    at = 0
    while at < len(datagram):
        if len(datagram) - at < _HEADER.size:
            raise DiagError("the kernel's answer is cut short")
        length, kind, _, number, _ = _HEADER.unpack_from(datagram, at)
        end = at + length
        if length < _HEADER.size or end > len(datagram):
            raise DiagError("the kernel's answer is cut short")
        body, at = at + _HEADER.size, end + (-length & 3)
        if number != sequence:
            continue
        if kind in (_NLMSG_ERROR, _NLMSG_DONE):
            _raise_for(datagram, body, end)
            return Dumped(connections, True)
        if kind == _NLMSG_OVERRUN:
            raise DiagError("the kernel's answer is not whole: it was read too slowly")
        if kind == SOCK_DIAG_BY_FAMILY and (found := _connection(datagram, body, end)):
            connections.append(found)
    return Dumped(connections, False)


def _raise_for(datagram: bytes, body: int, end: int) -> None:
    """An error, and the end of a dump, carry a negative errno, or 0 where all is well."""
    if end - body >= _ERROR.size and (code := _ERROR.unpack_from(datagram, body)[0]) < 0:
        hint = "; load its module: modprobe tcp_diag" if -code == errno.ENOENT else ""
        raise DiagError(f"the kernel tells no TCP statistics: {os.strerror(-code)}{hint}")


def _connection(datagram: bytes, body: int, end: int) -> Connection | None:
    """One connection; None where its round trip has not been measured."""
    if end - body < _MESSAGE_LENGTH:
        raise DiagError("the kernel's answer is cut short")
    family, _, _, _, _, _, _, client = _MESSAGE.unpack_from(datagram, body)
    at = body + _MESSAGE_LENGTH
    while end - at >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(datagram, at)
        if length < _ATTRIBUTE.size or at + length > end:
            raise DiagError("the kernel's answer is cut short")
        if kind == _INET_DIAG_INFO:
            value = at + _ATTRIBUTE.size
            if at + length < value + _MIN_RTT + _MICROSECONDS.size:
                return None  # a kernel before 4.6, which does not tell it
            (us,) = _MICROSECONDS.unpack_from(datagram, value + _MIN_RTT)
            (received,) = _RECEIVED.unpack_from(datagram, value + _BYTES_RECEIVED)
            if us == _UNMEASURED:
                return None
            return Connection(client[:4] if family == 2 else client, us / 1000, received)
        at += length + (-length & 3)
    return None
