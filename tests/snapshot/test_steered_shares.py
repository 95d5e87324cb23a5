"""What a Steering makes of the shares that the world has for the regions of its services."""

from __future__ import annotations

import math

import pytest
from harness.config import config_text
from harness.places import database_locator
from harness.server import HEAD, NOW, UP, snapshot_of
from hypothesis import given
from hypothesis import strategies as st

from resolverd.abi.library import why_not
from resolverd.dns.embedded_v4 import NETWORKS
from resolverd.dns.prefix import Prefix
from resolverd.engine.image import steering_image
from resolverd.health.overrides import Override, OverrideKind, Overrides
from resolverd.health.resolved import UNRESOLVED
from resolverd.policy.decision import RegionStatus
from resolverd.policy.share import Share
from resolverd.policy.ttl import horizon
from resolverd.snapshot.model import Steering
from resolverd.snapshot.regions import World
from resolverd.snapshot.steer import STALENESS, stale_at, steer

SERVICES = """
[service.one]
regions = ["us-east", "us-west"]
policy = "failover"
[service.two]
regions = ["us-east", "us-west"]
policy = "failover"
"""
PLAN = snapshot_of(
    f"$ORIGIN inference.example.\n{HEAD}one DYNA one\ntwo DYNA two\n", config_text(SERVICES)
).plan
CLIENT = Prefix(32, 0x0A000001, 32)


def steered(
    shares: dict[tuple[str, str], Share], overrides: Overrides | None = None, now: float = NOW
) -> Steering:
    verdicts = dict.fromkeys(("us-east-1", "us-west-1"), UP)
    world = World(verdicts, overrides or Overrides(), lambda _: UNRESOLVED, shares)
    return steer(1, PLAN, world, now)


def answer_of(steering: Steering, service: str) -> tuple[str, str | None, int]:
    """Outcome, region and scope of one client."""
    planned = PLAN.services[service]
    entry = planned.clients.lookup(CLIENT)
    cached, scope = steering.answer(planned, CLIENT, entry)
    return cached.outcome, cached.region, scope


FULL = {("one", "us-east"): Share(1.0), ("one", "us-west"): Share(accept_ratio=1.0)}


def test_a_share_is_of_one_service_even_where_its_regions_are_judged_for_several() -> None:
    steering = steered(FULL)
    assert answer_of(steering, "one") == ("spilled", "us-west", 24)
    assert answer_of(steering, "two") == ("serving", "us-east", 0)


def test_a_region_that_an_operator_holds_up_still_sends_clients_on() -> None:
    """The override says that it serves, not that it has room."""
    overrides = Overrides()
    overrides.set("us-east", Override(OverrideKind.UP, "test", "held", NOW))
    assert answer_of(steered(FULL, overrides), "one") == ("spilled", "us-west", 24)


def test_a_region_that_an_operator_drains_takes_nobody() -> None:
    overrides = Overrides()
    overrides.set("us-west", Override(OverrideKind.DRAIN, "test", "rollout", NOW))
    assert answer_of(steered(FULL, overrides), "one") == ("serving", "us-east", 24)


def test_equal_shares_stand_in_one_standing_so_that_an_image_has_one_state_for_all() -> None:
    pairs = [(service, region) for service in ("one", "two") for region in ("us-east", "us-west")]
    alike = steered({pair: Share(0.0, 1.0) for pair in pairs})
    for region in ("us-east", "us-west"):
        assert alike.statuses["one"][region] is alike.statuses["two"][region]
    assert len(steering_image(alike, PLAN)) == len(steering_image(steered({}), PLAN))


