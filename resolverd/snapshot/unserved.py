"""Which fences have no region that serves, and the words for what is down; pure.

With 200 regions, 100 services and 50 pins this takes some 10 ms, so it is found once when a
Steering is published (`Outages`), and not at all while the regions that do not serve are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resolverd.config.fences import FenceSize
from resolverd.health.overrides import Override
from resolverd.snapshot.model import JudgedRegion

# Names in one text; a status line is read at a glance.
_NAMED = 3

NotServing = tuple[tuple[str, tuple[str, ...], bool, str], ...]
"""The sites that do not serve: region, services, whether somebody wanted that, and who."""


@dataclass(frozen=True, slots=True)
class Outages:
    """What does not serve at one Steering: found once, and read by all who report it.

    `fences` are all of the configuration, `unserved` those of them without a region that serves,
    `down` the words for both, `not_serving` what they were found from. The default is that of no
    configuration.
    """

    fences: Sequence[FenceSize] = ()
    unserved: Sequence[FenceSize] = ()
    down: str = ""
    not_serving: NotServing = ()

    def updated(self, fences: Sequence[FenceSize], regions: Iterable[JudgedRegion]) -> Outages:
        """Those of a later Steering.

        They are this object where `fences` is its own and its regions stand as they stood.
        """
        sites = list(regions)
        away = not_serving(sites)
        if fences is self.fences and away == self.not_serving:
            return self
        without = unserved(fences, sites)
        return Outages(fences, without, _words(without, sites), away)


def not_serving(regions: Iterable[JudgedRegion]) -> NotServing:
    """All of the regions that what follows depends on."""
    return tuple(
        (site.region, tuple(site.services), withdrawn(site), _who(site))
        for site in regions
        if not site.verdict.serves
    )


def withdrawn(region: JudgedRegion) -> bool:
    """Whether a region does not serve by overrides or its hours alone, not by what is measured."""
    if region.verdict.serves:
        return False
    if region.verdict.override is not None:
        return True
    away = [verdict for verdict in region.endpoints.values() if not verdict.serves]
    return bool(away) and all(verdict.override is not None for verdict in away)


def withdrawals(fence: FenceSize, regions: Iterable[JudgedRegion]) -> list[str]:
    """What operators (or hours) say that keeps regions of a fence out: which, by whom, and why."""
    return [
        f"{site.region}: {_who(site)}: {override.why}"
        for site in _of_fence(fence, regions)
        if (override := _keeps_out(site)) is not None
    ]


def unserved(fences: Iterable[FenceSize], regions: Iterable[JudgedRegion]) -> list[FenceSize]:
    """The fences that have regions, none of which serves, in their order.

    One that has none by its configuration is `check`'s to tell. What several pins leave is left out
    where one of them has none alone.
    """
    serving: defaultdict[str, set[str]] = defaultdict(set)
    for site in regions:
        if site.verdict.serves:
            for service in site.services:
                serving[service].add(site.region)
    found = [
        fence
        for fence in fences
        if fence.regions and serving[fence.service].isdisjoint(fence.regions)
    ]
    alone = {(fence.service, *fence.pins) for fence in found if len(fence.pins) == 1}
    return [
        fence
        for fence in found
        if len(fence.pins) < 2 or not any((fence.service, pin) in alone for pin in fence.pins)
    ]


def emptied(
    fences: Sequence[FenceSize], before: Iterable[JudgedRegion], after: Iterable[JudgedRegion]
) -> list[FenceSize]:
    """The fences that a region serves `before`, and none would `after`, in their order."""
    had_none = unserved(fences, before)
    return [fence for fence in unserved(fences, after) if fence not in had_none]


def widest(fences: Sequence[FenceSize]) -> list[FenceSize]:
    """Of unserved fences those to be named: no pin of a service that has no region at all."""
    whole = {fence.service for fence in fences if not fence.pin}
    return [fence for fence in fences if not fence.pin or fence.service not in whole]


def _of_fence(fence: FenceSize, regions: Iterable[JudgedRegion]) -> list[JudgedRegion]:
    return [r for r in regions if r.region in fence.regions and fence.service in r.services]


def _who(site: JudgedRegion) -> str:
    """``drain by op`` of a region that operators, or hours, have taken out; empty of another."""
    override = _keeps_out(site)
    return "" if override is None else f"{override.kind.value} by {override.who}"


def _keeps_out(site: JudgedRegion) -> Override | None:
    """The override that a region does not serve by: its own, or the first of its endpoints'."""
    if not withdrawn(site):
        return None
    of_endpoints = (verdict.override for verdict in site.endpoints.values() if not verdict.serves)
    return site.verdict.override or next(filter(None, of_endpoints), None)


def _words(unserved_fences: Sequence[FenceSize], regions: Sequence[JudgedRegion]) -> str:
    """What to look at first: ``chat has no region; down: us-east, eu-west and 4 more``.

    Empty while every region serves but those that somebody wants not to. A region that is down for
    some services alone has them named.
    """
    bare = widest(unserved_fences)
    without = [f"{fence.service}{f' (pin {fence.pin})' if fence.pin else ''}" for fence in bare]
    said = [
        f"{site.region}: {who}"
        for fence in bare
        for site in _of_fence(fence, regions)
        if (who := _who(site))
    ]
    by = f" ({_few(list(dict.fromkeys(said)))})" if said else ""
    sites = Counter(site.region for site in regions)
    down = [
        f"{site.region} ({_few(site.services)})" if sites[site.region] > 1 else site.region
        for site in regions
        if not site.verdict.serves and not withdrawn(site)
    ]
    parts = (
        [f"{_few(without)} {'has' if len(without) == 1 else 'have'} no region{by}"]
        if without
        else []
    )
    parts += [f"down: {_few(down)}"] if down else []
    return "; ".join(parts)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
