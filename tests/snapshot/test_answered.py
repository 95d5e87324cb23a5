"""Serving, and having something to hand out, are two facts: what a region is answered with."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from harness.config import config_text
from harness.server import DOWN, HEAD, NOW, UP, snapshot_of

from resolverd.dns.prefix import Prefix
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import Resolved
from resolverd.health.verdict import UNKNOWN, State, Verdict
from resolverd.snapshot.model import CachedAnswer, Plan
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

SUSPECT = Verdict(State.SUSPECT, None, "test", 4.0, State.SUSPECT, probed_at=NOW)
REGIONS = """
[region.a]
coordinates = [40, -74]
min_endpoints = {least}
hostname = "a.example"
endpoint = [
  {{ name = "a1", address = ["192.0.2.1"], url = "http://192.0.2.1" }},
  {{ name = "a2", address = ["192.0.2.2"], url = "http://192.0.2.2" }},
  {{ name = "a3", hostname = "a3.example", url = "http://192.0.2.3" }},
]
[region.b]
coordinates = [50, 8]
endpoint = [{{ name = "b1", address = ["192.0.2.11", "2001:db8::11"], url = "http://192.0.2.11" }}]
[region.c]
coordinates = [51, 0]
hostname = "c.example"
endpoint = [{{ name = "c1", hostname = "c1.example", url = "http://192.0.2.21" }}]
[service.chat]
regions = ["a", "b"]
policy = "failover"
[service.only]
regions = ["c", "b"]
policy = "failover"
[service.alias]
regions = ["c"]
answer = "cname"
"""
ZONE = f"$ORIGIN x.example.\n{HEAD}chat 300 DYNA chat\nonly 300 DYNA only\nalias 300 DYNA alias\n"


def plan(least: int = 1) -> Plan:
    return snapshot_of(ZONE, config_text(REGIONS.format(least=least))).plan


PLANS = {least: plan(least) for least in (1, 2)}


def answer(
    verdicts: Mapping[str, Verdict],
    *,
    service: str = "chat",
    overridden: Mapping[str, Override] | None = None,
    addresses: Mapping[str, tuple[str, ...]] | None = None,
    least: int = 1,
) -> CachedAnswer:
    """What a client is given at `NOW`; endpoints without a verdict are up."""
    planned = PLANS[least]
    overrides = Overrides()
    for key, override in (overridden or {}).items():
        overrides.set(key, override)
    judged = dict.fromkeys(("a1", "a2", "a3", "b1", "c1"), UP) | dict(verdicts)
    world = World(judged, overrides, lambda name: resolved((addresses or {}).get(name, ())))
    steering = steer(1, planned, world, NOW)
    served = planned.services[service]
    return steering.answer(served, CLIENT, served.clients.lookup(CLIENT))[0]


def resolved(addresses: tuple[str, ...]) -> Resolved:
    """What look-ups have said of a hostname."""
    a = tuple(address for address in addresses if "." in address)
    return Resolved(a, tuple(sorted({*addresses} - {*a})), known=True, reason="NXDOMAIN")


CLIENT = Prefix(32, 0x0A000000, 24)


def given(cached: CachedAnswer) -> tuple[str, str | None, set[int]]:
    """The outcome, the region, and the last octets of its IPv4 addresses."""
    rrset = cached.records.a if cached.records else None
    last = {rdata[0][-1] for rdata in rrset.rdatas} if rrset else set()
    return cached.outcome, cached.region, last


def drain(ago: float = 1000.0, lasts: float | None = None) -> Override:
    until = None if lasts is None else NOW + lasts
    return Override(OverrideKind.DRAIN, "op", "test", NOW - ago, until)


OVERRIDES = {"a": drain(), "b": drain()}


@pytest.mark.parametrize(
    ("verdicts", "overridden", "least", "expected"),
    [
        pytest.param({}, {}, 1, ("serving", "a", {1, 2}), id="what has no address is left out"),
        pytest.param({"a1": DOWN}, {}, 1, ("serving", "a", {2}), id="what is dead is left out"),
        pytest.param(
            {"a1": DOWN, "a2": DOWN},
            {},
            1,
            ("serving", "b", {11}),
            id="an endpoint up without an address keeps no region up",
        ),
        pytest.param(
            {"a1": DOWN}, {}, 2, ("serving", "b", {11}), id="nor does it count as one of the least"
        ),
        pytest.param(
            {"a1": DOWN, "a2": DOWN, "b1": DOWN},
            {},
            1,
            ("all_down", "a", {1, 2}),
            id="all are dead",
        ),
        pytest.param(
            {"a1": DOWN, "b1": DOWN}, {}, 2, ("all_down", "a", {2}), id="too few, but one alive"
        ),
        pytest.param({"a1": DOWN, "a2": DOWN}, OVERRIDES, 1, ("all_down", "b", {11}), id="drained"),
        pytest.param({"a1": DOWN}, OVERRIDES, 1, ("all_down", "a", {2}), id="drained, one dead"),
        pytest.param(
            {"a1": DOWN, "b1": DOWN},
            {"a2": drain()},
            1,
            ("all_down", "a", {2}),
            id="an endpoint drained, the others dead",
        ),
        pytest.param(
            {"a1": UNKNOWN, "a2": DOWN, "b1": DOWN},
            OVERRIDES,
            1,
            ("all_down", "a", {1}),
            id="what nobody knows comes before what is dead",
        ),
        pytest.param(
            {"a1": UNKNOWN, "a2": UNKNOWN, "b1": DOWN},
            {},
            1,
            ("unknown", "a", {1, 2}),
            id="unknown",
        ),
    ],
)
def test_which_region_answers_and_with_which_endpoints(
    verdicts: Mapping[str, Verdict],
    overridden: Mapping[str, Override],
    least: int,
    expected: tuple[str, str, set[int]],
) -> None:
    assert given(answer(verdicts, overridden=overridden, least=least)) == expected


def test_a_region_without_an_address_does_not_serve_even_kept_up_by_hand() -> None:
    up = Override(OverrideKind.UP, "op", "test", NOW)
    cached = answer({}, service="only", overridden={"c": up, "c1": up})
    assert given(cached) == ("serving", "b", {11})
    found = answer({}, service="only", addresses={"c1.example": ("192.0.2.21",)})
    assert given(found) == ("serving", "c", {21})


def test_a_family_alone_is_something_to_hand_out() -> None:
    cached = answer({}, service="only", addresses={"c1.example": ("2001:db8::21",)})
    assert cached.region == "c"
    assert cached.records is not None
    assert (cached.records.a, len(cached.records.aaaa.rdatas if cached.records.aaaa else ())) == (
        None,
        1,
    )


def test_nothing_to_hand_out_anywhere_is_said_as_no_region_is() -> None:
    verdicts = {"b1": DOWN}
    assert answer(verdicts, service="only").region == "b"
    planned = snapshot_of(
        ZONE, config_text(REGIONS.format(least=1).replace(', "b"]', "]").replace('"a", "b"', '"a"'))
    )
    cached = planned.steering.answer(
        planned.plan.services["only"],
        CLIENT,
        planned.plan.services["only"].clients.lookup(CLIENT),
    )[0]
    assert (cached.outcome, cached.region, cached.no_region, cached.ttl) == (
        "no_address",
        None,
        "cname",
        5,
    )


def test_a_service_that_answers_with_a_hostname_needs_no_endpoints_address() -> None:
    """Although another service hands out addresses of the same region."""
    assert answer({}, service="alias").outcome == "serving"
    assert answer({}, service="only").region == "b"


@pytest.mark.parametrize(
    ("verdicts", "overridden", "ttl"),
    [
        pytest.param({}, {"a": drain(), "b": drain()}, 60, id="drained long ago, all well"),
        pytest.param({"a1": SUSPECT}, OVERRIDES, 5, id="an endpoint in the answer is suspect"),
        pytest.param(
            {"a1": Verdict(State.UP, NOW - 20, "", math.inf, State.UP)},
            OVERRIDES,
            20,
            id="an endpoint returned 20 s ago",
        ),
        pytest.param(
            {"a1": Verdict(State.DOWN, NOW - 30, "", 1.0, State.DOWN, probed_at=NOW)},
            OVERRIDES,
            30,
            id="an endpoint left the answer 30 s ago",
        ),
        pytest.param({}, {"a": drain(lasts=12.0), "b": drain()}, 11, id="an override ends"),
        pytest.param(
            {
                "b1": Verdict(State.DOWN, None, "", 9.0, State.DOWN, probed_at=NOW),
                "a1": DOWN,
                "a2": DOWN,
            },
            OVERRIDES,
            5,
            id="none is alive",
        ),
    ],
)
def test_an_answer_without_serving_holds_as_long_as_its_endpoints(
    verdicts: Mapping[str, Verdict], overridden: Mapping[str, Override], ttl: int
) -> None:
    """The least of the override's horizon and of theirs whose addresses are in the answer."""
    cached = answer(verdicts, overridden=overridden)
    assert (cached.outcome, cached.ttl) == ("all_down", ttl)


def test_a_drained_region_that_is_passed_over_costs_no_ttl_by_its_dead_endpoints() -> None:
    """Under maintenance its servers are off: nothing of it can change the answer of another."""
    verdicts = {"a1": DOWN, "a2": SUSPECT, "a3": SUSPECT}
    cached = answer(verdicts, overridden={"a": drain()}, addresses={"a3.example": ("192.0.2.3",)})
    assert (cached.outcome, cached.region, cached.ttl) == ("serving", "b", 60)
