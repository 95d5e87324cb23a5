"""Which counter of the native engine counts what, for the life of the process.

The library lists the slots of fixed meaning by name; those of services, regions and pins are
given out here, by label and never taken back, so that counts outlive a Plan. Four outcomes
have a region; its slots are those outcomes, then the same once more for first choices. The
others, the TTL's buckets and the sum are the service's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from resolverd.abi.tables import counter_names, free_counters
from resolverd.engine.counters import TTL_BOUNDS, Counters
from resolverd.errors import EngineError

Label = TypeVar("Label", bound=Hashable)

_WITH_REGION = ("serving", "unknown", "all_down", "spilled")
_WITHOUT = ("servfail", "nodata", "cname", "no_region", "no_address")
_OF_REGION = 2 * len(_WITH_REGION)
_OF_SERVICE = len(_WITHOUT) + len(TTL_BOUNDS) + 2


class CounterSlots:
    """The slots in use; `used` of a row's first counters are all that can be other than zero."""

    def __init__(self, free: range | None = None) -> None:
        """Give out the slots in `free`: by default all that the library leaves."""
        self._free = free_counters() if free is None else free
        self._fixed = [_named(line) for line in counter_names().splitlines()]
        self._services: dict[str, int] = {}
        self._regions: dict[tuple[str, str], int] = {}
        self._pins: dict[str, int] = {}
        self.used = self._free.start

    def service(self, name: str) -> int:
        """The first of a service's own slots. Raises EngineError when none are left."""
        if name not in self._services:
            self._services[name] = self._taken(_OF_SERVICE)
        return self._services[name]

    def region(self, service: str, region: str) -> int:
        """The first slot of a region of a service. Raises EngineError when none are left."""
        key = (service, region)
        if key not in self._regions:
            self._regions[key] = self._taken(_OF_REGION)
        return self._regions[key]

    def pin(self, name: str) -> int:
        """The slot of a pin. Raises EngineError when none are left."""
        if name not in self._pins:
            self._pins[name] = self._taken(1)
        return self._pins[name]

    def counters(self, values: Sequence[int]) -> Counters:
        """What the first `used` values of a row, or of a sum of rows, count."""
        counters = Counters()
        for slot, field, labels in self._fixed:
            _count(counters, field, labels, values[slot])
        for name, base in self._services.items():
            _count_service(counters, name, values[base : base + _OF_SERVICE])
        for (service, region), base in self._regions.items():
            _count_region(counters, service, region, values[base : base + _OF_REGION])
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


def _named(line: str) -> tuple[int, str, tuple[str, ...]]:
    slot, field, *labels = line.split(" ")
    return int(slot), field, tuple(labels)


def _count(counters: Counters, field: str, labels: tuple[str, ...], value: int) -> None:
    if not value:
        return
    if not labels:
        setattr(counters, field, value)
    elif field == "responses":
        transport, qtype, rcode = labels
        counters.responses[transport, int(qtype), int(rcode)] = value
    else:
        getattr(counters, field)[labels[0]] = value


def _count_service(counters: Counters, name: str, values: Sequence[int]) -> None:
    *counts, total = values
    _fill(counters.steered, ((name, "", outcome) for outcome in _WITHOUT), counts)
    buckets = ((name, bucket) for bucket in range(len(TTL_BOUNDS) + 1))
    _fill(counters.ttls, buckets, counts[len(_WITHOUT) :])
    _fill(counters.ttl_sums, (name,), (total,))


def _count_region(counters: Counters, service: str, region: str, values: Sequence[int]) -> None:
    labels = [(service, region, outcome) for outcome in _WITH_REGION]
    _fill(counters.steered, labels, values)
    _fill(counters.first_choice, labels, values[len(_WITH_REGION) :])


def _fill(counts: Counter[Label], labels: Iterable[Label], values: Iterable[int]) -> None:
    for label, value in zip(labels, values, strict=False):
        if value:
            counts[label] = value
