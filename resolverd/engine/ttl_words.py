"""What bounded the TTL of an answer, in words for people: from the reasons that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from resolverd.dns.codes import TYPE_NAMES
from resolverd.engine.steered import Reply, reply_of
from resolverd.policy.ttl import Bound
from resolverd.snapshot.model import CachedAnswer, Dyna, ServicePlan, ZonePlan


@dataclass(frozen=True, slots=True)
class FamilyTtl:
    """The TTL of the answer for one type; None where nothing is answered that could be kept.

    `why` names what bounded it, and what it would be otherwise.
    """

    type: str
    ttl: int | None
    why: str


_REGION: Mapping[Bound, str] = {
    "flip": "{region} may change {ahead}",
    "step": "the shares of {region} may move {ahead}",
    "answer_flip": "an endpoint that {region} is answered with may change {ahead}",
    "ramp": "{region} changed {ago}",
    "answer_ramp": "an endpoint of {region} changed {ago}",
    "epoch": "{region} is kept, and the epoch of this block ends {ahead}",
}


def ttl_words(
    rtype: int,
    reply: Reply,
    cached: CachedAnswer,
    dyna: Dyna,
    service: ServicePlan,
    zone: ZonePlan,
) -> FamilyTtl:
    """The TTL of a reply for `rtype` that `cached` comes to, with its reason."""
    kind, _, ttl, ceiling = reply
    name = TYPE_NAMES[rtype]
    if kind in {"servfail", "refused"}:
        return FamilyTtl(name, None, f"{kind.upper()} has none")
    match ceiling:
        case "dyna":
            why = f"the DYNA record's ceiling; the service would allow {cached.ttl} s"
        case "source":
            records = cached.records and cached.records._replace(a_ttl=None, aaaa_ttl=None)
            *_, otherwise, _ = reply_of(replace(cached, records=records), dyna, zone, rtype)
            why = f"what is left at the source of its addresses; {otherwise} s otherwise"
        case "negative":
            why = "the negative TTL of the zone"
        case "steering":
            later = replace(cached, ttl=cached.bounded.otherwise)
            *_, otherwise, _ = reply_of(later, dyna, zone, rtype)
            why = _steering(cached, service, otherwise)
    return FamilyTtl(name, ttl, why)


def _steering(cached: CachedAnswer, service: ServicePlan, otherwise: int) -> str:
    bounded = cached.bounded
    if cached.ttl != bounded.seconds:
        return "a longer prefix may have a region"
    if bounded.region is None:
        return "the service's ttl: nothing consulted may change before that"
    seconds = f"{bounded.limit:.3g} s"
    why = _REGION[bounded.bound].format(
        region=bounded.region,
        ahead=f"in {seconds}" if bounded.limit > 0 else "at any moment",
        ago=f"{seconds} ago" if bounded.limit > 0 else "just now",
    )
    if bounded.limit <= service.failover_ttl:
        why += ", and failover_ttl is the least"
    return why if otherwise == cached.ttl else f"{why}; {otherwise} s otherwise"
