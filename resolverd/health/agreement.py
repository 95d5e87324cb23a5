"""What other edges' verdicts on a target mean to this edge's own; pure.

    own probes   the quorum          the target is
    down         says so too         down                                          agreed
    down         does not            down for this edge's clients, and the path
                                     from here is at fault                         path
    serves       says that it is     as it was; its TTL falls, and it is asked
                 down                again at once                                 doubted
    serves       (policy `any`) an   down                                          told
                 edge's word is enough
    anything     nobody else sees    as it was                                     alone
    else                             as it was                                     agreed

So with every policy but `any` others' word never changes what an edge answers: it changes how long
that is kept. A quorum counts this edge where it has a verdict of its own, and is never more than
those who have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from resolverd.config.fleet import VerdictPolicy
from resolverd.health.verdict import State, Verdict


class Standing(StrEnum):
    """How this edge's own verdict stands with those of the others."""

    ALONE = "alone"
    AGREED = "agreed"
    PATH = "path"
    DOUBTED = "doubted"
    TOLD = "told"


class Agreement(NamedTuple):
    """How it stands, and of how many edges asked (`of`, this one included) how many say down."""

    standing: Standing
    down: int
    of: int


def agreement(
    policy: VerdictPolicy,
    own: bool | None,
    others: Mapping[str, bool],
    *,
    edge: str,
    km: Mapping[str, float],
) -> Agreement:
    """By `policy`, of this `edge` and what live `others` see, by name: whether the target serves.

    `own` is None where this edge does not know. `km` are the edges' distances from the region; one
    that is not in it is the farthest.
    """
    if own is None or not others or policy.kind == "own":
        return Agreement(Standing.ALONE, int(own is False), int(own is not None))
    votes = {**others, edge: own}
    asked = _nearest(votes, policy.edges, km) if policy.kind == "nearest" else votes
    down, of = sum(not serves for serves in asked.values()), len(asked)
    agreed = down >= _needed(policy, of)
    if agreed == (not own):
        return Agreement(Standing.AGREED, down, of)
    if not own:
        return Agreement(Standing.PATH, down, of)
    return Agreement(Standing.TOLD if policy.kind == "any" else Standing.DOUBTED, down, of)


def _needed(policy: VerdictPolicy, of: int) -> int:
    """How many of so many have to say that it is down."""
    if policy.kind == "any":
        return 1
    if policy.kind == "quorum" and policy.edges:
        return min(policy.edges, of)
    return of // 2 + 1


def _nearest(votes: Mapping[str, bool], count: int, km: Mapping[str, float]) -> dict[str, bool]:
    order = sorted(votes, key=lambda name: (km.get(name, float("inf")), name))
    return {name: votes[name] for name in order[:count]}


def with_others(verdict: Verdict, found: Agreement, now: float, changed: float | None) -> Verdict:
    """This edge's own `verdict` as it stands with the others.

    `changed` is when others last took the target down, or gave it back, by their word alone.
    """
    down, of = found.down, found.of
    if changed is not None and (verdict.changed_at is None or verdict.changed_at < changed):
        verdict = replace(verdict, changed_at=changed)
    match found.standing:
        case Standing.PATH:
            return replace(
                verdict, reason=f"path: {of - down} of {of} edges reach it; {verdict.reason}"
            )
        case Standing.DOUBTED:
            reason = f"{down} of {of} edges say that it is down; {verdict.reason}"
            return replace(verdict, reason=reason, min_until_flip=0.0, probed_at=now)
        case Standing.TOLD:
            return replace(
                verdict,
                state=State.DOWN,
                reason=f"{down} of {of} edges say that it is down; {verdict.reason}",
                min_until_flip=0.0,
                probed_at=now,
            )
        case _:
            return verdict
