"""The sockets of a set of listeners: UDP and TCP on the same address and port.

A reply must leave from the address that was asked. A wildcard UDP socket gives it with
each datagram, so addresses that come later are served too; TCP has no such need.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import resource
import socket
import struct
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from resolverd.config.types import Listener
from resolverd.errors import EngineError

# SO_RCVBUF in octets: what a burst may hold while the process is busy. With less, datagrams of it
# are lost; more is lowered to net.core.rmem_max by the kernel (socket(7)).
RECEIVE_BUFFER = 4 << 20
TCP_BACKLOG = 512

WILDCARDS = frozenset(("0.0.0.0", "::"))

IP_PKTINFO = 8
"""ip(7); the socket module has it from Python 3.12 on."""

_SIOCGIFCONF = 0x8912
_PORT_ATTEMPTS = 20


@dataclass(slots=True)
class BoundSockets:
    """What one worker listens on; `shared` when others have the very same sockets."""

    udp: list[socket.socket]
    tcp: list[socket.socket]
    shared: bool = False

    def close(self) -> None:
        """Close them all."""
        for bound in (*self.udp, *self.tcp):
            bound.close()


def together(sockets: Sequence[BoundSockets]) -> BoundSockets:
    """The sockets of all workers as those of one; of sockets that they share, the first's."""
    parts = sockets[:1] if any(one.shared for one in sockets) else sockets
    udp = [udp for part in parts for udp in part.udp]
    return BoundSockets(udp, [tcp for part in parts for tcp in part.tcp])


def allow_open_files() -> None:
    """As many files as the host allows: each probe and each TCP client is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bind(
    listeners: Sequence[Listener], workers: int = 1, *, held: Collection[int] = ()
) -> tuple[list[Listener], list[BoundSockets]]:
    """Bind every listener once per worker, with SO_REUSEPORT.

    That option would let a second daemon of the same user share the port, and with it the
    queries, unnoticed; so each address is first bound without it, but for ports that are `held` by
    ourselves. Returns the listeners with
    the ports that the kernel chose, and the sockets by worker. Raises EngineError, with what
    to do, when an address cannot be had.
    """
    workers_sockets = [BoundSockets([], []) for _ in range(workers)]
    bound = []
    try:
        for listener in listeners:
            if listener.port not in held:
                _claim(listener)
            first = _bind_pair(listener)
            port = first.tcp[0].getsockname()[1]
            bound.append(Listener(listener.address, port))
            for index, sockets in enumerate(workers_sockets):
                exactly = Listener(listener.address, port)
                pair = first if index == 0 else _bind_exactly(exactly)
                sockets.udp += pair.udp
                sockets.tcp += pair.tcp
    except OSError as error:
        for sockets in workers_sockets:
            sockets.close()
        raise EngineError(_advice(listener, error)) from error
    return bound, workers_sockets


def enable_pktinfo(udp: socket.socket) -> bool:
    """Ask for the destination of each datagram on a wildcard socket (ip(7), ipv6(7)).

    False, and nothing is set, for a socket that is bound to one address.
    """
    if udp.getsockname()[0] not in WILDCARDS:
        return False
    if udp.family == socket.AF_INET6:
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return True


def _claim(listener: Listener) -> None:
    """Raises OSError when somebody else has the address and port."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with _socket(listener.address, kind, shared=False) as alone:
            alone.bind((listener.address, listener.port))


def _bind_pair(listener: Listener) -> BoundSockets:
    """Bind both transports; for port 0, until one port is free for both."""
    for _ in range(_PORT_ATTEMPTS if listener.port == 0 else 0):
        with _socket(listener.address, socket.SOCK_STREAM) as probe:
            probe.bind((listener.address, 0))
            chosen = Listener(listener.address, probe.getsockname()[1])
            try:
                return _bind_exactly(chosen)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
    return _bind_exactly(listener)


def _bind_exactly(listener: Listener) -> BoundSockets:
    sockets = BoundSockets([], [])
    try:
        udp = _socket(listener.address, socket.SOCK_DGRAM)
        sockets.udp.append(udp)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        udp.bind((listener.address, listener.port))
        tcp = _socket(listener.address, socket.SOCK_STREAM)
        sockets.tcp.append(tcp)
        tcp.bind((listener.address, listener.port))
        tcp.listen(TCP_BACKLOG)
    except OSError:
        sockets.close()
        raise
    return sockets


def _socket(address: str, kind: socket.SocketKind, *, shared: bool = True) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    made.setblocking(False)
    if shared:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if kind is socket.SOCK_STREAM:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def local_ipv4() -> list[str]:
    """Every IPv4 address of this host's interfaces (netdevice(7), SIOCGIFCONF)."""
    size = 40  # struct ifreq on 64-bit Linux
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        ifreqs = array("B", bytes(size * 1024))
        filled = fcntl.ioctl(asked, _SIOCGIFCONF, struct.pack("iL", *ifreqs.buffer_info()[::-1]))
    used = struct.unpack("iL", filled)[0]
    rows = [ifreqs[at : at + size].tobytes() for at in range(0, used, size)]
    return [str(ipaddress.IPv4Address(row[20:24])) for row in rows]


def local_ipv6() -> list[str]:
    """Every IPv6 address of this host's interfaces, less the link-local ones."""
    table = Path("/proc/self/net/if_inet6")  # the same, and seen where only processes are
    if not table.exists():
        return []
    found = [
        ipaddress.IPv6Address(int(row.split()[0], 16)) for row in table.read_text().splitlines()
    ]
    return [str(address) for address in found if not address.is_link_local]


def _advice(listener: Listener, error: OSError) -> str:
    reason = f"cannot listen on {listener}: {error.strerror}"
    if error.errno == errno.EADDRINUSE:
        return f"{reason}; see who has it with: ss -lnptu 'sport = :{listener.port}'"
    if error.errno == errno.EACCES:
        return f"{reason}; ports below 1024 need CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{reason}; no interface of this host has that address"
    return reason
