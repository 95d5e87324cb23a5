"""Both engines side by side: the same packets, and a verdict as short as it can be.

Where they differ the packet is shrunk first, so that a failure names one thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import fields
from itertools import zip_longest

from differential.packets import Case
from harness.native import Native

from resolverd.engine.answer import respond
from resolverd.engine.block_samples import BlockSampler
from resolverd.engine.counters import Counters
from resolverd.snapshot.model import Plan, Snapshot, Steering


class Engines:
    """The reference engine and the native one over one Plan, with Steerings that change."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.native = Native()
        self.sampled = 0
        self.counters, self.sampler = Counters(), BlockSampler()
        self._snapshot: Snapshot

    def steer(self, steering: Steering) -> None:
        """Answer from this Steering from now on."""
        self._snapshot = Snapshot(self.plan, steering)
        self.native.publish(self._snapshot)

    def reference_answer(self, case: Case) -> bytes | None:
        """What the reference engine sends."""
        return respond(
            case.packet,
            case.source,
            self._snapshot,
            self.counters,
            tcp=case.tcp,
            sampler=self.sampler,
        )

    def native_answer(self, case: Case) -> bytes | None:
        """What the native engine sends."""
        return self.native.respond(case.packet, case.source, tcp=case.tcp)

    def differ(self, case: Case) -> bool:
        """Whether they answer with different octets."""
        return self.reference_answer(case) != self.native_answer(case)

    def compare(self, cases: Iterable[Case]) -> None:
        """Ask both about every case; equal octets, and equal counters and samples in the end."""
        asked = []
        for case in cases:
            asked.append(case)
            if self.differ(case):
                raise AssertionError(self._difference(case))
        if self.native.counters() != self.counters:
            raise AssertionError(self._miscount(asked))
        reference, native = self.sampler.take().samples, self.native.block_samples()
        for number, (one, other) in enumerate(zip_longest(reference, native)):
            assert one == other, f"sample {number} of {len(reference)} and {len(native)} differs"
        self.sampled += len(native)

    def _difference(self, case: Case) -> str:
        case = shrunk(case, self.differ)
        theirs, ours = self.reference_answer(case), self.native_answer(case)
        return (
            f"the engines differ on {case.packet.hex()} from {case.source} tcp={case.tcp}\n"
            f"  reference: {theirs.hex() if theirs is not None else None}\n"
            f"  native:    {ours.hex() if ours is not None else None}"
        )

    def _miscount(self, asked: list[Case]) -> str:
        """Name the first packet that is counted differently; else say what differs in sum."""
        for case in asked:
            before = _told(self.counters), _told(self.native.counters())
            self.differ(case)
            after = _told(self.counters), _told(self.native.counters())
            grown = [dict(now - then) for now, then in zip(after, before, strict=True)]
            if grown[0] != grown[1]:
                return (
                    f"the engines count {case.packet.hex()} from {case.source} tcp={case.tcp} "
                    f"differently\n  reference: {grown[0]}\n  native:    {grown[1]}"
                )
        return f"the engines differ in sum: {self.counters} and {self.native.counters()}"


def shrunk(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A case that still fails, with octets left out and others zero, as far as that goes."""
    source = Case(case.packet, "192.0.2.1", tcp=False)
    if fails(source):
        case = source
    size = len(case.packet)
    while size:
        at = 0
        while at < len(case.packet):
            packet = case.packet
            shorter = case._replace(packet=packet[:at] + packet[at + size :])
            zeroed = case._replace(packet=packet[:at] + bytes(size) + packet[at + size :])
            if size <= len(packet) - at and fails(shorter):
                case = shorter
                continue
            if zeroed.packet != packet and len(zeroed.packet) == len(packet) and fails(zeroed):
                case = zeroed
            at += size
        size //= 2
    return case


def _told(counters: Counters) -> Counter[tuple[object, ...]]:
    """Every count there is, by its field and labels."""
    totals: Counter[tuple[object, ...]] = Counter()
    for each in fields(counters):
        counted = getattr(counters, each.name)
        if isinstance(counted, int):
            totals[each.name,] = counted
        else:
            totals.update({(each.name, label): count for label, count in counted.items()})
    return totals
