"""Draining a region: whom it would leave without one, and when its last answer has run out."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, NamedTuple

from resolverd.admin.emptied import emptied_by
from resolverd.admin.operate import OverrideCommand, UnknownTargetError, set_override
from resolverd.admin.scope import is_said_here, scope_of
from resolverd.admin.served import Served
from resolverd.config.explain import did_you_mean
from resolverd.config.fences import FenceSize
from resolverd.health.overrides import Override, OverrideKind

if TYPE_CHECKING:
    from resolverd.fleet.words import Told


class Drained(NamedTuple):
    """A drain in force since `at` (Unix seconds).

    `ttls` are seconds left then, by service, by what this edge answered; `elsewhere` are those that
    others of the fleet have told at most.
    """

    at: float
    ttls: dict[str, float]
    elsewhere: float
    emptied: tuple[FenceSize, ...]
    told: Told | None

    @property
    def wait(self) -> float:
        """Seconds after `at` when the last TTL has run out."""
        return max([self.elsewhere, *self.ttls.values()])


async def drain(served: Served, command: OverrideCommand) -> Drained:
    """Put the drain of a region in force; returns once answers obey.

    Raises UnknownTargetError where there is no such region, and, unless forced, WouldEmptyError.
    """
    _check_region(served, command.target)
    overrides_set = await set_override(served, command)
    scope, elsewhere = scope_of(served, command.edge), 0.0
    if served.fleet is not None:
        elsewhere = served.fleet.words.ttl_elsewhere(command.target, scope)
    ttls: dict[str, float] = {}
    if is_said_here(served, scope):
        plan, now = served.snapshot.plan, time.monotonic()
        ttls = served.ttl_ledger.remaining_ttls(plan, command.target, now)
    return Drained(time.time(), ttls, elsewhere, overrides_set.emptied, overrides_set.told)


def would_empty(served: Served, region: str) -> tuple[FenceSize, ...]:
    """The fences that a drain of `region` would leave without one that serves.

    Raises UnknownTargetError where there is no such region.
    """
    _check_region(served, region)
    return emptied_by(served, [region], Override(OverrideKind.DRAIN, "", "", time.monotonic()))


def _check_region(served: Served, name: str) -> None:
    regions, targets = served.inputs.config.region, served.inputs.targets.by_id
    if name in regions:
        return
    region = next((target.region for target in targets.values() if name in target.keys), None)
    if region is not None:
        raise UnknownTargetError(
            name,
            f"override it: resolverd override {shlex.quote(name)} drain --why WHY",
            f'"{name}" is an endpoint of {region}, and a drain is of a region',
        )
    hint = did_you_mean(name, list(regions))
    raise UnknownTargetError(name, hint, f'there is no region "{name}"')
