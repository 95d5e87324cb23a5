"""How long the answers given so far may be kept: when the last one that names a region runs out.

It is an upper bound, from the TTLs that Plans allow and not from answers one by one, and it holds
for resolvers that obey TTLs. What a CNAME leads to has a TTL of its own.

Resolvers keep what an earlier process has answered too. So the next one resumes with what this one
has given; until it alone answers, a standby may go on with what was served before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.snapshot.model import Plan


class Lasting(NamedTuple):
    """When answers of what was served before, which name `regions`, have run out (s, monotonic)."""

    until: float
    regions: tuple[str, ...]


class Given(NamedTuple):
    """What the answers of one service have allowed.

    By what is served they name `regions`, with a TTL of `ttl` seconds at most. `lasting` are those
    of before.
    """

    ttl: float = 0.0
    regions: tuple[str, ...] = ()
    lasting: tuple[Lasting, ...] = ()


class TtlLedger:
    """Remembers the TTLs of Plans that are served no more, for as long as their answers live.

    It has one entry for each service, as it is kept at each change of a verdict.
    """

    def __init__(self) -> None:
        self._lasting: dict[str, tuple[Lasting, ...]] = {}
        self._before: dict[str, Given] = {}  # what an earlier process serves
        self._known: tuple[Plan, dict[str, Given]] | None = None  # of what is served

    def resume(self, given: Mapping[str, Given]) -> None:
        """An earlier process has `given` these, by service, and may answer still."""
        self._lasting = {service: own.lasting for service, own in given.items() if own.lasting}
        self._before = {service: own for service, own in given.items() if own.regions}

    def succeed(self, now: float) -> None:
        """The earlier process answers no more since `now` (monotonic seconds)."""
        self._end(self._before, now)
        self._before = {}

    def retire(self, plan: Plan, now: float) -> None:
        """Another Plan is served instead of `plan` since `now` (monotonic seconds)."""
        self._end(self._given_by(plan), now)
        self._known = None

    def given(self, plan: Plan, now: float) -> dict[str, Given]:
        """What a later process has to resume with, by service, while `plan` is served.

        While an earlier process may answer too, what either of both names has the longer TTL.
        """
        own, before = self._given_by(plan), self._before
        lasting = _still(self._lasting, now)
        return {
            service: _either(own.get(service), before.get(service))._replace(
                lasting=lasting.get(service, ())
            )
            for service in own.keys() | before.keys() | lasting.keys()
        }

    def remaining_ttls(self, plan: Plan, region: str, now: float) -> dict[str, float]:
        """Seconds, by service, for which an answer that names `region` may live after `now`."""
        naming = [s.name for s in plan.services.values() if region in s.regions]
        served = self._given_by(plan) if naming else {}
        left = {service: served[service].ttl for service in naming}
        for service, own in self._before.items():
            if region in own.regions:
                left[service] = max(left.get(service, 0.0), own.ttl)
        for service, lasting in self._lasting.items():
            for until, regions in lasting:
                if until > now and region in regions:
                    left[service] = max(left.get(service, 0.0), until - now)
        return left

    def longest_ttl(self, plan: Plan, region: str, now: float) -> float:
        """The most of these seconds; 0 where no answer names `region`."""
        return max(self.remaining_ttls(plan, region, now).values(), default=0.0)

    def _end(self, given: Mapping[str, Given], now: float) -> None:
        """What allowed these is served no more."""
        self._lasting = _still(self._lasting, now)
        for service, own in given.items():
            ended = Lasting(now + own.ttl, own.regions)
            self._lasting[service] = _longest((*self._lasting.get(service, ()), ended))

    def _given_by(self, plan: Plan) -> dict[str, Given]:
        """Reckoned once for each Plan, as all its zones are walked for them."""
        if self._known is None or self._known[0] is not plan:
            ceilings = _ceilings(plan)
            self._known = (
                plan,
                {
                    service.name: Given(
                        min(service.ttl, ceilings.get(service.name, 0)), tuple(service.regions)
                    )
                    for service in plan.services.values()
                },
            )
        return self._known[1]


def _still(lasting: Mapping[str, Iterable[Lasting]], now: float) -> dict[str, tuple[Lasting, ...]]:
    """What has not run out by `now`, of the services of which there is any."""
    left = {service: tuple(o for o in own if o.until > now) for service, own in lasting.items()}
    return {service: own for service, own in left.items() if own}


def _longest(lasting: Iterable[Lasting]) -> tuple[Lasting, ...]:
    """Without those all of whose regions another names that lasts as long; the longest first."""
    found: list[Lasting] = []
    for one in sorted(lasting, key=lambda each: -each.until):
        if not any({*one.regions} <= {*longer.regions} for longer in found):
            found.append(one)
    return tuple(found)


def _either(own: Given | None, before: Given | None) -> Given:
    """What both may answer; None answers nothing."""
    if own is None or before is None:
        return own or before or Given()
    return Given(max(own.ttl, before.ttl), tuple(dict.fromkeys(own.regions + before.regions)))


def _ceilings(plan: Plan) -> dict[str, int]:
    """The longest TTL that the DYNA records of each service allow."""
    found: dict[str, int] = {}
    for zone in plan.zones.values():
        for _, node in zone.steered_nodes():
            if node.dyna is not None:
                service = plan.service_of(node.dyna).name
                found[service] = max(found.get(service, 0), node.dyna.ttl)
    return found
