"""The fences of a configuration: which regions each service's clients may have; pure.

Whoever counts, checks or watches fences takes them from here: `check`, the warnings about hours,
the guard of drains and overrides, and the state of a daemon.

A client prefix in which several pins hold somewhere has the regions that all of them allow
(`policy.fence`). Any pins of a service can meet so, in a prefix that is short enough, and there are
2^n sets of n pins. What counts of these are the narrowest: for each region all the pins that allow
it at once. Where a set of pins leaves regions none of which serves, the narrowest of each of these
regions is within it, and is not served either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from resolverd.config.model import Config, Pin
from resolverd.config.tiers import answering, behind

Held = Mapping[str, frozenset[str]]
"""The regions that each pin of one service allows, by its name."""


class FenceSize(NamedTuple):
    """The regions of one service that the clients of some pins may have.

    `pins` is empty for clients without one; several are for clients in whose prefix all of them
    hold. The last region answers while `may_fail` of them are down.
    """

    service: str
    pins: tuple[str, ...]
    regions: tuple[str, ...]
    may_fail: int

    @property
    def pin(self) -> str:
        """The pins in one text, empty for clients without one."""
        return " and ".join(self.pins)

    def __str__(self) -> str:
        return whose(self.service, self.pins)


def whose(service: str, pins: Sequence[str]) -> str:
    """Whose fence it is, in words: ``service chat under pins gdpr and uk``."""
    return f"service {service}" + (f" under {these_pins(pins)}" if pins else "")


def these_pins(pins: Sequence[str]) -> str:
    """One or more pins in words: ``pins gdpr and uk``."""
    return f"{'pins' if len(pins) > 1 else 'pin'} {' and '.join(pins)}"


def fences(config: Config) -> list[FenceSize]:
    """Every fence by service: that of unpinned clients, those of its pins, the narrowest."""
    found = []
    for service in config.service:
        every = answering(config, service)
        held = dict(_held(config, service))
        regions_of: dict[tuple[str, ...], frozenset[str]] = {(): frozenset(every)}
        regions_of |= {(name,): allowed for name, allowed in held.items()}
        regions_of |= dict(_narrowest(held, every))
        for pins, allowed in regions_of.items():
            regions = tuple(region for region in every if region in allowed)
            found.append(FenceSize(service, pins, regions, max(0, len(regions) - 1)))
    return found


def _held(config: Config, service: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The regions that each pin allows a service; those behind it that pins of its core do too."""
    settings, core = config.service[service], behind(config, service)
    for name, pin in config.pin.items():
        if holds_for(pin, service):
            yield name, frozenset(pin.regions).intersection((*settings.regions, *core))
        elif core and holds_for(pin, settings.core):
            yield name, frozenset(settings.regions).union(set(pin.regions).intersection(core))


def holds_for(pin: Pin, service: str) -> bool:
    """Whether a pin is for a service: one that names none is for all."""
    return not pin.services or service in pin.services


def describe(fence: FenceSize) -> str:
    """One line for people."""
    whose = f"{fence.service}, {these_pins(fence.pins) if fence.pins else 'no pin'}"
    match len(fence.regions):
        case 0:
            return f"{whose}: no region: these clients get no address"
        case 1:
            return f"{whose}: one region ({fence.regions[0]}): no failover within this fence"
        case count:
            return f"{whose}: {fence.may_fail} of {count} regions may fail"


def _narrowest(
    held: Held, regions: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """What several pins leave at once, where none alone does: one for each set of regions."""
    if len(held) < 2:
        return
    seen = set(held.values())
    candidates = [[name for name in held if region in held[name]] for region in regions]
    for pins in (*candidates, list(held)):  # the last: pins that have no region in common
        if len(pins) < 2:
            continue
        left = frozenset.intersection(*(held[name] for name in pins))
        if left not in seen:
            seen.add(left)
            yield _fewest(pins, held, left), left


def _fewest(pins: list[str], held: Held, left: frozenset[str]) -> tuple[str, ...]:
    """Those of `pins` without which more than `left` would be, in their order."""
    needed = list(pins)
    for name in reversed(pins):
        others = [held[other] for other in needed if other != name]
        if others and frozenset.intersection(*others) == left:
            needed.remove(name)
    return tuple(needed)
