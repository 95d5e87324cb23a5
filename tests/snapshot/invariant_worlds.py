"""The worlds of the invariants of docs/meaning.md: topologies, pins, databases, health and load.

All structure (networks, pins) lies in the top six bits of IPv4, so a universe of 64 blocks
holds every client there is, and the oracle can try them all. The database is a real one,
written block by block; answers are real messages. Each world is served over the lazy map, and
over the compiled one where the library is built, whose answers both engines have to agree on.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dns.edns
import dns.message
import pytest
from dns.rdatatype import CNAME
from harness.native import Native, native_of
from harness.trials import trials
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from mmdb_writer import mmdb_bytes

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.names import key_from_text
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.dns.writer import Compressible, RRsetWire
from resolverd.engine.answer import respond
from resolverd.engine.counters import Counters
from resolverd.geo.database import Database
from resolverd.geo.locator import Locator, Provenance
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.health.verdict import State, Verdict
from resolverd.policy.share import Positions, Share
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.earlier_maps import with_earlier_maps
from resolverd.snapshot.held import History
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import Dyna, Node, Plan, Snapshot, ZonePlan
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import steer
from resolverd.zone.dyna import NO_REGION

BITS = 6
BLOCKS = 1 << BITS
NAME = "chat.example."
DYNAS = {
    NAME: Dyna("chat", 300),
    "edge.example.": Dyna("edge", 300),
    "core.example.": Dyna("edge", 300, behind=True),
}
COUNTRIES = {"IE": "EU", "DE": "EU", "US": "NA", "JP": "AS", "IN": "AS"}
REGIONS = ("r1", "r2", "r3", "r4")
BLOCK = 8
UNIX = 1_764_000_000.0

both_maps = pytest.mark.parametrize(
    "compiled",
    [
        False,
        pytest.param(True, marks=pytest.mark.skipif(why_not() is not None, reason="no library")),
    ],
)

prefixes = st.integers(0, BITS).flatmap(
    lambda length: st.integers(0, (1 << length) - 1).map(
        lambda top: Prefix(32, top << (32 - length), length)
    )
)
networks = prefixes.filter(lambda prefix: prefix.length > 0)
regions = st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4, unique=True)
parts = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
positions = st.one_of(
    st.none(),
    st.builds(
        Positions,
        st.lists(parts, min_size=1, max_size=4).map(tuple),
        st.just({}),
        st.just({}),
    ),
)
shares = st.builds(
    Share,
    spill_ratio=parts,
    accept_ratio=parts,
    steady=st.just(math.inf),
    positions=positions,
    sampled=st.sampled_from([0, 1]),
    spill_off=st.booleans(),
)


class Past(NamedTuple):
    """How things stood so many seconds ago: before another Plan was adopted, or after."""

    ago: float
    states: dict[str, State]
    shares: dict[str, Share]
    before: bool


@dataclass(frozen=True)
class Case:
    """One world: the configuration as written, the database's networks, health and load.

    Where it is sticky, `past` is what was before, the longest ago first; and `raw_before` the
    configuration until some time in it.
    """

    raw: dict[str, Any]
    networks: dict[Prefix, str]
    states: dict[str, State]
    overrides: dict[str, OverrideKind]
    shares: dict[str, Share]
    sticky: float = 0.0
    past: tuple[Past, ...] = ()
    raw_before: dict[str, Any] | None = None


states = st.sampled_from([State.UP, State.UP, *State])
pasts = st.builds(
    Past,
    st.sampled_from([0.5, 20.0, 90.0, 300.0, 700.0, 5000.0]),
    st.fixed_dictionaries(dict.fromkeys(REGIONS, states)),
    st.dictionaries(st.sampled_from(REGIONS), shares, max_size=3),
    st.booleans(),
)


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
    raw: dict[str, Any] = {
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
                "block_v4": BLOCK,
                "trickle": draw(st.sampled_from([0.0, 0.0, 0.3, 0.5])),
            }
        },
        "pin": pins,
    }
    sticky: float = draw(st.sampled_from([0.0, 640.0]))
    past: tuple[Past, ...] = ()
    raw_before: dict[str, Any] | None = None
    if sticky:
        raw["service"]["chat"]["sticky"] = sticky
        past = tuple(sorted(draw(st.lists(pasts, max_size=4)), key=lambda p: -p.ago))
        if draw(st.booleans()):
            others = draw(regions)
            chat = raw["service"]["chat"] | {"regions": others, "policy": "failover"}
            outside: list[Prefix] = draw(st.lists(prefixes, max_size=2, unique=True))
            moved = {"regions": draw(regions), "subnets": [*map(str, outside)], "unplaced": True}
            raw_before = raw | {"service": {"chat": chat}, "pin": {"moved": moved}}
    placed = draw(st.dictionaries(networks, st.sampled_from([*COUNTRIES]), max_size=8))
    if draw(st.booleans()):  # all is well but for the load
        crowded = st.sampled_from(
            [Share(0.5), Share(0.9), Share(accept_ratio=0.7), Share(accept_ratio=1.0)]
        )
        loads = {name: draw(crowded) for name in REGIONS}
        well = dict.fromkeys(REGIONS, State.UP)
        return Case(raw, placed, well, {}, loads, sticky, past, raw_before)
    return Case(
        raw=raw,
        networks=placed,
        states={name: draw(st.sampled_from([*State])) for name in REGIONS},
        overrides=draw(
            st.dictionaries(st.sampled_from(REGIONS), st.sampled_from([*OverrideKind]), max_size=2)
        ),
        shares=draw(st.dictionaries(st.sampled_from(REGIONS), shares, max_size=4)),
        sticky=sticky,
        past=past,
        raw_before=raw_before,
    )


def build(case: Case, *, compiled: bool = False) -> Snapshot:
    config = Config.model_validate(case.raw)
    locator = Locator([])
    if case.networks:
        content = mmdb_bytes({str(p): _record(c) for p, c in case.networks.items()})
        database = Database.of(content, "test.mmdb")
        locator = Locator([(Provenance(Path("test.mmdb"), None), database)])
    apex = key_from_text("example.")
    soa = RRsetWire(6, 3600, ((Compressible(b"\2ns\0"), Compressible(b"\0"), bytes(20)),))
    nodes = {apex: Node({6: soa})}
    for name, dyna in DYNAS.items():
        if dyna.service in config.service:
            nodes[key_from_text(name)] = Node(dyna=dyna)
    no_region = RRsetWire(5, 0, ((Compressible(NO_REGION + apex),),))
    nodes[NO_REGION + apex] = Node()
    zones = {apex: ZonePlan(apex, soa, 300, nodes, no_region)}

    def planned(config: Config, generation: int, before: Plan | None) -> Plan:
        maps = MapMaker(locator, edge_of(config), compiled=compiled, previous=before)
        services = compile_services(config, probe_targets(config), maps)
        followed = with_earlier_maps(services, generation, before)
        return Plan(generation, zones, followed, b"", 1232)

    first = Config.model_validate(case.raw_before) if case.raw_before else None
    earlier = planned(first, 1, None) if first else None
    plan = planned(config, 2, earlier)
    overrides = Overrides()
    for region, kind in case.overrides.items():
        overrides.set(region, Override(kind, "test", "property", 0.0))
    histories: Mapping[str, History] = {}
    for past in case.past:
        plan_then = earlier if earlier and past.before and not histories else plan
        world = _world(config, past.states, past.shares, Overrides())
        at = UNIX - past.ago
        histories = steer(1, plan_then, world, 100.0, histories, at).histories
    world = _world(config, case.states, case.shares, overrides)
    return Snapshot(plan, steer(1, plan, world, 100.0, histories, UNIX))


def _world(
    config: Config, states: dict[str, State], shares: dict[str, Share], overrides: Overrides
) -> World:
    verdicts = {
        f"{region}-1": Verdict(state, None, "", 1.0, state) for region, state in states.items()
    }
    loads = {
        (service, region): share for region, share in shares.items() for service in config.service
    }
    return World(verdicts, overrides, lambda _: UNRESOLVED, loads)


class Served(NamedTuple):
    """A Snapshot that is asked, and the native engine over the same one, for compiled maps."""

    snapshot: Snapshot
    native: Native | None


def serve(case: Case, *, compiled: bool) -> Served:
    snapshot = build(case, compiled=compiled)
    return Served(snapshot, native_of(snapshot))


def _record(country: str) -> dict[str, str | float]:
    spot = list(COUNTRIES).index(country)
    return {"country_code": country, "latitude": 10.0 * spot, "longitude": 30.0 * spot}


def block(number: int) -> Prefix:
    """One of the universe's blocks, as a host inside it."""
    return Prefix(32, (number << (32 - BITS)) | 0x0102, 32)


