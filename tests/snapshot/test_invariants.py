"""Invariants 6.1 and 6.2 of DESIGN under random topologies, pins, databases and health.

All structure (networks, pins) lies in the top six bits of IPv4, so a universe of 64 blocks
holds every client there is, and the oracle can try them all. The database is a real one,
written block by block; answers are real messages.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.edns
import dns.message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdb_writer import mmdb_bytes

from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.names import key_from_text
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.dns.writer import RRsetWire
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Source
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.verdict import State, Verdict
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import Dyna, Node, Plan, Snapshot, ZonePlan
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer

BITS = 6
BLOCKS = 1 << BITS
NAME = "chat.example."
COUNTRIES = {"IE": "EU", "DE": "EU", "US": "NA", "JP": "AS", "IN": "AS"}
REGIONS = ("r1", "r2", "r3", "r4")

prefixes = st.integers(0, BITS).flatmap(
    lambda length: st.integers(0, (1 << length) - 1).map(
        lambda top: Prefix(32, top << (32 - length), length)
    )
)
networks = prefixes.filter(lambda prefix: prefix.length > 0)
regions = st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4, unique=True)


@dataclass(frozen=True)
class Case:
    """One world: the configuration as written, the database's networks, the state of health."""

    raw: dict[str, Any]
    networks: dict[Prefix, str]
    states: dict[str, State]
    overrides: dict[str, OverrideKind]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    served = draw(regions)
    pins: dict[str, Any] = {}
    free_subnets: list[Prefix] = draw(st.lists(prefixes, max_size=4, unique=True))
    free_countries = [*COUNTRIES]
    for number in range(draw(st.integers(0, 3))):
        by_subnet, by_country = draw(st.booleans()), draw(st.booleans())
        subnets = [str(free_subnets.pop())] if by_subnet and free_subnets else []
        countries = [free_countries.pop()] if by_country else []
        pins[f"p{number}"] = {
            "subnets": subnets,
            "countries": countries,
            "regions": draw(regions),
        }
    if draw(st.booleans()):
        pins["continental"] = {"continents": ["AS"], "regions": draw(regions)}
    raw = {
        "server": {"coordinates": [50.0, 8.0]},
        "region": {
            name: {
                "coordinates": [draw(st.integers(-80, 80)), draw(st.integers(-170, 170))],
                "endpoint": [{"address": [f"192.0.2.{n}"], "url": "http://192.0.2.1"}],
            }
            for n, name in enumerate(REGIONS, 1)
        },
        "service": {
            "chat": {
                "regions": served,
                "policy": draw(st.sampled_from(["nearest", "failover", "weighted"])),
                "all_down": draw(st.sampled_from(["nearest", "servfail", "nodata"])),
                "block_v4": 8,
            }
        },
        "pin": pins,
    }
    return Case(
        raw=raw,
        networks=draw(st.dictionaries(networks, st.sampled_from([*COUNTRIES]), max_size=8)),
        states={name: draw(st.sampled_from([*State])) for name in REGIONS},
        overrides=draw(
            st.dictionaries(st.sampled_from(REGIONS), st.sampled_from([*OverrideKind]), max_size=2)
        ),
    )


def build(case: Case) -> Snapshot:
    config = Config.model_validate(case.raw)
    locator = Locator([])
    if case.networks:
        content = mmdb_bytes({str(p): _record(c) for p, c in case.networks.items()})
        database = Database.of(content, "test.mmdb")
        locator = Locator([(Source(Path("test.mmdb"), None), database)])
    targets = probe_targets(config)
    apex = key_from_text("example.")
    soa = RRsetWire(6, 3600, ((b"\2ns\0", b"\0", bytes(20)),))
    nodes = {apex: Node({6: soa}), key_from_text(NAME): Node(dyna=Dyna("chat", 300))}
    services = compile_services(config, targets, MapMaker(locator, edge_of(config)))
    plan = Plan(1, {apex: ZonePlan(apex, soa, 300, nodes)}, services, b"", 1232)
    verdicts = {
        id_: Verdict(state := case.states[target.region], None, "", 1.0, state)
        for id_, target in targets.by_id.items()
    }
    overrides = Overrides()
    for region, kind in case.overrides.items():
        overrides.set(region, Override(kind, "test", "property", 0.0))
    return Snapshot(plan, steer(1, plan, World(verdicts, overrides, lambda _: ()), 100.0))


def _record(country: str) -> dict[str, str | float]:
    spot = list(COUNTRIES).index(country)
    return {"country_code": country, "latitude": 10.0 * spot, "longitude": 30.0 * spot}


def block(number: int) -> Prefix:
    """One of the universe's blocks, as a host inside it."""
    return Prefix(32, (number << (32 - BITS)) | 0x0102, 32)


def inside(prefix: Prefix) -> list[Prefix]:
    """The hosts of the universe that lie in `prefix`, which is at most BITS long."""
    return [host for number in range(BLOCKS) if prefix.contains(host := block(number))]


