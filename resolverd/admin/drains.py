"""Draining a region: whom it would leave without one, and when its last answer has run out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from resolverd.admin.operate import Order, UnknownTargetError, set_override
from resolverd.admin.served import Served
from resolverd.config.explain import did_you_mean
from resolverd.errors import ResolverdError
from resolverd.snapshot.regions import judge_regions


class Emptied(NamedTuple):
    """A fence that no region would serve: a service's, or that of its clients under `pin`."""

    service: str
    pin: str

    def __str__(self) -> str:
        return f"service {self.service}" + (f" under pin {self.pin}" if self.pin else "")


class Drained(NamedTuple):
    """A drain in force since `at` (Unix seconds); `ttls` are seconds left then, by service."""

    at: float
    ttls: dict[str, float]
    emptied: tuple[Emptied, ...]

    @property
    def wait(self) -> float:
        """Seconds after `at` when the last TTL has run out."""
        return max(self.ttls.values(), default=0.0)


class WouldEmptyError(ResolverdError):
    """A drain would leave a fence without a region that serves."""

    hint = "bring another of their regions up first, or force it"

    def __init__(self, region: str, emptied: tuple[Emptied, ...]) -> None:
        self.emptied = emptied
        super().__init__(f"without {region} no region serves {', '.join(map(str, emptied))}")


async def drain(served: Served, order: Order, *, force: bool) -> Drained:
    """Put the drain of a region in force; returns once answers obey.

    Raises UnknownTargetError where there is no such region, and, unless forced, WouldEmptyError.
    """
    left = would_empty(served, order.target)
    if left and not force:
        raise WouldEmptyError(order.target, left)
    await set_override(served, order)
    now = time.monotonic()
    ttls = served.ttl_ledger.remaining_ttls(served.snapshot.plan, order.target, now)
    return Drained(time.time(), ttls, left)


def would_empty(served: Served, region: str) -> tuple[Emptied, ...]:
    """The fences that a drain of `region` would leave without one that serves.

    Raises UnknownTargetError where there is no such region.
    """
    regions = served.inputs.config.region
    if region not in regions:
        raise UnknownTargetError(region, did_you_mean(region, list(regions)))
    return tuple(_emptied(served, region))


def _emptied(served: Served, region: str) -> Iterator[Emptied]:
    config = served.inputs.config
    judged = judge_regions(served.snapshot.plan, served.world, time.monotonic())
    serving = {(s, j.region) for j in judged.values() if j.verdict.serves for s in j.services}
    for name, service in config.service.items():
        fences = {"": frozenset(service.regions)} | {
            pin: frozenset(rule.regions) & frozenset(service.regions)
            for pin, rule in config.pin.items()
            if not rule.services or name in rule.services
        }
        for pin, fence in fences.items():
            if [each for each in fence if (name, each) in serving] == [region]:
                yield Emptied(name, pin)