def inside(prefix: Prefix) -> list[Prefix]:
    """The hosts of the universe that lie in `prefix`, which is at most BITS long."""
    return [host for number in range(BLOCKS) if prefix.contains(host := block(number))]


def oracle_fence(case: Case, host: Prefix, service: str = "chat", over: str = "") -> set[str]:
    """The fence of docs/meaning.md, the slow way: longest subnet, else country, continent, all.

    Of the regions of the service itself, or of those of `over`.
    """
    written = case.raw["pin"].values()
    pins = [pin for pin in written if service in (pin.get("services") or [service])]
    around = [
        (ipaddress.ip_network(subnet).prefixlen, pin)
        for pin in pins
        for subnet in pin.get("subnets", [])
        if ipaddress.ip_address(host.address) in ipaddress.ip_network(subnet)
    ]
    served = set(case.raw["service"][over or service]["regions"])
    if around:
        return served & set(max(around, key=lambda pair: pair[0])[1]["regions"])
    placed = [(p.length, c) for p, c in case.networks.items() if p.contains(host)]
    country = max(placed)[1] if placed else None
    for kind, place in (("countries", country), ("continents", COUNTRIES.get(country or ""))):
        for pin in pins:
            if place in pin.get(kind, []):
                return served & set(pin["regions"])
    return served


