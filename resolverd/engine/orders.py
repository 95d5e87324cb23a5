"""The order of a service's regions for one client, and what it is made of, in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from resolverd.geo.distance import great_circle_km
from resolverd.policy.bias import NO_BIAS, Bias
from resolverd.policy.ranking import PreferenceList
from resolverd.rtt.latency import Latency, Measured
from resolverd.rtt.samples import Sample
from resolverd.snapshot.clientmap import Known, Policy, Ranking, Trace, first_of

POLICIES: tuple[Policy, ...] = get_args(Policy)
"""The policies whose orders can be told."""

# How many landmarks are named, and within how many km of the client.
_LANDMARKS, _NEAR_KM = 3, 1000.0


@dataclass(frozen=True, slots=True)
class MeasuredTime:
    """What was measured of the way to a region, in ms, and how far it is believed.

    `source` is what was measured: prefix, country, place or asn. `confidence` is from 0 to 1;
    `age_seconds` when its table was read.
    """

    source: str
    ms: float
    confidence: float
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Source:
    """One source of knowledge, and the ms that are expected with it and those before it."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What the way to one region costs by a policy, and what that is made of.

    `cost` is in the order's unit, with the `bias`; None where no cost decides. `expected_ms` is
    None where times have no part.
    """

    region: str
    cost: float | None
    bias: str
    expected_ms: float | None
    sources: tuple[Source, ...]
    measured: tuple[MeasuredTime, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """The order that one policy gives a client: regions, best first, and why it is that.

    `unit` is that of costs: ms, km, or empty where no cost decides. `costs` are in the order of
    the regions, and then of those outside the fence. `landmarks` are those nearby.
    """

    policy: str
    preference: tuple[str, ...]
    unit: str
    why: str
    costs: tuple[Cost, ...]
    landmarks: tuple[str, ...]


def policy_of(text: str | None) -> Policy | None:
    """The policy of this name, None for none. Raises ValueError for another."""
    named = next((policy for policy in POLICIES if policy == text), None)
    if text is not None and named is None:
        raise ValueError(f'"{text}" is no policy; write {", ".join(POLICIES)}')
    return named


def order_of(document: Mapping[str, Any]) -> Order:
    """The order that JSON tells."""
    costs = [
        Cost(
            **{
                **cost,
                "sources": tuple(Source(**source) for source in cost["sources"]),
                "measured": tuple(MeasuredTime(**time) for time in cost["measured"]),
            }
        )
        for cost in document["costs"]
    ]
    lists = {key: tuple(document[key]) for key in ("preference", "landmarks")}
    return Order(**{**document, **lists, "costs": tuple(costs)})


def order_given(ranked: Ranking, trace: Trace, name: str) -> Order:
    """The order that a client was given, by the policy of this `name`."""
    given = trace.entry.preference
    return _order(ranked, trace, name, given, _natural(ranked, trace))


def order_by(policy: Policy, ranked: Ranking, trace: Trace, measured: Measured | None) -> Order:
    """The order that the same client would be given if the service had another policy."""
    latency = None
    if policy == "latency":
        latency = (measured or Measured.nothing(ranked.coordinates)).latency(ranked.regions)
    other = replace(ranked, policy=policy, latency=latency)
    if latency is not None:
        trace = trace._replace(row=latency.around(first_of(trace.extracted))[0])
    order = _natural(other, trace)
    return _order(other, trace, policy, order, order)


def order_seen_from(region: str, ranked: Ranking, trace: Trace, policy: str) -> Order:
    """The order of a core's regions as they are near to a `region` of the edge service.

    `ranked` orders them by what the way from there costs; `trace` is of who stands there.
    """
    given = trace.entry.preference
    order = _order(ranked, trace, policy, given, given)
    return replace(order, why=f"{order.why}, as seen from {region}")


def with_those_behind(
    order: Order, preference: Sequence[str], behind: Sequence[str], core: str
) -> Order:
    """The same order, with the regions of the service `core` that stand `behind` its own.

    `preference` are those of them that the client may be given, best first.
    """
    preferred = (*order.preference, *preference)
    own = {cost.region: cost for cost in order.costs}
    costs = {region: Cost(region, None, "", None, (), ()) for region in behind} | own
    outside = [region for region in (*own, *behind) if region not in preferred]
    return replace(
        order,
        preference=preferred,
        why=f"{order.why}; behind them the regions of {core}, as its own list has them",
        costs=tuple(costs[region] for region in dict.fromkeys((*preferred, *outside))),
    )


def _natural(ranked: Ranking, trace: Trace) -> PreferenceList:
    """The order of the regions inside the fence, whatever it was before."""
    allowed = tuple(region for region in ranked.regions if region in trace.entry.preference)
    known = Known(trace.row)
    order = ranked.order(allowed, trace.place, trace.extracted, known, trace.origin)
    return ranked.drawn(order, trace.place, trace.row, trace.extracted) or order


def _order(
    ranked: Ranking, trace: Trace, name: str, given: PreferenceList, natural: PreferenceList
) -> Order:
    costs, latency = ranked.costs(trace.origin, trace.row), ranked.latency
    listed = [*given, *(region for region in ranked.regions if region not in given)]
    return Order(
        policy=name,
        preference=tuple(given),
        unit="ms" if latency else "km" if costs else "",
        why="; ".join(_reasons(ranked, trace, given, natural, costs)),
        costs=tuple(_cost(region, costs.get(region), ranked, trace) for region in listed),
        landmarks=_landmarks(latency, trace) if latency else (),
    )


def _reasons(
    ranked: Ranking,
    trace: Trace,
    given: PreferenceList,
    natural: PreferenceList,
    costs: dict[str, float],
) -> list[str]:
    """Why the regions stand in this order."""
    by = {
        "nearest": "by distance",
        "failover": "as the service lists them",
        "weighted": f"by a hash of the block {ranked.block(trace.extracted).prefix}",
        "latency": "by the round-trip time that is expected",
    }
    reasons = [by[ranked.policy]]
    if costs and any(ranked.bias(region) != NO_BIAS for region in given):
        reasons[0] += ", with a bias"
    if ranked.latency and trace.row:
        reasons.append("what was measured of the client's prefix orders the first four")
    if ranked.policy in ("nearest", "latency") and trace.place.doubt:
        reasons.append(_of_doubt(ranked, trace))
    moved = [(one, other) for one, other in zip(given, natural, strict=False) if one != other]
    for stays, better in moved[:1]:
        gain = costs[stays] - costs[better]
        reasons.append(
            f"{stays} stays before {better}, which is {gain:.1f} ms better: nobody moves for less "
            "than 10 ms or 10 %"
        )
    return reasons


def _of_doubt(ranked: Ranking, trace: Trace) -> str:
    """What it does to the order that only the client's country is sure."""
    place = trace.place
    if trace.origin != place:
        return f"from where this edge host stands, in {place.country} as the client"
    if trace.row:
        return "its place in doubt counts for little beside that"
    own = ranked.of_country(trace.entry.preference, place)
    if len(own) > 1:
        return f"first those in {place.country}, which its block draws by their capacity"
    if own:
        return f"first the one in {place.country}"
    return f"from where the people of {place.country} are: no region stands there"


