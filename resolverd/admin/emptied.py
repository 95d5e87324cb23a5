"""Whom an override would leave without a region: the guard of drains and of all overrides.

What would be left is judged from the overrides in force at that moment, not from what answers come
from: one that was set a moment ago counts, although answers do not obey it yet. Whoever judges,
and then sets without awaiting anything in between, is alone: two operators cannot each take one of
the last two.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from resolverd.admin.served import Served
from resolverd.config.fences import FenceSize, fences
from resolverd.errors import ResolverdError
from resolverd.health.overrides import Override
from resolverd.snapshot.regions import World, judge_regions

Serving = set[tuple[str, str]]
"""(service, region) of each region that serves a service."""


class WouldEmptyError(ResolverdError):
    """An override would leave a fence without a region that serves."""

    hint = "bring another of their regions up first, or force it"

    def __init__(self, target: str, emptied: tuple[FenceSize, ...]) -> None:
        self.emptied = emptied
        super().__init__(f"without {target} no region serves {', '.join(map(str, emptied))}")


def emptied_by(served: Served, keys: Iterable[str], override: Override) -> tuple[FenceSize, ...]:
    """The fences that a region serves now, and none would under `override` of these keys."""
    now, world = time.monotonic(), served.world
    overrides = served.overrides.copy()
    for key in keys:
        overrides.set(key, override)
    after = _serving(served, world._replace(overrides=overrides, judgement=None), now)
    return emptied(fences(served.inputs.config), _serving(served, world, now), after)


def emptied(every: Iterable[FenceSize], before: Serving, after: Serving) -> tuple[FenceSize, ...]:
    """The fences that are served `before` and not `after`, in their order; pure.

    One of several pins is left out where that of some of them is emptied too.
    """
    lost = [each for each in every if _serves(each, before) and not _serves(each, after)]
    alone = {(each.service, pin) for each in lost if len(each.pins) == 1 for pin in each.pins}
    return tuple(
        each
        for each in lost
        if len(each.pins) < 2 or not any((each.service, pin) in alone for pin in each.pins)
    )


def emptied_of(found: Iterable[FenceSize]) -> list[dict[str, Any]]:
    """Fences as the API tells of them."""
    return [{"service": each.service, "pins": list(each.pins)} for each in found]


def _serves(fence: FenceSize, serving: Serving) -> bool:
    return any((fence.service, region) in serving for region in fence.regions)


def _serving(served: Served, world: World, now: float) -> Serving:
    judged = judge_regions(served.snapshot.plan, world, now).values()
    return {(name, each.region) for each in judged if each.verdict.serves for name in each.services}
