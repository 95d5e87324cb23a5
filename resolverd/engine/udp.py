"""Datagrams of one UDP socket in an event loop: received, answered and sent in small batches.

A reply must leave from the address that was asked. A wildcard socket gives it with each datagram
(`IP_PKTINFO`, `IPV6_RECVPKTINFO`; ip(7), ipv6(7)), so addresses that come later are served too.
What was received is answered before anything else is done, so nothing read is lost at the end.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from resolverd.engine.counters import Counters
from resolverd.engine.sockets import IP_PKTINFO, enable_pktinfo

Respond = Callable[[bytes, str], bytes | None]
Control = list[tuple[int, int, bytes]]

# Datagrams answered before the loop turns to its other files: with more a flood delays those, with
# fewer each costs more of the loop.
_BATCH = 32
# Octets of a query; the rest of a longer one is cut off, as the native engine does.
_QUERY = 4096
_CONTROL = socket.CMSG_SPACE(20)  # struct in6_pktinfo, the larger of both
# Seconds that a reply may wait for space in the send buffer; then it is given up.
_SEND_TIMEOUT = 0.01

_IN_PKTINFO = struct.Struct("=i4s4s")
_IN6_PKTINFO = struct.Struct("=16si")
_NO_SOCKET = frozenset((errno.EBADF, errno.ENOTSOCK, errno.EFAULT))


class UdpService:
    """Answers what comes to `udp`, which does not block; one that is bound to every address too.

    `failed` is called with the reason when it is a socket no more.
    """

    def __init__(
        self,
        udp: socket.socket,
        respond: Respond,
        counters: Counters,
        failed: Callable[[str], None],
    ) -> None:
        self._udp, self._respond, self._counters, self._failed = udp, respond, counters, failed
        self._loop = asyncio.get_running_loop()
        self._descriptor = udp.fileno()
        # A reply that the send buffer had no space for, and when it is given up.
        self._held: tuple[bytes, Control, Any] | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._serve = self._serve_wildcard if enable_pktinfo(udp) else self._serve_address
        self._loop.add_reader(self._descriptor, self._serve)

    def close(self) -> None:
        """Answer nothing more; what was not read waits in the socket."""
        self._loop.remove_reader(self._descriptor)
        if self._held is not None:
            self._give_up(resume=False)

    def _serve_address(self) -> None:
        udp = self._udp
        for _ in range(_BATCH):
            try:
                packet, source = udp.recvfrom(_QUERY)
            except OSError as error:
                self._survive(error)
                return
            response = self._respond(packet, source[0])
            if response is None:
                continue
            try:
                udp.sendto(response, source)
            except OSError as error:
                if self._unsent(error, response, [], source):
                    return

    def _serve_wildcard(self) -> None:
        udp = self._udp
        for _ in range(_BATCH):
            try:
                packet, pktinfo, _, source = udp.recvmsg(_QUERY, _CONTROL)
            except OSError as error:
                self._survive(error)
                return
            response = self._respond(packet, source[0])
            if response is None:
                continue
            control = _reply_control(*pktinfo[0]) if pktinfo else []
            try:
                udp.sendmsg([response], control, 0, source)
            except OSError as error:
                if self._unsent(error, response, control, source):
                    return

    def _survive(self, error: OSError) -> None:
        """Count an error of an earlier datagram, or report that the socket is none any more."""
        if isinstance(error, BlockingIOError | InterruptedError):
            return
        if error.errno in _NO_SOCKET:
            self._loop.remove_reader(self._descriptor)
            self._failed(f"a UDP socket failed: {error.strerror}")
            return
        self._counters.send_errors[type(error).__name__] += 1

    def _unsent(self, error: OSError, response: bytes, control: Control, source: Any) -> bool:
        """Hold a reply until it can be sent, and read nothing meanwhile; count other errors."""
        if not isinstance(error, BlockingIOError):
            self._survive(error)
            return False
        self._held = response, control, source
        self._loop.remove_reader(self._descriptor)
        self._loop.add_writer(self._descriptor, self._send_held)
        self._giving_up = self._loop.call_later(_SEND_TIMEOUT, self._give_up)
        return True

    def _send_held(self) -> None:
        if self._held is None:
            return
        response, control, source = self._held
        try:
            self._udp.sendmsg([response], control, 0, source)
        except BlockingIOError:
            return
        except OSError as error:
            self._survive(error)
        self._resume()

    def _give_up(self, *, resume: bool = True) -> None:
        self._counters.send_errors[BlockingIOError.__name__] += 1
        self._resume(resume=resume)

    def _resume(self, *, resume: bool = True) -> None:
        self._held = None
        self._loop.remove_writer(self._descriptor)
        if self._giving_up is not None:
            self._giving_up.cancel()
        if resume:
            self._loop.add_reader(self._descriptor, self._serve)


@lru_cache(maxsize=1024)
def _reply_control(level: int, kind: int, pktinfo: bytes) -> Control:
    """What has a reply leave from the address that `pktinfo` says was asked.

    Whichever interface leads to the client will do, but for a link-local address, which means
    nothing without its interface.
    """
    if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
        _, local, asked = _IN_PKTINFO.unpack(pktinfo)
        return [(level, kind, _IN_PKTINFO.pack(0, local, asked))]
    if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
        asked, interface = _IN6_PKTINFO.unpack(pktinfo)
        link_local = asked[0] == 0xFE and asked[1] & 0xC0 == 0x80
        return [(level, kind, _IN6_PKTINFO.pack(asked, interface if link_local else 0))]
    return []