def _cost(region: str, cost: float | None, ranked: Ranking, trace: Trace) -> Cost:
    latency, bias = ranked.latency, _words(ranked.bias(region), "ms" if ranked.latency else "km")
    if latency is None:
        rounded = None if cost is None else round(cost, 1)
        return Cost(region, rounded, bias, None, (), ())
    column = latency.names.index(region)
    steps = latency.steps(trace.origin, trace.row)
    return Cost(
        region,
        None if cost is None else round(cost, 1),
        bias,
        round(steps[-1].times[column], 1),
        tuple(Source(step.source, round(step.times[column], 1)) for step in steps),
        tuple(
            _measured(step.source, sample)
            for step in steps
            for sample in step.row
            if sample.region == column
        ),
    )


def _measured(source: str, sample: Sample) -> MeasuredTime:
    ms, confidence = round(sample.ms, 1), round(sample.confidence, 3)
    return MeasuredTime(source, ms, confidence, round(sample.age))


def _words(bias: Bias, unit: str) -> str:
    if bias == NO_BIAS:
        return ""
    return f"{bias.added:+.4g} {unit}" if bias.factor == 1 else f"× {bias.factor:g}"


def _landmarks(latency: Latency, trace: Trace) -> tuple[str, ...]:
    point = trace.origin.point
    assert point is not None, "who is ranked has the edge's point at least"
    near = sorted(
        (great_circle_km(point, origin.point), origin.point, origin.country)
        for origin in latency.field.origins
    )
    return tuple(
        " ".join(filter(None, (f"{north:.1f} {east:.1f}", country, f"({km:,.0f} km)")))
        for km, (north, east), country in near[:_LANDMARKS]
        if km <= _NEAR_KM
    )
