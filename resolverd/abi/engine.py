"""The engine's threads in the native library (`native/src/ffi/engine.rs`)."""

from __future__ import annotations

import ctypes
import ipaddress
import struct
import weakref
from array import array
from collections.abc import Sequence
from enum import IntFlag
from functools import cache
from typing import NamedTuple

from resolverd.abi.library import OutBuf, Span, library
from resolverd.abi.tables import LARGEST_MESSAGE, REASON_OCTETS, SnapshotTables
from resolverd.errors import EngineError

_SOCKET = struct.Struct("=IIi")
_SAMPLE = struct.Struct("=BBBBI16s")


class SocketKind(IntFlag):
    """What a socket is: UDP, perhaps with packet information (ip(7)), or TCP; perhaps shared."""

    UDP = 0
    UDP_PKTINFO = 1
    TCP = 2
    SHARED = 16


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


class _Numbers(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("count", ctypes.c_size_t))


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
        self._library = _functions()
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
        self._out = ctypes.create_string_buffer(LARGEST_MESSAGE)
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
        """Make `event_fd` unreadable until there is more; call it before taking what there is."""
        self._library.resolverd_engine_clear_events(self._handle)

    def failure(self) -> str:
        """Which thread has ended by itself, and why; empty for none."""
        length = self._library.resolverd_engine_failure(self._handle, OutBuf.of(self._out))
        return self._out.raw[: min(length, LARGEST_MESSAGE)].decode(errors="replace")

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
        self._library.resolverd_engine_counters(self._handle, _Numbers(*values.buffer_info()))
        return values

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


@cache
def _functions() -> ctypes.CDLL:
    loaded = library()
    handle, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64
    for name, result, *arguments in (
        ("start", handle, Span, number, number, size, size, handle, OutBuf),
        ("release", None, handle),
        ("publish", size, handle, handle, number, OutBuf),
        ("check", size, handle, number, OutBuf),
        ("stop", size, handle, number, OutBuf),
        ("event_fd", ctypes.c_int32, handle),
        ("clear_events", None, handle),
        ("failure", size, handle, OutBuf),
        ("sample", size, handle, OutBuf),
        ("samples_dropped", number, handle),
        ("counters", None, handle, _Numbers),
        ("inject_fault", None, handle, size, ctypes.c_uint32),
    ):
        function = getattr(loaded, f"resolverd_engine_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded
