"""What blocks may keep, as octets: the part of a Steering's image that `sticky` services have."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from resolverd.engine import epochs_records as records
from resolverd.engine.records import NONE
from resolverd.policy.share import Positions
from resolverd.policy.sticky import Epochs
from resolverd.snapshot.model import Plan, ServicePlan

GONE = 0xFF
"""Stands for a region of the map before that the service has no more."""


def earlier_regions(service: ServicePlan, names: tuple[str, ...]) -> bytes:
    """Of each region of the map before, by its name there, its number in the service now."""
    numbers = {region: number for number, region in enumerate(service.regions)}
    return bytes(numbers.get(name, GONE) for name in names)


def epochs_image(
    plan: Plan, epochs: Mapping[str, Epochs], placed: Callable[[Positions], int]
) -> Iterator[bytes]:
    """The records of all `epochs`, in the Plan's order; `placed` gives the number of positions."""
    numbers = {name: number for number, name in enumerate(plan.services)}
    met = sorted(epochs, key=numbers.__getitem__)
    for name in met:
        own, regions = epochs[name], plan.services[name].regions
        yield records.epochs(
            service=numbers[name],
            segments=len(own.segments),
            earlier=own.earlier,
            shares=sum(region in regions for s in own.segments for region in s.shares),
        )
    for name in met:
        yield from _one(tuple(plan.services[name].regions), epochs[name], placed)


def _one(
    regions: tuple[str, ...], epochs: Epochs, placed: Callable[[Positions], int]
) -> Iterator[bytes]:
    for left, start in zip(epochs.left, epochs.starts, strict=True):
        yield records.cohort(left=left, start=start)
    served = dict.fromkeys(regions, 0)
    for number, segment in enumerate(epochs.segments):
        yield records.segment(trickle=segment.trickle)
        for region in segment.serving:
            if region in served:
                served[region] |= 1 << number
    yield struct.pack(f"<{len(regions)}Q", *served.values())
    places = {region: place for place, region in enumerate(regions)}
    for number, segment in enumerate(epochs.segments):
        known = {places[r]: share for r, share in segment.shares.items() if r in places}
        for place, share in sorted(known.items()):
            yield records.segment_share(
                spill_ratio=share.spill_ratio,
                accept_ratio=share.accept_ratio,
                positions=NONE if share.positions is None else placed(share.positions),
                segment=number,
                region=place,
                spill_off=share.spill_off,
            )
