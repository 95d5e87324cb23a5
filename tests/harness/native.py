"""The native engine's answers to the same packets, where the library is built.

Whoever asks through `harness.server.Server` asks both engines: the reference engine's answer
is what a test looks at, and the native one has to be the same octets.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from resolverd.abi.library import why_not
from resolverd.abi.tables import Asker, PlanTables, SnapshotTables
from resolverd.engine.block_samples import CAPACITY, BlockSample
from resolverd.engine.counter_slots import CounterSlots
from resolverd.engine.counters import Counters
from resolverd.engine.image import NativeMap, plan_image, steering_image
from resolverd.engine.states_kept import KeptStates
from resolverd.snapshot.model import Plan, Snapshot, Steering


class Native:
    """Answers packets from one Snapshot at a time, and counts as an engine does."""

    def __init__(self) -> None:
        self.slots = CounterSlots()
        self._asker = Asker()
        self._plan: tuple[Plan, PlanTables] | None = None
        self._states = KeptStates()
        self._tables: SnapshotTables

    def publish(self, snapshot: Snapshot) -> None:
        """Answer from `snapshot`; a Plan that is in the library already is not loaded again."""
        if self._plan is None or self._plan[0] is not snapshot.plan:
            image = plan_image(snapshot.plan, self.slots)
            self._plan = snapshot.plan, PlanTables(image.octets, image.maps)
        self.steer(snapshot.steering)

    def steer(self, steering: Steering) -> None:
        """Answer from the same Plan with another Steering."""
        assert self._plan is not None
        plan, tables = self._plan
        image = steering_image(steering, plan, self._states)
        self._tables = SnapshotTables(tables, image)

    def respond(self, packet: bytes, source: str, *, tcp: bool = False) -> bytes | None:
        """The octets answered, None for nothing."""
        return self._asker.respond(packet, packed(source), self._tables, tcp=tcp)

    def self_check(self) -> None:
        """As an engine checks itself. Raises EngineError."""
        self._tables.self_check()

    def block_samples(self) -> list[BlockSample]:
        """The samples of blocks since this was asked, as many as there is room for."""
        return self.slots.block_samples(self._asker.blocks(CAPACITY))

    def counters(self) -> Counters:
        """What was counted so far."""
        return self.slots.counters(self._asker.counted(self.slots.used))


def native_of(snapshot: Snapshot) -> Native | None:
    """A native engine for `snapshot`; None where there is no library, or a map is not native."""
    maps = [service.clients for service in snapshot.plan.services.values()]
    if why_not() is not None or not all(isinstance(each, NativeMap) for each in maps):
        return None
    native = Native()
    native.publish(snapshot)
    return native


@lru_cache(maxsize=65536)
def packed(source: str) -> bytes:
    """The octets of an address."""
    return ipaddress.ip_address(source).packed