def within(scope: Prefix, low: int) -> Prefix:
    """A host inside `scope`, of those whose last bits these are."""
    return Prefix(32, scope.address | low & ((1 << (32 - scope.length)) - 1), 32)


def ask(served: Served, prefix: Prefix, name: str = NAME) -> dns.message.Message:
    subnet = dns.edns.ECSOption(str(prefix.host()), prefix.length)
    query = dns.message.make_query(name, "A", use_edns=0, options=[subnet], id=0)
    packet = query.to_wire()
    response = respond(packet, "203.0.113.9", served.snapshot, Counters())
    assert response is not None
    if served.native is not None:
        assert served.native.respond(packet, "203.0.113.9") == response
    return dns.message.from_wire(response)


def scope_of(message: dns.message.Message) -> int:
    return next(o.scopelen for o in message.options if isinstance(o, dns.edns.ECSOption))


def contents(message: dns.message.Message) -> tuple[object, ...]:
    """What an answer says, less its ECS echo."""
    sections = (message.answer, message.authority)
    return message.rcode(), [[rrset.to_text() for rrset in section] for section in sections]


quickly = settings(
    max_examples=trials(40, 200), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def holds_in_its_scope(
    served: Served, asked: Prefix, lows: Iterable[int], name: str = NAME
) -> None:
    """Assert that all who are asked for inside an answer's scope have that answer and scope.

    Nothing is said of a scope that is longer than what was asked. `lows` choose hosts.
    """
    answer = ask(served, asked, name)
    scope = scope_of(answer)
    if scope > asked.length:
        return
    whole = asked.widened(scope)
    for host in (*inside(asked.widened(min(scope, BITS))), *(within(whole, low) for low in lows)):
        if whole.contains(host):
            other = ask(served, host, name)
            assert contents(other) == contents(answer)
            assert scope_of(other) == scope


def is_settled_by_asking_again(served: Served, asked: Prefix, name: str = NAME) -> None:
    """Assert that an answer to its scope holds for the client (RFC 7871 §7.3.1)."""
    scope = scope_of(ask(served, asked, name))
    again = Prefix(32, asked.address, max(scope, asked.length))
    answer = ask(served, again, name)
    assert scope_of(answer) <= again.length
    assert contents(ask(served, Prefix(32, asked.address, 32), name)) == contents(answer)


@st.composite
def straddling(draw: st.DrawFn, worlds: st.SearchStrategy[Case]) -> tuple[Case, Prefix]:
    """One of these `worlds`, and a prefix that likely spans a pin's or a network's border."""
    case = draw(worlds)
    pinned = [parse_prefix(s) for pin in case.raw["pin"].values() for s in pin.get("subnets", [])]
    borders = [prefix for prefix in (*pinned, *case.networks) if prefix.length > 1]
    asked = draw(st.sampled_from(borders) if borders else networks)
    return case, asked.widened(draw(st.integers(1, asked.length)))


def given_to(message: dns.message.Message) -> set[str]:
    """The regions whose addresses an answer has."""
    rrsets = [rrset for rrset in message.answer if rrset.rdtype != CNAME]
    return {f"r{rdata.address.rpartition('.')[2]}" for rrset in rrsets for rdata in rrset}
