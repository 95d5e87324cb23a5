"""Tables, answers and counts of the native library (`native/src/ffi/tables.rs`).

Images go in as octets (`resolverd.engine.image` makes them) and come out as handles, which are
released with the objects that hold them. An image that is unsound is refused in words.
"""

from __future__ import annotations

import ctypes
import time
from array import array
from collections.abc import Sequence
from typing import Protocol

from resolverd.abi.contract import Handles, Numbers, Spans
from resolverd.abi.library import OutBuf, Span, library, release_after
from resolverd.dns.limits import MAX_MESSAGE
from resolverd.errors import EngineError

REASON_OCTETS = 256


class HasHandle(Protocol):
    """Anything with a client map in the library, as `NativeMap`."""

    @property
    def handle(self) -> int:
        """The map's handle, valid while its owner lives."""


class PlanTables:
    """A Plan in the library; `handle` is valid while this object lives."""

    handle: int

    def __init__(
        self, image: bytes, maps: Sequence[HasHandle], before: PlanTables | None = None
    ) -> None:
        """Load an image with the client maps it counts on. Raises EngineError if it is unsound.

        It takes less time with the Plan `before` of whose image it was made, if there is one.
        """
        handles = (ctypes.c_void_p * len(maps))(*(client_map.handle for client_map in maps))
        lent = Handles(ctypes.addressof(handles), len(maps))
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        known = None if before is None else before.handle
        loaded = library().resolverd_plan_load(Span.of(image), lent, known, OutBuf.of(reason))
        self.handle = _loaded(loaded, reason, "plan")
        release_after(self, library().resolverd_plan_release, self.handle)


class SnapshotTables:
    """A Plan with a Steering in the library; `handle` is valid while this object lives."""

    def __init__(self, plan: PlanTables, steering: bytes) -> None:
        """Load the image of a Steering for `plan`. Raises EngineError if it is unsound."""
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        loaded = library().resolverd_snapshot_load(
            plan.handle, Span.of(steering), OutBuf.of(reason)
        )
        self.handle = _loaded(loaded, reason, "steering")
        release_after(self, library().resolverd_snapshot_release, self.handle)

    def self_check(self) -> None:
        """Ask for the SOA of the first zone, if any. Raises EngineError unless it is answered."""
        reason = ctypes.create_string_buffer(REASON_OCTETS)
        if length := library().resolverd_self_check(self.handle, OutBuf.of(reason)):
            raise EngineError(reason.raw[:length].decode())


class Packets:
    """Packets that the library is to answer over and over; `lent` is valid while this lives."""

    def __init__(self, packets: Sequence[bytes]) -> None:
        """Of these packets."""
        self.count, self._packets = len(packets), packets
        self._spans = (Span * self.count)(*map(Span.of, packets))
        self.lent = Spans(ctypes.addressof(self._spans), self.count)


class Asker:
    """Asks the library without a socket, one packet at a time, and has counters of its own."""

    def __init__(self) -> None:
        self._library = library()
        self._handle = self._library.resolverd_asker_new()
        self._buffer = ctypes.create_string_buffer(MAX_MESSAGE)
        self._out = OutBuf.of(self._buffer)
        release_after(self, self._library.resolverd_asker_release, self._handle)

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
        self, packets: Packets, source: bytes, tables: SnapshotTables, batch: int = 1
    ) -> float:
        """Nanoseconds of CPU that one of `packets` takes, without anything of Python in them.

        They are prefetched for in batches of so many, as those that a socket received are; alone
        they are not.
        """
        sender = Span.of(source)
        begun = time.thread_time_ns()
        self._library.resolverd_respond_all(
            self._handle, tables.handle, packets.lent, sender, batch, self._out
        )
        return (time.thread_time_ns() - begun) / packets.count

    def counted(self, slots: int) -> array[int]:
        """The values of the first `slots` counters."""
        values = array("Q", bytes(8 * slots))
        address, count = values.buffer_info()
        self._library.resolverd_asker_counters(self._handle, Numbers(address, count))
        return values

    def blocks(self, samples: int) -> array[int]:
        """Samples of blocks, so many at most, two numbers each (`native/src/io/`)."""
        values = array("Q", bytes(16 * samples))
        written = self._library.resolverd_asker_blocks(self._handle, Numbers(*values.buffer_info()))
        return values[:written]


def _loaded(handle: int | None, reason: ctypes.Array[ctypes.c_char], what: str) -> int:
    if handle is None:
        raise EngineError(f"the native engine refuses the {what}: {reason.value.decode()}")
    return handle
