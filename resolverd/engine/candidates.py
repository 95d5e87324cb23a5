"""Each region of a service as one decision saw it, with its reason, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from resolverd.dns.prefix import Prefix
from resolverd.policy.decision import Decision, Reason, RegionStatus
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import draw_of_word, draw_word

WhyNot = Literal[Reason, "less_preferred", "outside_fence"]
"""A reason of the decision; or why it did not come to a region at all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region as the decision saw it; `reason` is the decision's, `why` the same in words."""

    region: str
    km: float
    preferred: int | None
    status: RegionStatus
    reason: WhyNot
    why: str


@dataclass(frozen=True, slots=True)
class Draw:
    """Where shares had a part: the client's block and its draw, from 0 to below 1.

    `home` is the region that would answer if it sent nobody on, and `spill_ratio` the share of its
    clients that it does send on: those whose draw is below. `trickle` is the share that the second
    region is given at all times: those whose draw is 1 - `trickle` or more. Where blocks are
    weighed, `position` stands for the draw in what is sent on, else it is None; and `load` is the
    block's share of the queries of that region's clients, where it has a position of its own.
    """

    block: str
    value: float
    home: str
    spill_ratio: float
    trickle: float = 0.0
    position: float | None = None
    load: float | None = None


_WORDS: Mapping[WhyNot, Callable[[RegionStatus], str]] = {
    "answered": lambda _: "answered",
    "kept": lambda s: f"answered: sends on {s.spill_ratio:.3g} of its clients, not this one",
    "not_accepted": lambda s: (
        f"answered: sends on {s.spill_ratio:.3g} of its clients, but none takes this one"
    ),
    "accepted": lambda s: f"answered: takes what others send on, up to {s.accept_ratio:.3g}",
    "answered_unknown": lambda _: "answered, though not known yet",
    "answered_alive": lambda _: "answered, though it does not serve: an endpoint of it is alive",
    "answered_down": lambda _: "answered, though down",
    "shed": lambda s: f"sends this client on, with {s.spill_ratio:.3g} of its clients",
    "sheds_own": lambda s: f"sends on {s.spill_ratio:.3g} of its own clients",
    "over_accept_ratio": lambda s: (
        f"takes what others send on, up to {s.accept_ratio:.3g}: not this one"
    ),
    "trickles": lambda _: "serves, and lets the second region have this client",
    "trickled": lambda _: "answered: it is given a few clients of the first at all times",
    "not_trickled": lambda _: "answered: the second region cannot have this client now",
    "spill_off": lambda _: "an operator has it take nobody (resolverd spill … off)",
    "held": lambda _: "answered: kept until the block's epoch ends",
    "no_address": lambda _: "without an address",
    "unknown": lambda _: "not known yet",
    "down": lambda _: "down",
    "less_preferred": lambda _: "less preferred",
    "outside_fence": lambda _: "outside the fence",
}


def draw_of(
    block: Prefix,
    decision: Decision,
    statuses: Mapping[str, RegionStatus],
    trickle: float = 0.0,
) -> Draw | None:
    """The draw of a client's block, where it had a part in the decision."""
    if not decision.per_block:
        return None
    home = next(region for region in decision.consulted if statuses[region].serves)
    first = home == decision.consulted[0] and not statuses[home].spill_off
    given = trickle if first else 0.0
    status, word = statuses[home], draw_word(block)
    position = load = None
    if status.positions is not None:
        position, load = status.positions.of(word), status.positions.weights.get(word)
    drawn = draw_of_word(word)
    return Draw(str(block), drawn, home, status.spill_ratio, given, position, load)


def candidates(
    regions: Iterable[str],
    distances: Mapping[str, float],
    preference: PreferenceList,
    statuses: Mapping[str, RegionStatus],
    decision: Decision,
    age: float = 0.0,
) -> tuple[Candidate, ...]:
    """All `regions` of a service, the preferred ones first, then those outside the fence.

    `statuses` are `age` seconds old; those of the candidates are of now.
    """
    ranks = {region: rank for rank, region in enumerate(preference, 1)}
    reasons: dict[str, WhyNot] = dict.fromkeys(preference, "less_preferred")
    reasons |= zip(decision.consulted, decision.reasons, strict=True)
    return tuple(
        Candidate(
            region,
            round(distances[region], 1),
            ranks.get(region),
            _at(statuses[region], age),
            reason,
            _WORDS[reason](statuses[region]),
        )
        for region in sorted(regions, key=lambda r: ranks.get(r, len(ranks) + 1))
        for reason in [reasons.get(region, "outside_fence")]
    )


def _at(status: RegionStatus, age: float) -> RegionStatus:
    """The status `age` seconds later, of which nothing but time has passed; without positions."""
    since, answer_since = status.since_change, status.answer_since_change
    return replace(
        status,
        positions=None,
        min_until_flip=max(0.0, status.min_until_flip - age),
        since_change=None if since is None else since + age,
        steady=max(0.0, status.steady - age),
        answer_min_until_flip=max(0.0, status.answer_min_until_flip - age),
        answer_since_change=None if answer_since is None else answer_since + age,
    )
