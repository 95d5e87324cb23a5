"""Packets between two nodes that take their time: a slow path, without netem.

Not every kernel has netem. The router sends what a slow pair exchanges to a TUN device; a thread
holds each packet for as long as its pair is slow, and puts it back on its way by a raw socket whose
mark passes that rule by. Order is kept, nothing is lost. IPv4 alone, which NATS and probes speak.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import socket
import struct
import threading
import time

from bench.fleet.lab.namespaces import Namespace
from bench.fleet.lab.places import Node

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x1, 0x1000
_DEVICE, _TABLE, _MARK = "slow", 70, 7
_ADDRESSES = slice(12, 20)  # source and destination, in an IPv4 header


class Delays:
    """Of one router; none at first. Use as a context manager."""

    def __init__(self, router: Namespace) -> None:
        self._router = router
        self._seconds: dict[bytes, float] = {}
        self._held: list[tuple[float, int, bytes]] = []

    def __enter__(self) -> Delays:
        with self._router.entered():
            self._tun = _tun()
            self._out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, _MARK)
        self._router.ip(
            f"link set {_DEVICE} up",
            f"route add default dev {_DEVICE} table {_TABLE}",
            f"rule add fwmark {_MARK} lookup main priority 50",
        )
        self._ended, self._end = os.pipe()
        self._carrier = threading.Thread(target=self._carry, name="delays", daemon=True)
        self._carrier.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._end, b"x")
        self._carrier.join()
        self._out.close()
        for descriptor in (self._tun, self._ended, self._end):
            os.close(descriptor)

    def slow(self, one: Node, other: Node, seconds: float) -> None:
        """Each packet from one of them to the other takes so much longer; 0 for no longer."""
        for source, target in ((one, other), (other, one)):
            pair = socket.inet_aton(source.ipv4) + socket.inet_aton(target.ipv4)
            known = pair in self._seconds
            if seconds:
                self._seconds[pair] = seconds
            else:
                self._seconds.pop(pair, None)
            if known != bool(seconds):
                verb = "add" if seconds else "del"
                self._router.ip(
                    f"rule {verb} from {source.ipv4} to {target.ipv4} lookup {_TABLE} priority 60"
                )

    def mend(self) -> None:
        """None is slow."""
        for pair in [*self._seconds]:
            if pair in self._seconds:
                source, target = socket.inet_ntoa(pair[:4]), socket.inet_ntoa(pair[4:])
                del self._seconds[pair]
                self._router.ip(f"rule del from {source} to {target} lookup {_TABLE} priority 60")

    def _carry(self) -> None:
        count = 0
        while True:
            left = max(0.0, self._held[0][0] - time.monotonic()) if self._held else None
            readable, _, _ = select.select([self._tun, self._ended], [], [], left)
            if self._ended in readable:
                return
            if readable:
                packet = os.read(self._tun, 65536)
                due = time.monotonic() + self._seconds.get(packet[_ADDRESSES], 0.0)
                count += 1
                heapq.heappush(self._held, (due, count, packet))
            while self._held and self._held[0][0] <= time.monotonic():
                packet = heapq.heappop(self._held)[2]
                # As on any path, one that nobody takes is lost.
                with contextlib.suppress(OSError):
                    self._out.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def _tun() -> int:
    """A TUN device of the namespace that this thread is in. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    flags = struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(descriptor, _TUNSETIFF, flags)
    return descriptor
