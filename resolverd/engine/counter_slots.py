"""Which counter of the native engine counts what, for the life of the process.

`slots` has those of fixed meaning; those of services, regions and pins are given out here, by label
and never taken back, so that counts outlive a Plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import product
from typing import TypeVar

from resolverd.engine.block_samples import BlockSample
from resolverd.engine.counters import Counters
from resolverd.engine.slots import (
    FIRST_CHOICE,
    FIXED,
    FREE,
    REGION_BLOCK,
    SERVICE_BLOCK,
    TTL_BOUNDS,
    TTL_BUCKETS,
    TTL_SUM,
    SlotFamily,
)
from resolverd.errors import EngineError
from resolverd.policy.outcomes import WITH_REGION, WITHOUT_REGION

Label = TypeVar("Label", bound=Hashable)


class CounterSlots:
    """The slots in use; `used` of a row's first counters are all that can be other than zero."""

    def __init__(self, free: range = FREE) -> None:
        """Give out the slots in `free`."""
        self._free = free
        self._services: dict[str, int] = {}
        self._regions: dict[tuple[str, str], int] = {}
        self._by_slot: dict[int, tuple[str, str]] = {}
        self._pins: dict[str, int] = {}
        self.used = self._free.start

    def service(self, name: str) -> int:
        """The first of a service's own slots. Raises EngineError when none are left."""
        if name not in self._services:
            self._services[name] = self._taken(SERVICE_BLOCK)
        return self._services[name]

    def region(self, service: str, region: str) -> int:
        """The first slot of a region of a service. Raises EngineError when none are left."""
        key = (service, region)
        if key not in self._regions:
            self._regions[key] = self._taken(REGION_BLOCK)
            self._by_slot[self._regions[key]] = key
        return self._regions[key]

    def block_samples(self, numbers: Sequence[int]) -> list[BlockSample]:
        """The samples that the library gives as two numbers each."""
        return [
            BlockSample(*self._by_slot[first >> 32], word, 1 << (first & 0xFF))
            for first, word in zip(numbers[::2], numbers[1::2], strict=True)
        ]

    def pin(self, name: str) -> int:
        """The slot of a pin. Raises EngineError when none are left."""
        if name not in self._pins:
            self._pins[name] = self._taken(1)
        return self._pins[name]

    def counters(self, values: Sequence[int]) -> Counters:
        """What the first `used` values of a row, or of a sum of rows, count."""
        counters = Counters()
        for family in FIXED:
            _count(counters, family, values)
        for name, base in self._services.items():
            _count_service(counters, name, values[base : base + SERVICE_BLOCK])
        for (service, region), base in self._regions.items():
            _count_region(counters, service, region, values[base : base + REGION_BLOCK])
        for name, slot in self._pins.items():
            if values[slot]:
                counters.pinned[name] = values[slot]
        return counters

    def _taken(self, count: int) -> int:
        slot = self.used
        if slot + count > self._free.stop:
            raise EngineError(
                f"the native engine has no counters left after {self._free.stop}: too many "
                "services, regions and pins came and went; restart the daemon"
            )
        self.used += count
        return slot


def _count(counters: Counters, family: SlotFamily, values: Sequence[int]) -> None:
    if not family.axes:
        setattr(counters, family.field, values[family.first])
        return
    counts = getattr(counters, family.field)
    for labels, value in zip(product(*family.axes), values[family.first :], strict=False):
        if value:
            counts[labels if len(labels) > 1 else labels[0]] = value


def _count_service(counters: Counters, name: str, values: Sequence[int]) -> None:
    _fill(counters.steered, ((name, "", outcome) for outcome in WITHOUT_REGION), values)
    buckets = ((name, bucket) for bucket in range(len(TTL_BOUNDS) + 1))
    _fill(counters.ttls, buckets, values[TTL_BUCKETS:])
    _fill(counters.ttl_sums, (name,), values[TTL_SUM:])


def _count_region(counters: Counters, service: str, region: str, values: Sequence[int]) -> None:
    labels = [(service, region, outcome) for outcome in WITH_REGION]
    _fill(counters.steered, labels, values)
    _fill(counters.first_choice, labels, values[FIRST_CHOICE:])


def _fill(counts: Counter[Label], labels: Iterable[Label], values: Iterable[int]) -> None:
    for label, value in zip(labels, values, strict=False):
        if value:
            counts[label] = value