def oracle_fence(case: Case, host: Prefix) -> set[str]:
    """DESIGN §4, the slow way: most specific subnet, else country, else continent, else all."""
    pins = case.raw["pin"].values()
    around = [
        (ipaddress.ip_network(subnet).prefixlen, pin)
        for pin in pins
        for subnet in pin.get("subnets", [])
        if ipaddress.ip_address(host.address) in ipaddress.ip_network(subnet)
    ]
    served = set(case.raw["service"]["chat"]["regions"])
    if around:
        return served & set(max(around, key=lambda pair: pair[0])[1]["regions"])
    placed = [(p.length, c) for p, c in case.networks.items() if p.contains(host)]
    country = max(placed)[1] if placed else None
    for kind, place in (("countries", country), ("continents", COUNTRIES.get(country or ""))):
        for pin in pins:
            if place in pin.get(kind, []):
                return served & set(pin["regions"])
    return served


def ask(snapshot: Snapshot, prefix: Prefix) -> dns.message.Message:
    subnet = dns.edns.ECSOption(str(prefix.host()), prefix.length)
    query = dns.message.make_query(NAME, "A", use_edns=0, options=[subnet], id=0)
    response = respond(query.to_wire(), "203.0.113.9", snapshot, Counters())
    assert response is not None
    return dns.message.from_wire(response)


def scope_of(message: dns.message.Message) -> int:
    return next(o.scopelen for o in message.options if isinstance(o, dns.edns.ECSOption))


def told(message: dns.message.Message) -> tuple[object, ...]:
    """What an answer says, less its ECS echo."""
    sections = (message.answer, message.authority)
    return message.rcode(), [[rrset.to_text() for rrset in section] for section in sections]


quickly = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quickly
@given(cases(), st.integers(0, BLOCKS - 1), st.integers(BITS, 32))
def test_every_address_inside_a_returned_scope_gets_the_same_answer(
    case: Case, number: int, source: int
) -> None:
    """Invariant 6.1, where the scope is no longer than what was sent."""
    snapshot = build(case)
    asked = block(number).widened(source)
    answer = ask(snapshot, asked)
    scope = scope_of(answer)
    if scope > source:
        return
    for host in inside(asked.widened(min(scope, BITS))):
        other = ask(snapshot, host)
        assert told(other) == told(answer)
        assert scope_of(other) == scope


@quickly
@given(cases(), networks)
def test_asking_again_with_the_scope_settles_it(case: Case, asked: Prefix) -> None:
    """RFC 7871 §7.3.1: a scope longer than the source tells what to send next time."""
    snapshot = build(case)
    scope = scope_of(ask(snapshot, asked))
    again = Prefix(32, asked.address, max(scope, asked.length))
    answer = ask(snapshot, again)
    assert scope_of(answer) <= again.length
    host = Prefix(32, asked.address, 32)
    assert told(ask(snapshot, host)) == told(answer)


@st.composite
def straddling(draw: st.DrawFn) -> tuple[Case, Prefix]:
    """A case, and a prefix that likely spans a pin's or a network's border."""
    case = draw(cases())
    pinned = [parse_prefix(s) for pin in case.raw["pin"].values() for s in pin.get("subnets", [])]
    borders = [prefix for prefix in (*pinned, *case.networks) if prefix.length > 1]
    asked = draw(st.sampled_from(borders) if borders else networks)
    return case, asked.widened(draw(st.integers(1, asked.length)))


@quickly
@given(straddling())
def test_no_client_of_an_asked_prefix_is_answered_from_outside_its_fence(
    straddled: tuple[Case, Prefix],
) -> None:
    """Invariant 6.2, in any state of health, under any override, all regions down included."""
    case, asked = straddled
    snapshot = build(case)
    answer = ask(snapshot, asked)
    addresses = {rdata.address for rrset in answer.answer for rdata in rrset}
    given = {f"r{address.rpartition('.')[2]}" for address in addresses}
    for host in inside(asked):
        assert given <= oracle_fence(case, host)


@quickly
@given(straddling())
def test_the_fence_of_a_prefix_is_exactly_what_all_its_clients_share(
    straddled: tuple[Case, Prefix],
) -> None:
    """No narrower: a pin whose clients all lie under more specific ones does not count."""
    case, asked = straddled
    entry = build(case).plan.services["chat"].clients.lookup(asked)
    fences = [oracle_fence(case, host) for host in inside(asked)]
    assert set(entry.preference) == set.intersection(*fences)


@quickly
@given(cases(), st.integers(0, BLOCKS - 1))
def test_a_single_client_is_refused_only_when_its_own_fence_is_empty(
    case: Case, number: int
) -> None:
    host = block(number)
    answer = ask(build(case), host)
    assert (answer.rcode() == dns.rcode.REFUSED) == (not oracle_fence(case, host))
