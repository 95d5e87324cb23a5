"""A query load whose clients give up: every query counts as lost that is not answered in time.

An answer of the reference engine, which is Python, may be late by as much as something in its box
had no CPU meanwhile: the kernel tells of a box's cgroup (`cpu.pressure`), or else of the whole
host. A busy test machine is no fault of a restart. The native engine's threads go before others,
and have no such excuse.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
from harness.engines import EngineName
from harness.messages import query
from systemd.box import Box
from systemd.service import QNAME, until

PACE: Mapping[EngineName, int] = {"native": 1000, "reference": 250}
"""Queries a second: what is asked of an engine in a test is not to be more than it has time for."""
TIMEOUT = 0.3
"""Seconds in which an answer is of use."""
MOST = 1.0
"""Seconds in all at most, however busy the host was: a resolver asks another server by then."""
_SOCKETS = 16
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35  # socket(7): when the kernel has received a datagram, by the wall clock
_TIMESPEC = struct.Struct("@qq")
_MOST = 0x10000
_HOST = Path("/proc/pressure/cpu")
# Seconds between two looks at it.
_LOOK = 0.01


@dataclass
class Answers:
    """What came of a load: of each query when it was sent, and what was answered when.

    Times are seconds of the wall clock. `waits` has, in order, for how many seconds by then
    somebody had waited for a CPU; it is empty where that is no excuse.
    """

    sent: dict[int, float] = field(default_factory=dict)
    received: dict[int, tuple[float, bytes]] = field(default_factory=dict)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def lost(self, right: set[str]) -> Counter[str]:
        """Why how many queries have no answer of use: `right` are the addresses of one."""
        why: Counter[str] = Counter()
        judged: dict[bytes, str] = {}
        for number, at in self.sent.items():
            when, packet = self.received.get(number, (0.0, b""))
            if not packet:
                why["no answer"] += 1
            elif self._late(at, when):
                why["late"] += 1
            else:
                octets = packet[2:]  # all but the ID
                if octets not in judged:
                    judged[octets] = _fault(packet, right)
                if judged[octets]:
                    why[judged[octets]] += 1
        return why

    def _late(self, at: float, when: float) -> bool:
        """Whether an answer came too late, and nothing but the daemon is to blame for it."""
        took = when - at
        return took > TIMEOUT and took > min(MOST, TIMEOUT + self.excused(at, when))

    def excused(self, begin: float, end: float) -> float:
        """Seconds between the two, and never more, in which somebody waited for a CPU."""
        return self._waited_by(end) - self._waited_by(begin) if self.waits else 0.0

    def _waited_by(self, at: float) -> float:
        """As it is known of the looks before and after, between which it grew evenly."""
        after = bisect_right(self.waits, at, key=lambda look: look[0])
        if after in (0, len(self.waits)):
            return self.waits[max(after - 1, 0)][1]
        (begin, before), (end, then) = self.waits[after - 1 : after + 1]
        return before + (then - before) * (at - begin) / (end - begin)

    def slowest(self) -> float:
        """Seconds that the slowest answer took."""
        return max(when - self.sent[number] for number, (when, _) in self.received.items())


class PatientLoad:
    """So many queries a second as `PACE` says, over UDP from sockets open before, until `stop`."""

    def __init__(self, box: Box, engine: EngineName = "native") -> None:
        self.answers, self._pace = Answers(), PACE[engine]
        self._excuses, self._looked = engine == "reference", 0.0
        self._pressure = _pressure_of(box)
        self._stopping = threading.Event()
        self._sockets = [box.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(_SOCKETS)]
        for sock in self._sockets:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            sock.connect(("127.0.0.1", 53))
            sock.setblocking(False)
        self._packet = query(QNAME, ecs="1.2.3.0/24")[2:]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def until_sent(self, more: int) -> None:
        """Wait until so many more are on their way."""
        goal = min(len(self.answers.sent) + more, _MOST)  # on a slow machine it may run out of IDs
        until(lambda: len(self.answers.sent) >= goal, f"{goal} queries sent")

    def stop(self) -> Answers:
        """Send no more, and wait for what is still of use."""
        self._stopping.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()
        return self.answers

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            for sock in self._sockets:
                ready.register(sock, selectors.EVENT_READ)
            due = time.monotonic()
            last = None
            while last is None or time.monotonic() < last:
                now = time.monotonic()
                number = len(self.answers.sent)
                if last is None and (self._stopping.is_set() or number == _MOST):
                    last = now + (MOST if self._excuses else TIMEOUT)
                while last is None and now >= due and number < _MOST:
                    self._send(number)
                    number += 1
                    due += 1 / self._pace
                self._read(ready)
                if self._excuses and now - self._looked >= _LOOK:
                    self._looked = now
                    self.answers.waits.append((time.time(), waited(self._pressure)))

    def _send(self, number: int) -> None:
        self.answers.sent[number] = time.time()
        try:
            self._sockets[number % _SOCKETS].send(number.to_bytes(2, "big") + self._packet)
        except OSError:  # nobody listens: this one is lost
            return

    def _read(self, ready: selectors.BaseSelector) -> None:
        for key, _ in ready.select(0.0005):
            assert isinstance(key.fileobj, socket.socket)
            while True:
                try:
                    packet, ancillary, *_ = key.fileobj.recvmsg(65535, 64)
                except OSError:  # no more, or nobody listened
                    break
                number = int.from_bytes(packet[:2], "big")
                # Not when this thread had its turn on a busy machine.
                seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                self.answers.received.setdefault(number, (seconds + nanoseconds / 1e9, packet))


def waited(pressure: Path) -> float:
    """For how many seconds, so far, somebody had to wait for a CPU; 0 where nobody tells."""
    try:
        some = pressure.read_text().partition("\n")[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6


def _pressure_of(box: Box) -> Path:
    """What tells of the waits in this box; of those on the whole host, where that is untold."""
    own = box.cgroup / "cpu.pressure"
    return own if own.exists() else _HOST


def _fault(packet: bytes, right: set[str]) -> str:
    message = dns.message.from_wire(packet)
    addresses = {rdata.address for rrset in message.answer for rdata in rrset}
    if message.rcode() != dns.rcode.NOERROR or addresses != right:
        return f"{dns.rcode.to_text(message.rcode())} {sorted(addresses)}"
    return "" if message.flags & dns.flags.AA else "not authoritative"
