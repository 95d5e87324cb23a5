"""Maps of the policy latency: the compiled one against the lazy one, and both against costs that
are looked up line by line; scopes; and that nobody moves for a little when tables change.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any

import pytest
from harness.measured import columns_of, measured
from harness.trials import trials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_worlds import (
    ASNS,
    DEEP,
    V6_BASE,
    World,
    blocks,
    locator_of,
    prefixes,
    simple,
    worlds,
)

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.config.targets import probe_targets
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.geo.locator import Locator
from resolverd.rtt.latency import Measured
from resolverd.rtt.samples import Row, Sample, Samples
from resolverd.snapshot import clientmap
from resolverd.snapshot.clientmap import LazyClientMap, Trace
from resolverd.snapshot.compile import compile_services
from resolverd.snapshot.compiledmap import CompiledClientMap
from resolverd.snapshot.maps import MapMaker, edge_of
from resolverd.snapshot.model import Plan, ServicePlan
from resolverd.snapshot.own_places import own_places as places_of
from resolverd.snapshot.rankings import coordinates_of

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

Rows = dict[Prefix, Row]
HOSTS = [*blocks(Prefix(32, 0, 0)), *blocks(Prefix(128, V6_BASE, DEEP))]
A_HOST = st.integers(0, len(HOSTS) - 1).map(HOSTS.__getitem__)
thoroughly = settings(
    max_examples=trials(10, 100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass(frozen=True, repr=False)
class Tables:
    """A world, and tables that come one after another, each with its rows of prefixes."""

    world: World
    config: Config
    locator: Locator
    known: tuple[tuple[Measured, Rows], ...]

    def __repr__(self) -> str:
        """What differs between examples; all of it would be more than hypothesis will show."""
        rows = [(known.samples.countries, rows) for known, rows in self.known]
        return f"Tables({self.world.databases}, {self.world.raw['pin']}, {rows})"

    def made(
        self, number: int, before: dict[bool, dict[str, ServicePlan]] | None = None
    ) -> dict[bool, dict[str, ServicePlan]]:
        """The services by table `number`, with compiled maps and without, after those before."""
        return {
            compiled: compile_services(
                self.config,
                probe_targets(self.config),
                MapMaker(
                    self.locator,
                    edge_of(self.config),
                    compiled=compiled,
                    previous=Plan(1, {}, before[compiled], b"", 1232) if before else None,
                    measured=self.known[number][0],
                    own=places_of(self.config),
                ),
            )
            for compiled in (True, False)
        }


def maps_of(
    services: dict[bool, dict[str, ServicePlan]],
) -> tuple[CompiledClientMap, LazyClientMap]:
    compiled, lazy = (services[kind]["chat"].clients for kind in (True, False))
    assert isinstance(compiled, CompiledClientMap)
    assert isinstance(lazy, LazyClientMap)
    return compiled, lazy


@st.composite
def tables(draw: st.DrawFn, count: int = 1) -> Tables:
    world = draw(worlds())
    service = world.raw["service"]["chat"]
    service["policy"] = "latency"
    service.pop("weights", None)
    biases = st.sampled_from([1, 1, 0.5, 2.5, "30ms", "-12.5ms"])
    for region in world.raw["region"].values():
        region["bias"] = draw(biases)
    config = Config.model_validate(world.raw)
    regions = coordinates_of(config)
    known = ("r2", "gone", "r5", "r1")
    tried = st.one_of(prefixes, A_HOST, A_HOST)
    return Tables(
        world,
        config,
        locator_of(world),
        tuple(
            draw(measured(regions, tried, known, ASNS, sorted(config.place))) for _ in range(count)
        ),
    )


def row_of(rows: Rows, measured: Measured, host: Prefix, names: tuple[str, ...]) -> Row:
    """The row of an address, found line by line, by column."""
    around = [prefix for prefix in rows if prefix.contains(host)]
    if not around:
        return ()
    row = rows[max(around, key=lambda prefix: prefix.length)]
    regions = measured.samples.regions
    return tuple(
        Sample(names.index(regions[one.region]), one.ms, one.confidence)
        for one in row
        if regions[one.region] in names
    )


def costs_at(trace: Trace, lazy: LazyClientMap, rows: Rows, measured: Measured) -> dict[str, float]:
    """What decides for an address, in ms by region."""
    latency = lazy.ranked.latency
    assert latency is not None
    row = row_of(rows, measured, trace.extracted, latency.names)
    assert trace.row == row
    return lazy.ranked.costs(trace.origin, row)


@thoroughly
@given(tables())
def test_every_client_gets_the_least_cost_first_in_both_maps(tables: Tables) -> None:
    compiled, lazy = maps_of(tables.made(0))
    measured, rows = tables.known[0]
    for host in HOSTS:
        entry, trace = compiled.lookup(host), lazy.trace(host)
        assert (entry.preference, entry.pins) == (trace.entry.preference, trace.entry.pins)
        assert entry.scope <= trace.entry.scope
        costs = costs_at(trace, lazy, rows, measured)
        of_place = lazy.ranked.costs(trace.origin)
        allowed = [region for region in lazy.ranked.regions if region in entry.preference]
        by_place = sorted(allowed, key=of_place.__getitem__)
        front = [region for region in allowed if region in by_place[:4]]
        order = [*sorted(front, key=costs.__getitem__), *by_place[4:]]
        own = trace.of_country  # a draw decides among these: test_compiled_map has which
        assert set(entry.preference[: len(own)]) == set(own)
        assert [*entry.preference[len(own) :]] == [r for r in order if r not in own]
        assert compiled.trace(host)._replace(entry=trace.entry) == trace


@thoroughly
@given(tables(), st.data())
def test_every_address_in_a_scope_gets_the_same(tables: Tables, data: st.DataObject) -> None:
    for clients in maps_of(tables.made(0)):
        for _ in range(8):
            host = data.draw(A_HOST)
            asked = host.widened(data.draw(st.integers(1, host.bits)))
            entry = clients.lookup(asked)
            if entry.scope > asked.length:
                asked = Prefix(asked.bits, asked.address, entry.scope)
                entry = clients.lookup(asked)
            within = asked.widened(entry.scope)
            rest = data.draw(st.integers(0, 2 ** (host.bits - within.length) - 1))
            inside = Prefix(host.bits, within.address | rest, host.bits)
            assert clients.lookup(inside) == entry


@thoroughly
@given(tables(), A_HOST)
def test_a_prefix_of_any_length_gets_the_same_in_both_maps(tables: Tables, host: Prefix) -> None:
    compiled, lazy = maps_of(tables.made(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clientmap, "STRADDLE_LIMIT", 10_000)
        for asked in (host.widened(length) for length in range(1, host.bits)):
            first, second = compiled.lookup(asked), lazy.lookup(asked)
            assert (first.preference, first.pins) == (second.preference, second.pins)


@thoroughly
@given(tables(count=3), st.data())
def test_nobody_moves_for_less_than_ten_milliseconds_or_a_tenth(
    tables: Tables, data: st.DataObject
) -> None:
    services = tables.made(0)
    before = maps_of(services)
    traces = {host: before[1].trace(host) for host in HOSTS}
    orders = {host: trace.entry.preference for host, trace in traces.items()}
    guessed = {host: bool(trace.of_country) for host, trace in traces.items()}
    for number in range(1, len(tables.known)):
        known, rows = tables.known[number]
        services = tables.made(number, services)
        compiled, lazy = maps_of(services)
        for host in HOSTS:
            entry, trace = compiled.lookup(host), lazy.trace(host)
            assert (entry.preference, entry.pins) == (trace.entry.preference, trace.entry.pins)
            assert entry.scope <= trace.entry.scope
            then, now = orders[host][:1], entry.preference[:1]
            # What was a guess by country alone, or is one again, had no time to compare with.
            was, guessed[host] = guessed[host], bool(trace.of_country)
            if then != now and not (was or trace.of_country):
                costs = costs_at(trace, lazy, rows, known)
                gain = costs[then[0]] - costs[now[0]]
                assert gain >= max(10.0, 0.1 * costs[then[0]])
            orders[host] = entry.preference
            for clients in (compiled, lazy):
                found = clients.lookup(host)
                within = host.widened(found.scope)
                rest = data.draw(st.integers(0, 2 ** (host.bits - within.length) - 1))
                assert clients.lookup(Prefix(host.bits, within.address | rest, host.bits)) == found


def measured_of(config: Config, rows: Rows, **more: Any) -> Measured:
    names = (*config.region,)
    samples = Samples(names, v4=columns_of(rows, 32), v6=columns_of(rows, 128), **more)
    return Measured.of(samples, coordinates_of(config))


def world_of(*known: Rows, pin: dict[str, Any] | None = None, bias: str = "0ms") -> Tables:
    """Three regions, and tables that come one after another."""
    world = simple(policy="latency", regions=["r3", "r4", "r5"])
    world.raw["pin"] = pin or {}
    world.raw["region"]["r5"]["bias"] = bias
    config = Config.model_validate(world.raw)
    rows = [(measured_of(config, rows), rows) for rows in known]
    return Tables(world, config, locator_of(world), tuple(rows))


CLIENT = parse_prefix("4.1.2.0/24")
LEAD: Rows = {CLIENT: (Sample(2, 1.0, 1.0), Sample(3, 100.0, 1.0), Sample(4, 100.0, 1.0))}
TIE: Rows = {CLIENT: (Sample(2, 90.0, 1.0), Sample(3, 85.0, 1.0), Sample(4, 100.0, 1.0))}


def test_what_was_measured_of_a_prefix_holds_inside_it_alone() -> None:
    far: Rows = {CLIENT: (Sample(2, 300.0, 1.0), Sample(3, 300.0, 1.0), Sample(4, 20.0, 1.0))}
    compiled, lazy = maps_of(world_of(far).made(0))
    inside, beside = CLIENT.host(), parse_prefix("4.1.3.0/24")
    for clients in (compiled, lazy):
        entry = clients.lookup(parse_prefix(f"{inside}/32"))
        assert (entry.preference[0], entry.scope) == ("r5", 24)
        assert clients.lookup(beside).preference[0] != "r5"
        assert clients.lookup(beside).scope == 24
        assert clients.trace(CLIENT).row == (
            Sample(0, 300.0, 1.0),
            Sample(1, 300, 1),
            Sample(2, 20, 1),
        )


def test_a_map_is_taken_over_until_its_tables_change() -> None:
    tables = world_of(LEAD, LEAD)
    first = tables.made(0)
    again, other = tables.made(0, first), tables.made(1, first)
    for compiled in (True, False):
        assert again[compiled]["chat"].clients is first[compiled]["chat"].clients
        assert other[compiled]["chat"].clients is not first[compiled]["chat"].clients


def test_an_order_is_kept_over_maps_in_which_nobody_asked_for_it() -> None:
    tables = world_of(LEAD, TIE, TIE)
    services = tables.made(0)
    assert [m.lookup(CLIENT).preference[0] for m in maps_of(services)] == ["r3", "r3"]
    services = tables.made(2, tables.made(1, services))
    assert [m.lookup(CLIENT).preference[0] for m in maps_of(services)] == ["r3", "r3"]


@pytest.mark.parametrize(
    "changed",
    [
        world_of(LEAD, TIE),  # other databases
        world_of(LEAD, TIE, bias="1ms"),
        world_of(LEAD, TIE, pin={"elsewhere": {"countries": ["FR"], "regions": ["r3"]}}),
    ],
    ids=["databases", "bias", "pins"],
)
def test_an_order_is_not_kept_when_more_than_tables_changed(changed: Tables) -> None:
    tables = world_of(LEAD, TIE)
    if changed.world.raw != tables.world.raw:
        changed = replace(changed, locator=tables.locator)
    before = tables.made(0)
    assert {clients.lookup(CLIENT).preference[0] for clients in maps_of(before)} == {"r3"}
    kept, moved = tables.made(1, before), changed.made(1, before)
    assert [clients.lookup(CLIENT).preference[0] for clients in maps_of(kept)] == ["r3", "r3"]
    assert [clients.lookup(CLIENT).preference[0] for clients in maps_of(moved)] == ["r4", "r4"]


def test_another_process_gets_the_lazy_map_of_the_same_tables() -> None:
    compiled, _ = maps_of(world_of(LEAD).made(0))
    revived = pickle.loads(pickle.dumps(compiled))
    assert isinstance(revived, LazyClientMap)
    assert revived.lookup(CLIENT).preference == compiled.lookup(CLIENT).preference


@pytest.mark.parametrize("policy", ["nearest", "latency"])
def test_a_bias_moves_clients_to_and_from_a_region(policy: str) -> None:
    places = {}
    for bias in (1, 0.01, "-9000ms", 50, "9000ms"):
        world = simple(policy=policy)
        world.raw["pin"] = {}
        world.raw["region"]["r3"]["bias"] = bias
        config = Config.model_validate(world.raw)
        services = Tables(world, config, locator_of(world), ((measured_of(config, {}), {}),)).made(
            0
        )
        compiled, lazy = maps_of(services)
        for host in HOSTS:
            assert compiled.lookup(host).preference == lazy.lookup(host).preference
        assert compiled.from_region("r4") == lazy.from_region("r4")
        places[bias] = compiled.lookup(CLIENT).preference.index("r3")
    assert 0 < places.pop(1) < 4
    assert places == {0.01: 0, "-9000ms": 0, 50: 4, "9000ms": 4}
