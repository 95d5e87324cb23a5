"""The engine's threads in the native library (`native/src/ffi/engine.rs`)."""

from __future__ import annotations

import ctypes
import ipaddress
import struct
import weakref
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from resolverd.abi.contract import SAMPLE_OCTETS, SOCKET_OCTETS, Numbers, SocketKind
from resolverd.abi.library import OutBuf, Span, library
from resolverd.abi.tables import REASON_OCTETS, SnapshotTables
from resolverd.dns.limits import MAX_MESSAGE
from resolverd.errors import EngineError

_SOCKET = struct.Struct("=IIi")
_SAMPLE = struct.Struct("=BBBBI16s")
assert (_SOCKET.size, _SAMPLE.size) == (SOCKET_OCTETS, SAMPLE_OCTETS)


class WorkerSocket(NamedTuple):
    """One socket of one worker. The descriptor becomes the library's."""

    worker: int
    kind: SocketKind
    descriptor: int


class Sample(NamedTuple):
    """One query of the query log: `answer` is RCODE and octets of the response, if any."""

    packet: bytes
    source: str
    tcp: bool
    answer: tuple[int, int] | None


class EngineThreads:
    """Threads that serve until `stop`. Times are in seconds; every call may block so long."""

    def __init__(
        self,
        sockets: Sequence[WorkerSocket],
        snapshot: SnapshotTables,
        *,
        idle: float,
        lifetime: float,
        connections: int,
        per_client: int,
    ) -> None:
        """Start one thread for each worker. Raises EngineError when it cannot."""
        self._library = library()
        listed = b"".join(_SOCKET.pack(*one) for one in sockets)
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        started = self._library.resolverd_engine_start(
            Span.of(listed),
            _milliseconds(idle),
            _milliseconds(lifetime),
            connections,
            per_client,
            snapshot.handle,
            OutBuf.of(reason),
        )
        if started is None:
            raise EngineError(f"the native engine cannot start: {reason.value.decode()}")
        self._handle: int = started
        self._out = ctypes.create_string_buffer(MAX_MESSAGE)
        weakref.finalize(self, self._library.resolverd_engine_release, self._handle)
        self.event_fd: int = self._library.resolverd_engine_event_fd(self._handle)
        """A descriptor that is readable when there is a failure or a sample."""

    def publish(self, snapshot: SnapshotTables, timeout: float) -> None:
        """Answer from `snapshot`; returns when all do. Raises EngineError after `timeout`."""
        self._command("publish", snapshot.handle, _milliseconds(timeout))

    def check(self, timeout: float) -> None:
        """Have each thread answer itself. Raises EngineError where one does not in time."""
        self._command("check", _milliseconds(timeout))

    def stop(self, timeout: float) -> None:
        """Answer what was read, and end. Raises EngineError after `timeout`."""
        self._command("stop", _milliseconds(timeout))

    def clear_events(self) -> None:
        """Make `event_fd` unreadable until there is more; call it before taking what there is.

        Workers that wait for it in vain rest now and then, as the event loop is late.
        """
        self._library.resolverd_engine_clear_events(self._handle)

    def failure(self) -> str:
        """Which thread has ended by itself, and why; empty for none."""
        length = self._library.resolverd_engine_failure(self._handle, OutBuf.of(self._out))
        return self._out.raw[: min(length, MAX_MESSAGE)].decode(errors="replace")

    def sample(self) -> Sample | None:
        """The oldest sample of the query log."""
        length = self._library.resolverd_engine_sample(self._handle, OutBuf.of(self._out))
        if not length:
            return None
        record = ctypes.string_at(self._out, length)
        tcp, family, rcode, answered, octets, source = _SAMPLE.unpack_from(record)
        return Sample(
            packet=record[_SAMPLE.size :],
            source=str(ipaddress.ip_address(source[:family])),
            tcp=bool(tcp),
            answer=(rcode, octets) if answered else None,
        )

    def samples_dropped(self) -> int:
        """How many samples were dropped, the queue being full, since this was asked."""
        dropped: int = self._library.resolverd_engine_samples_dropped(self._handle)
        return dropped

    def counted(self, slots: int) -> array[int]:
        """The values of the first `slots` counters, all threads together."""
        values = array("Q", bytes(8 * slots))
        self._library.resolverd_engine_counters(self._handle, Numbers(*values.buffer_info()))
        return values

    def blocks(self, samples: int) -> tuple[int, array[int]]:
        """How many samples of blocks were ever dropped; and so many at most, two numbers each."""
        values = array("Q", bytes(8 + 16 * samples))
        written = self._library.resolverd_engine_blocks(
            self._handle, Numbers(*values.buffer_info())
        )
        return values[0], values[1:written]

    def inject_fault(self, worker: int, seconds: float = 0) -> None:
        """For tests: have a thread do nothing for so long, or panic."""
        self._library.resolverd_engine_inject_fault(self._handle, worker, _milliseconds(seconds))

    def _command(self, name: str, *arguments: object) -> None:
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        command = getattr(self._library, f"resolverd_engine_{name}")
        if length := command(self._handle, *arguments, OutBuf.of(reason)):
            raise EngineError(reason.raw[:length].decode(errors="replace"))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
