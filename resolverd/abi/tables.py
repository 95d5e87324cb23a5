"""Tables, answers and counts of the native library (`native/src/ffi/tables.rs`).

Images go in as octets (`resolverd.engine.image` makes them) and come out as handles, which are
released with the objects that hold them. An image that is unsound is refused in words.
"""

from __future__ import annotations

import ctypes
import weakref
from array import array
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from resolverd.abi.library import OutBuf, Span, library
from resolverd.errors import EngineError

REASON_OCTETS = 256
LARGEST_MESSAGE = 65535


class HasHandle(Protocol):
    """Anything with a client map in the library, as `NativeMap`."""

    @property
    def handle(self) -> int:
        """The map's handle, valid while its owner lives."""


class _Handles(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("count", ctypes.c_size_t))


_Numbers = _Spans = _Handles


class PlanTables:
    """A Plan in the library; `handle` is valid while this object lives."""

    def __init__(self, image: bytes, maps: Sequence[HasHandle]) -> None:
        """Load an image with the client maps it counts on. Raises EngineError if it is unsound."""
        handles = (ctypes.c_void_p * len(maps))(*(each.handle for each in maps))
        lent = _Handles(ctypes.addressof(handles), len(maps))
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        loaded = functions().resolverd_plan_load(Span.of(image), lent, OutBuf.of(reason))
        self.handle = _loaded(loaded, reason, "plan")
        weakref.finalize(self, functions().resolverd_plan_release, self.handle)


class SnapshotTables:
    """A Plan with a Steering in the library; `handle` is valid while this object lives."""

    def __init__(self, plan: PlanTables, steering: bytes) -> None:
        """Load the image of a Steering for `plan`. Raises EngineError if it is unsound."""
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        loaded = functions().resolverd_snapshot_load(
            plan.handle, Span.of(steering), OutBuf.of(reason)
        )
        self.handle = _loaded(loaded, reason, "steering")
        weakref.finalize(self, functions().resolverd_snapshot_release, self.handle)

    def self_check(self) -> None:
        """Ask for the SOA of the first zone, if any. Raises EngineError unless it is answered."""
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        if length := functions().resolverd_self_check(self.handle, OutBuf.of(reason)):
            raise EngineError(reason.raw[:length].decode())


class Asker:
    """Asks the library without a socket, one packet at a time, and has counters of its own."""

    def __init__(self) -> None:
        self._library = functions()
        self._handle = self._library.resolverd_asker_new()
        self._buffer = ctypes.create_string_buffer(LARGEST_MESSAGE)
        self._out = OutBuf.of(self._buffer)
        weakref.finalize(self, self._library.resolverd_asker_release, self._handle)

    def respond(
        self, packet: bytes, source: bytes, tables: SnapshotTables, *, tcp: bool = False
    ) -> bytes | None:
        """The response to `packet` from `source` (4 or 16 octets); None where none may be sent."""
        length = self._library.resolverd_respond(
            self._handle, tables.handle, Span.of(packet), Span.of(source), tcp, self._out
        )
        if length < -1:
            raise EngineError(f"a source address has 4 or 16 octets, not {len(source)}")
        return None if length < 0 else ctypes.string_at(self._buffer, length)

    def time(
        self, packets: Sequence[bytes], source: bytes, tables: SnapshotTables, rounds: int
    ) -> float:
        """Nanoseconds that one answer to `packets` takes, without anything of Python in them."""
        spans = (Span * len(packets))(*map(Span.of, packets))
        taken: float = self._library.resolverd_respond_time(
            self._handle,
            tables.handle,
            _Spans(ctypes.addressof(spans), len(packets)),
            Span.of(source),
            rounds,
            self._out,
        )
        return taken

    def counted(self, slots: int) -> array[int]:
        """The values of the first `slots` counters."""
        values = array("Q", bytes(8 * slots))
        address, count = values.buffer_info()
        self._library.resolverd_asker_counters(self._handle, _Numbers(address, count))
        return values


def _loaded(handle: int | None, reason: ctypes.Array[ctypes.c_char], what: str) -> int:
    if handle is None:
        raise EngineError(f"the native engine refuses the {what}: {reason.value.decode()}")
    return handle


@cache
def functions() -> ctypes.CDLL:
    """The library, with the functions of this part declared. Raises RuntimeError without one."""
    loaded = library()
    handle, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, *arguments in (
        ("plan_load", handle, Span, _Handles, OutBuf),
        ("plan_release", None, handle),
        ("snapshot_load", handle, handle, Span, OutBuf),
        ("snapshot_release", None, handle),
        ("asker_new", handle),
        ("asker_release", None, handle),
        ("respond", ctypes.c_int64, handle, handle, Span, Span, ctypes.c_bool, OutBuf),
        ("respond_time", ctypes.c_double, handle, handle, _Spans, Span, ctypes.c_uint64, OutBuf),
        ("self_check", size, handle, OutBuf),
        ("asker_counters", None, handle, _Numbers),
    ):
        function = getattr(loaded, f"resolverd_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded
