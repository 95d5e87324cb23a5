"""The compiled client map against the lazy one, and both against counting on fingers."""

from __future__ import annotations

import pytest
from counted_by_hand import (
    by_hand,
    is_drawn,
)
from harness.trials import trials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_worlds import (
    BITS,
    DEEP,
    V6_BASE,
    World,
    asked_worlds,
    blocks,
    build,
    locator_of,
    translated,
    worlds,
)

from resolverd.abi.library import why_not
from resolverd.config.model import Config
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.policy.fence import UNPLACED
from resolverd.snapshot import clientmap
from resolverd.snapshot.coverage import covered

pytestmark = pytest.mark.skipif(why_not() is not None, reason="the native library is not built")

thoroughly = settings(
    max_examples=trials(25, 60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@thoroughly
@given(worlds())
def test_every_client_of_a_world_gets_what_counting_on_fingers_gives(world: World) -> None:
    compiled, lazy = build(world)
    for base in (Prefix(32, 0, 0), Prefix(128, V6_BASE, DEEP)):
        for host in blocks(base):
            fence, order, rule = by_hand(world, host)
            entry = compiled.lookup(host)
            assert set(entry.preference) == fence
            assert order is None or [*entry.preference] == order
            assert entry.pins == ((rule,) if rule else ())
            known = lazy.lookup(host)
            assert (entry.preference, entry.pins) == (known.preference, known.pins)
            assert entry.scope <= known.scope


@thoroughly
@given(worlds())
def test_a_client_behind_nat64_gets_what_its_ipv4_address_gets(world: World) -> None:
    clients = build(world)
    for text in world.raw["server"]["nat64"]:
        network = parse_prefix(text)
        positions = [at for at in range(network.length, 128) if not 64 <= at < 72]
        for host in blocks(Prefix(32, 0, 0)):
            behind = translated(network, host.address)
            for each in clients:
                plain, found = each.lookup(host), each.lookup(behind)
                assert (found.preference, found.pins) == (plain.preference, plain.pins)
                scope = positions[plain.scope - 1] + 1 if plain.scope else network.length
                assert found.scope == scope
                block, own = each.block(host), each.block(behind)
                assert (own.prefix, own.scope) == (block.prefix, positions[block.scope - 1] + 1)


@settings(
    max_examples=trials(100, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(asked_worlds())
def test_every_prefix_gets_what_the_lazy_map_gives(asked: tuple[World, Prefix]) -> None:
    world, client = asked
    compiled, lazy = build(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clientmap, "STRADDLE_LIMIT", 10_000)
        known = lazy.lookup(client)
    entry = compiled.lookup(client)
    assert (entry.preference, entry.pins) == (known.preference, known.pins)
    assert entry.scope <= known.scope


@settings(
    max_examples=trials(100, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(asked_worlds(), st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_every_address_inside_a_scope_gets_the_same_entry(
    asked: tuple[World, Prefix], other: int, longer: int
) -> None:
    world, client = asked
    compiled, _ = build(world)
    entry = compiled.lookup(client)
    if entry.scope > client.length:
        # Asking again with the scope settles it, and so it holds for what is asked then.
        client = Prefix(client.bits, client.address, entry.scope)
        entry = compiled.lookup(client)
        assert entry.scope <= client.length
    scope = client.widened(entry.scope)
    inside = Prefix(
        client.bits, scope.address | other & (2 ** (client.bits - scope.length) - 1), client.bits
    )
    assert compiled.lookup(inside) == entry
    shorter = inside.widened(max(scope.length, min(longer, client.bits)))
    networks = compiled.ranked.embedded
    if networks.boundary(networks.extract(shorter).prefix) is None:
        assert compiled.lookup(shorter) == entry


@thoroughly
@given(worlds())
def test_a_scope_is_the_shortest_in_which_all_clients_are_alike(world: World) -> None:
    compiled, _ = build(world)
    service = world.raw["service"]["chat"]
    # Whose order a draw makes is not alike to whose place makes the same by chance.
    counted = {
        host: (by_hand(world, host), is_drawn(world, host)) for host in blocks(Prefix(32, 0, 0))
    }
    for host, alike in counted.items():
        entry = compiled.lookup(host)
        drawn = service["policy"] == "weighted" or alike[1]
        block = service["block_v4"] if drawn else 0
        for length in range(BITS + 1):
            if all(counted[each] == alike for each in blocks(host.widened(length))):
                break
        else:
            pytest.fail("not even one block is alike in itself")
        assert entry.scope <= max(length, block)


@thoroughly
@given(worlds())
def test_the_share_that_a_pin_covers_is_that_of_all_clients_whom_the_databases_place(
    world: World,
) -> None:
    config, locator = Config.model_validate(world.raw), locator_of(world)
    _, lazy = build(world)
    counted: dict[str, list[int]] = {pin: [0, 0] for pin in (*world.raw["pin"], "")}
    for family, base in enumerate((Prefix(32, 0, 0), Prefix(128, V6_BASE, DEEP))):
        for host in blocks(base):
            place = locator.locate(host).place
            if place is not None and place.is_somewhere:
                [pin] = lazy.lookup(host).pins or [""]
                counted["" if pin == UNPLACED else pin][family] += 1
    whole = [sum(part) for part in zip(*counted.values(), strict=True)]
    for service, pin, *shares in covered(config, locator):
        assert service == "chat"
        for share, count, all_ in zip(shares, counted[pin], whole, strict=True):
            assert share is None if not all_ else share == pytest.approx(count / all_)
