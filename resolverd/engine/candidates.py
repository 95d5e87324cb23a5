"""Each region of a service as one decision saw it, and why it was chosen or passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resolverd.dns.prefix import Prefix
from resolverd.policy.decision import RegionStatus
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import draw


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region as the decision saw it; `why` tells why it was chosen or passed over."""

    region: str
    km: float
    preferred: int | None
    status: RegionStatus
    why: str


@dataclass(frozen=True, slots=True)
class Draw:
    """Where shares had a part: the client's block and its draw, from 0 to below 1.

    `home` is the region that would answer if it sent nobody on, and `spill_ratio` the share of its
    clients that it does send on: those whose draw is below.
    """

    block: str
    value: float
    home: str
    spill_ratio: float

    @property
    def sent_on(self) -> bool:
        """Whether the client is one of those."""
        return self.value < self.spill_ratio


def drawn(block: Prefix, preference: PreferenceList, statuses: Mapping[str, RegionStatus]) -> Draw:
    """The draw of a client's block, where some region serves."""
    home = next(region for region in preference if statuses[region].serves)
    return Draw(str(block), draw(block), home, statuses[home].spill_ratio)


def candidates(
    regions: Iterable[str],
    distances: Mapping[str, float],
    preference: PreferenceList,
    statuses: Mapping[str, RegionStatus],
    chosen: str | None,
    share: Draw | None,
) -> tuple[Candidate, ...]:
    """All `regions` of a service, the preferred ones first, then those outside the fence."""
    ranks = {region: rank for rank, region in enumerate(preference, 1)}
    last = ranks[chosen] if chosen is not None else len(ranks)
    if share is not None and chosen == share.home and share.sent_on:
        last = len(ranks)
    return tuple(
        Candidate(
            region,
            round(distances[region], 1),
            ranks.get(region),
            statuses[region],
            _answered(region, statuses[region], share)
            if region == chosen
            else _passed(region, ranks.get(region), last, statuses[region], share),
        )
        for region in sorted(regions, key=lambda r: ranks.get(r, len(ranks) + 1))
    )


def _answered(region: str, status: RegionStatus, share: Draw | None) -> str:
    if not status.serves:
        return f"answered, though {_absence(status)}"
    if share is None:
        return "answered"
    if region != share.home:
        return f"answered: takes what others send on, up to {status.accept_ratio:.3g}"
    if share.sent_on:
        return f"answered: sends on {share.spill_ratio:.3g} of its clients, but none takes this one"
    return f"answered: sends on {share.spill_ratio:.3g} of its clients, not this one"


def _passed(
    region: str, rank: int | None, last: int, status: RegionStatus, share: Draw | None
) -> str:
    """Why another region is answered; `last` is the rank of the last one that was considered."""
    if rank is None:
        return "outside the fence"
    if not status.serves:
        return _absence(status)
    if share is None or not share.sent_on or rank > last:
        return "less preferred"
    if region == share.home:
        return f"sends this client on, with {share.spill_ratio:.3g} of its clients"
    if status.spill_ratio > 0:
        return f"sends on {status.spill_ratio:.3g} of its own clients"
    return f"takes what others send on, up to {status.accept_ratio:.3g}: not this one"


def _absence(status: RegionStatus) -> str:
    if not status.has_addresses:
        return "without an address"
    return "not known yet" if status.unknown else "down"
