"""Two network namespaces and a link between them on which each packet takes its time.

Not every kernel has netem; each end is a TUN device, and a thread carries the packets.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import select
import struct
import threading
import time
from types import TracebackType

import pytest

from harness.namespace import Place

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x1, 0x1000


class DelayedLink:
    """The `near` and the `far` namespace; a packet from one to the other takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.near, self.far = Place(), Place()
        self._ends = [place.do(_tun) for place in (self.near, self.far)]
        self._ended, self._end = os.pipe()
        for place in (self.near, self.far):
            place.ip("link", "set", "tun0", "up")
            for family, every in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
                place.ip(family, "route", "add", every, "dev", "tun0")
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()

    def __enter__(self) -> DelayedLink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.write(self._end, b"x")
        self._carrier.join()
        for descriptor in (*self._ends, self._ended, self._end):
            os.close(descriptor)
        self.near.close()
        self.far.close()

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while True:
            left = waiting[0][0] - time.monotonic() if waiting else None
            readable, _, _ = select.select(
                [*self._ends, self._ended], [], [], None if left is None else max(0.0, left)
            )
            if self._ended in readable:
                return
            now = time.monotonic()
            for descriptor in readable:
                other = self._ends[1 - self._ends.index(descriptor)]
                count += 1
                packet = os.read(descriptor, 65536)
                heapq.heappush(waiting, (now + self.seconds, count, other, packet))
            while waiting and waiting[0][0] <= now:
                _, _, other, packet = heapq.heappop(waiting)
                os.write(other, packet)


def _tun() -> int:
    """A TUN device of the calling thread's namespace."""
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"no TUN device: {error.strerror}")
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
    return descriptor
