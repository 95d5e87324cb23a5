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
from resolverd.config.fences import FenceSize
from resolverd.errors import ResolverdError
from resolverd.health.overrides import Override
from resolverd.snapshot.regions import judge_regions
from resolverd.snapshot.unserved import emptied


class WouldEmptyError(ResolverdError):
    """An override would leave a fence without a region that serves."""

    hint = "bring another of their regions up first, or force it"

    def __init__(self, target: str, emptied: tuple[FenceSize, ...]) -> None:
        self.emptied = emptied
        super().__init__(f"without {target} no region serves {', '.join(map(str, emptied))}")


def emptied_by(served: Served, keys: Iterable[str], override: Override) -> tuple[FenceSize, ...]:
    """The fences that a region serves now, and none would under `override` of these keys."""
    now, plan, world = time.monotonic(), served.snapshot.plan, served.world
    overrides = served.overrides.copy()
    for key in keys:
        overrides.set(key, override)
    after = judge_regions(plan, world._replace(overrides=overrides, judgement=None), now)
    before = judge_regions(plan, world, now)
    return tuple(emptied(served.outages.fences, before.values(), after.values()))


def emptied_of(found: Iterable[FenceSize]) -> list[dict[str, Any]]:
    """Fences as the API has them: ``{"service": NAME, "pins": [NAME, …]}`` each."""
    return [{"service": fence.service, "pins": list(fence.pins)} for fence in found]
