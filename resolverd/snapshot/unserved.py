"""Which fences have no region that serves, and the words for what is down; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resolverd.config.fences import FenceSize
from resolverd.snapshot.model import JudgedRegion

# Names in one text; a status line is read at a glance.
_NAMED = 3


def unserved(fences: Iterable[FenceSize], regions: Iterable[JudgedRegion]) -> list[FenceSize]:
    """The fences that have regions, none of which serves, in their order.

    One that has none by its configuration is `check`'s to tell. What several pins leave is left out
    where one of them has none alone.
    """
    serving = {
        (service, site.region)
        for site in regions
        if site.verdict.serves
        for service in site.services
    }
    found = [
        fence
        for fence in fences
        if fence.regions and not any((fence.service, region) in serving for region in fence.regions)
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


def what_is_down(fences: Sequence[FenceSize], regions: Sequence[JudgedRegion]) -> str:
    """What to look at first: ``chat has no region; down: us-east, eu-west and 4 more``.

    Empty while every region serves. A region that is down for some services alone has them named.
    """
    without = [
        f"{fence.service}{f' (pin {fence.pin})' if fence.pin else ''}"
        for fence in unserved(fences, regions)
    ]
    down = [_named(site, regions) for site in regions if not site.verdict.serves]
    parts = (
        [f"{_few(without)} {'has' if len(without) == 1 else 'have'} no region"] if without else []
    )
    parts += [f"down: {_few(down)}"] if down else []
    return "; ".join(parts)


def _named(site: JudgedRegion, regions: Sequence[JudgedRegion]) -> str:
    several = sum(other.region == site.region for other in regions) > 1
    return f"{site.region} ({', '.join(site.services)})" if several else site.region


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
