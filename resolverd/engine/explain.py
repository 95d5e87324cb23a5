"""The whole of one decision, step by step, for people and for `--json`.

It asks the Plan and the Steering what a packet asks them, by the same functions, and puts the
reasons that come with what they answer into words. It derives none of its own.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from resolverd.dns.codes import AAAA, CNAME, A
from resolverd.dns.names import Key, key_from_text, to_text
from resolverd.dns.prefix import Prefix
from resolverd.engine.candidates import Candidate, Draw, candidates, draw_of
from resolverd.engine.held_words import HeldRegion, held_of
from resolverd.engine.hops import Hops, hops_of
from resolverd.engine.lookup import LookupKind, LookupResult, classify
from resolverd.engine.orders import Order, order_by
from resolverd.engine.steered import reply_of
from resolverd.engine.ttl_words import FamilyTtl, ttl_words
from resolverd.engine.views import view_of
from resolverd.errors import ResolverdError
from resolverd.snapshot.clientmap import LazyClientMap, Policy
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.model import CachedAnswer, Dyna, Plan, Snapshot, ZonePlan
from resolverd.snapshot.tiers import Given, give, honours_ecs

# How many names a message lists.
_LISTED = 5


class NotSteeredError(ResolverdError):
    """The name is not one whose answer depends on the client."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one answer. Lengths are prefix bits, the TTL seconds.

    `draw` is None where no region that could have answered sends clients on, nor trickles. `held`
    tells of a region that the client keeps, and is None where another would not be given. `answer`
    holds addresses of both families, or the target of a CNAME. `note` is the text of the extended
    error that goes with the answer, where one does. `ttl` is None where nothing is answered that
    could be kept. `scope` is 0 where client subnets are not honoured (`ecs`). `accuracy_radius_km`
    is how exact the database says the place is; `doubt` why only its country is taken as sure.
    `groups` are those of countries by which the pins hold, each with its date. `order` is the order
    of the regions and why, `alternative_order` that of another policy, if one was asked for.
    `hops` are the ways to the edge and on to the core, for a name of a pair of services.
    """

    name: str
    service: str
    policy: str
    client: str
    looked_up: str
    place: str
    accuracy_radius_km: float | None
    doubt: str
    network_length: int
    pins: tuple[str, ...]
    groups: tuple[str, ...]
    fence: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    outcome: str
    region: str | None
    draw: Draw | None
    held: HeldRegion | None
    answer: tuple[str, ...]
    note: str
    ttl: int | None
    ttl_why: str
    ttls: tuple[FamilyTtl, ...]
    scope: int
    ecs: bool
    order: Order
    alternative_order: Order | None
    hops: Hops | None = None


def explain(
    name: str,
    client: Prefix,
    snapshot: Snapshot,
    alternative: Policy | None = None,
    now: float | None = None,
) -> Explanation:
    """Why a client inside `client` gets the answer it gets for `name`.

    `client` is what a resolver sends as client subnet, so at least one bit long, or else the
    resolver's own address. `alternative` is a policy whose order is told too. `now` (monotonic
    seconds) is when it is asked, None when the Steering was made: that may be hours old. Raises
    NotSteeredError when the name is not a DYNA, ValueError when it is not a name.
    """
    zone, dyna = _steered(name, snapshot.plan)
    given = give(snapshot, dyna, client)
    service, cached = given.service, given.cached
    clients = service.clients
    if not isinstance(clients, LazyClientMap | CompiledClientMap):
        raise NotSteeredError("this client map keeps no trace of its lookups")
    trace = clients.trace(client)
    policy = service.policy or clients.ranked.policy
    view = view_of(given, trace, policy, snapshot.plan, client)
    preference = view.order.preference
    statuses = snapshot.steering.statuses[service.name]
    age = 0.0 if now is None else max(0.0, now - snapshot.steering.taken_at)
    ecs = honours_ecs(snapshot.plan, dyna)
    draw = draw_of(clients.block(client).prefix, cached.decision, statuses, service.trickle)
    place = trace.place
    where = f"{place.latitude:.2f}, {place.longitude:.2f}"
    network = f"AS{place.asn}" if place.asn else None
    known = " ".join(filter(None, (place.country, place.continent, network)))
    ttls, first = _ttls(given, dyna, zone)
    return Explanation(
        name=name,
        service=service.name,
        policy=policy,
        client=str(client),
        looked_up=str(trace.extracted),
        place=" ".join(filter(None, (where, known, f"({_how(trace.placed, place.how)})"))),
        accuracy_radius_km=place.radius,
        doubt=place.doubt,
        network_length=trace.network_length,
        pins=trace.entry.pins,
        groups=tuple(dict.fromkeys(group for rule in trace.rules for group in rule.groups)),
        fence=tuple(sorted(preference)),
        candidates=candidates(
            service.regions, view.distances, preference, statuses, cached.decision, age
        ),
        outcome=cached.outcome,
        region=cached.region,
        draw=draw,
        held=held_of(cached),
        answer=_texts(cached, zone),
        note=cached.error.text if cached.error else "",
        ttl=first.ttl,
        ttl_why=first.why,
        ttls=tuple(ttls),
        scope=given.scope if ecs else 0,
        ecs=ecs,
        order=view.order,
        alternative_order=order_by(alternative, clients.ranked, trace, snapshot.plan.measured)
        if alternative
        else None,
        hops=hops_of(snapshot, dyna, client),
    )


def _steered(name: str, plan: Plan) -> tuple[ZonePlan, Dyna]:
    key = key_from_text(name)
    zone = plan.closest_zone(key)
    if zone is None:
        served = sorted(_shown(other.apex) for other in plan.zones.values())
        raise NotSteeredError(
            f"{name or 'the root'} lies in no zone served here; {_listed('zones', served)}"
        )
    result = classify(zone, key)
    if result.kind is LookupKind.NODE and result.node.dyna is not None:
        return zone, result.node.dyna
    steered = sorted(_shown(key) for key, _ in zone.steered_nodes())
    raise NotSteeredError(f"{_instead(name, key, result)}; {_listed('DYNA names', steered)}")


def _instead(name: str, key: Key, result: LookupResult) -> str:
    """What a name is that is not a DYNA."""
    node = result.node
    match result.kind:
        case LookupKind.NOTHING:
            return f"{name} does not exist"
        case LookupKind.CUT:
            return f"{name} is delegated to other name servers"
        case LookupKind.DNAME:
            return f"{name} is an alias, by the DNAME of {_shown(key[-result.owner_length :])}"
        case LookupKind.NODE if CNAME in node.rrsets:
            return f"{name} is an alias of {_shown(node.rrsets[CNAME].rdatas[0][0])}"
        case LookupKind.NODE:
            return f"{name} is not a DYNA name: its answer is the same for everybody"


def _shown(name: bytes) -> str:
    return to_text(name).removesuffix(".") or "."


def _listed(what: str, names: Sequence[str]) -> str:
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return f"{what} here: {', '.join([*names[:_LISTED], *more]) or 'none'}"


def _how(placed: bool, how: str) -> str:
    return f"from {how}" if placed else "no database places it: this edge host's own place"


def _texts(cached: CachedAnswer, zone: ZonePlan) -> tuple[str, ...]:
    records = cached.records
    if records is None:
        target = zone.no_region if cached.no_region == "cname" else None
        return () if target is None else (_shown(target.rdatas[0][0]),)
    if records.cname is not None:
        return (_shown(records.cname.rdatas[0][0]),)
    rrsets = [rrset for rrset in (records.a, records.aaaa) if rrset is not None]
    return tuple(str(ipaddress.ip_address(rdata[0])) for rrset in rrsets for rdata in rrset.rdatas)


def _ttls(given: Given, dyna: Dyna, zone: ZonePlan) -> tuple[list[FamilyTtl], FamilyTtl]:
    """The TTL of each type, and that of the first which has an answer."""
    cached, service, why = given.cached, given.service, ""
    if given.edge is not None and given.edge.cached.ttl < cached.bounded.seconds:
        service, why = given.edge.service, f"by what {given.edge.service.name} gives: "
        cached = replace(cached, bounded=given.edge.cached.bounded)
    replies = [(rtype, reply_of(cached, dyna, zone, rtype)) for rtype in (A, AAAA)]
    ttls = [ttl_words(rtype, reply, cached, dyna, service, zone) for rtype, reply in replies]
    if why:
        ttls = [replace(ttl, why=why + ttl.why) for ttl in ttls]
    answered = (ttl for ttl, (_, (_, rrset, *_)) in zip(ttls, replies, strict=True) if rrset)
    return ttls, next(answered, ttls[0])


def plain(explanation: Explanation) -> dict[str, Any]:
    """`explanation` for JSON, which has no word for a number without end: those become None.

    What weighs the blocks of a region is left out: `draw` has what of it had a part.
    """
    finite: dict[str, Any] = _finite(asdict(explanation))
    for candidate in finite["candidates"]:
        del candidate["status"]["positions"], candidate["status"]["sampled"]
    return finite


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
        case float() if math.isinf(value):
            return None
    return value
