"""The verdict on a region, from those on its endpoints; pure.

A region serves while at least `min_endpoints` of its endpoints do. Any endpoint that flips
changes the region's set of addresses, so the region is as old as its youngest change and
may flip as soon as any of its endpoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from resolverd.health.overrides import Override
from resolverd.health.verdict import State, Verdict, overridden


def region_verdict(
    endpoints: Sequence[Verdict],
    min_endpoints: int,
    override: Override | None = None,
    *,
    now: float,
    ended: float | None = None,
) -> Verdict:
    """The region's verdict; `endpoints` already carry their own overrides.

    `override` is the region's own and beats them; `ended` is when its last one ended.
    """
    state = _state([endpoint.state for endpoint in endpoints], min_endpoints)
    first_to_flip = min(endpoints, key=lambda endpoint: endpoint.no_flip_before, default=None)
    measured = Verdict(
        state=state,
        changed_at=max((e.changed_at for e in endpoints if e.changed_at is not None), default=None),
        reason=_reason(endpoints),
        min_until_flip=math.inf if first_to_flip is None else first_to_flip.min_until_flip,
        measured=state,
        probed_at=-math.inf if first_to_flip is None else first_to_flip.probed_at,
    )
    verdict = overridden(measured, override, now, ended)
    if (
        verdict.override is not None
        and verdict.serves
        and measured.no_flip_before < verdict.no_flip_before
    ):
        # Kept up by hand, it is still answered with those endpoints that are up.
        return replace(
            verdict, min_until_flip=measured.min_until_flip, probed_at=measured.probed_at
        )
    return verdict


def _state(states: Sequence[State], needed: int) -> State:
    """Up or suspect while enough serve; unknown only when what is unknown could decide it."""
    serving = sum(state.serves for state in states)
    if serving >= needed > 0:
        return State.UP if states.count(State.UP) >= needed else State.SUSPECT
    if serving + states.count(State.UNKNOWN) >= needed > 0:
        return State.UNKNOWN
    returning = serving + states.count(State.RECOVERING)
    return State.RECOVERING if returning >= needed > 0 else State.DOWN


def _reason(endpoints: Sequence[Verdict]) -> str:
    if not endpoints:
        return "no endpoints"
    if len(endpoints) == 1:
        return endpoints[0].reason
    serving = sum(endpoint.serves for endpoint in endpoints)
    text = f"{serving} of {len(endpoints)} endpoints serve"
    last = max(
        (e for e in endpoints if not e.serves),
        key=lambda e: e.changed_at or -math.inf,
        default=None,
    )
    return text if last is None else f"{text}; {last.reason}"