@pytest.mark.parametrize(
    ("steady", "settled", "due"),
    [
        (math.inf, True, math.inf),
        (7200.0, True, NOW + 7200 - 60 - STALENESS),
        (60 + 2 * STALENESS, False, NOW + STALENESS),
        (12.0, False, NOW),
    ],
)
def test_a_step_keeps_steerings_coming_once_it_is_closer_than_a_ttl(
    steady: float, settled: bool, due: float
) -> None:
    steering = steered({("one", "us-west"): Share(0.0, 0.5, steady)})
    status = RegionStatus(True, accept_ratio=0.5, steady=steady, alive=True)
    assert steering.statuses["one"]["us-west"] == status
    assert steering.settled is settled
    assert steering.due == pytest.approx(due)
    assert stale_at(steering) == pytest.approx(due if settled else NOW + STALENESS)


@given(st.floats(0, 500), st.sampled_from([*OverrideKind]), st.floats(0, 1))
def test_until_a_steering_is_stale_one_made_anew_allows_the_same_ttls(
    seconds: float, kind: OverrideKind, part: float
) -> None:
    overrides = Overrides()
    overrides.set("us-west", Override(kind, "test", "racks", NOW - 100, NOW + seconds))
    steering = steered({}, overrides)
    if not steering.settled:
        return
    later = NOW + part * (min(stale_at(steering), NOW + seconds) - NOW)
    anew = steered({}, overrides, later)
    for region, status in anew.statuses["one"].items():
        for answered in (False, True):
            now, then = (
                min(60.0, horizon(s, ttl=60, failover_ttl=5, staleness=1, answered=answered))
                for s in (status, steering.statuses["one"][region])
            )
            assert now == pytest.approx(then)


def test_a_prefix_too_short_for_its_list_hears_of_the_block_that_its_parts_need() -> None:
    """Else it would be told twice to ask again, once for the list and once for the block."""
    planned = PLAN.services["one"]
    entry = planned.clients.lookup(CLIENT)._replace(preference=("us-west",), scope=16)
    short = CLIENT.widened(12)
    for shares, scope in ((FULL, 24), ({}, 16)):
        assert steered(shares).answer(planned, short, entry)[1] == scope
        assert steered(shares).answer(planned, CLIENT, entry)[1] == 16


MAPS = {
    compiled: snapshot_of(
        f"$ORIGIN inference.example.\n{HEAD}one DYNA one\ntwo DYNA two\n",
        config_text(SERVICES),
        locator=database_locator({}),
        compiled=compiled,
    ).plan
    for compiled in (False, *([True] if why_not() is None else []))
}
anchors = st.one_of(
    st.just(Prefix(32, 0, 0)),
    st.just(Prefix(128, 0, 0)),
    st.sampled_from(NETWORKS),
    st.sampled_from(NETWORKS).map(lambda network: network.widened(network.length // 2)),
)

# Short ones too, so that some addresses stand for IPv4 ones and others beside them do not.
lows = st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 2**33 - 1))


def host(inside: Prefix, low: int) -> Prefix:
    """An address of a prefix."""
    free = inside.bits - inside.length
    return Prefix(inside.bits, inside.address | low & ((1 << free) - 1), inside.bits)


@pytest.mark.parametrize("compiled", MAPS)
@given(
    anchor=anchors,
    low=lows,
    length=st.integers(1, 128),
    others=st.lists(lows, max_size=20),
)
def test_every_address_of_either_family_inside_a_scope_has_the_same_draw(
    compiled: bool, anchor: Prefix, low: int, length: int, others: list[int]
) -> None:
    """Those that stand for IPv4 clients too, whose block is that of the IPv4 address."""
    plan = MAPS[compiled]
    service = plan.services["one"]
    shares = {("one", "us-east"): Share(0.5), ("one", "us-west"): Share(accept_ratio=1.0)}
    verdicts = dict.fromkeys(("us-east-1", "us-west-1"), UP)
    steering = steer(1, plan, World(verdicts, Overrides(), lambda _: UNRESOLVED, shares), NOW)
    client = host(anchor, low).widened(min(length, anchor.bits))
    cached, scope = steering.answer(service, client, service.clients.lookup(client))
    if scope > client.length:
        return
    for other in others:
        near = host(client.widened(scope), other)
        assert steering.answer(service, near, service.clients.lookup(near)) == (cached, scope)
