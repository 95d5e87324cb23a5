"""As many regions as a service can have: whoever is left answers, in the order of distance."""

from __future__ import annotations

import math
from functools import cache
from ipaddress import ip_address

import pytest
from differential.agreement import Engines
from differential.packets import Case
from harness.messages import query
from harness.places import FRANKFURT, LONDON, NEW_YORK, TOKYO, database_locator
from harness.server import snapshot_of

from resolverd.abi.library import why_not
from resolverd.abi.map import NativeMap
from resolverd.dns.codes import A
from resolverd.dns.prefix import parse_prefix
from resolverd.geo.distance import Coordinates, great_circle_km
from resolverd.health.verdict import State, Verdict
from resolverd.snapshot.answers import answered
from resolverd.snapshot.compiledmap import CompiledClientMap, _geography
from resolverd.snapshot.model import Plan, Steering

pytestmark = pytest.mark.skipif(
    why_not() is not None, reason=f"the native engine is not tested: {why_not()}"
)

COUNT = 255
DOWN = Verdict(State.DOWN, 0.0, "down", math.inf, State.DOWN)
CLIENTS = {"10.0.0.1": NEW_YORK, "10.3.0.1": LONDON, "10.4.16.1": FRANKFURT, "10.5.0.1": TOKYO}
PLACES = {f"{client.rpartition('.')[0]}.0/24": place for client, place in CLIENTS.items()}
# Ranks at which regions are first kept, then worked out; 12 are kept in a row itself.
RANKS = (0, 1, 10, 11, 12, 13, 100, COUNT - 2, COUNT - 1)
PINNED_EACH = 10
ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns1 hostmaster 1 3600 900 604800 300
@ NS ns1
ns1 A 192.0.2.53
chat DYNA chat
"""


def _name(number: int) -> str:
    return f"r{number:03}"


def _address(name: str) -> str:
    return f"198.18.0.{int(name[1:])}"


def _spot(number: int) -> Coordinates:
    north = math.degrees(math.asin(1.6 * (number + 0.5) / COUNT - 0.8))
    # Every fifth stands where the one before it does: the order of the service decides.
    return (round(north, 3), round(number * 137.508 % 360 - 180, 3))


SPOTS = {_name(n): _spot(n - 1 if n % 5 == 4 else n) for n in range(COUNT)}
PINNED = [name for n, name in enumerate(SPOTS) if n % PINNED_EACH == 0]


def _config() -> str:
    regions = "".join(
        f"[region.{name}]\ncoordinates = [{north}, {east}]\n"
        f'endpoint = [{{ address = ["{_address(name)}"], url = "http://192.0.2.1" }}]\n'
        for name, (north, east) in SPOTS.items()
    )
    return (
        f'[server]\ncoordinates = [50.1, 8.7]\n[admin]\nsocket = ""\nlisten = ""\n{regions}'
        f"[service.chat]\nregions = {list(SPOTS)}\n"
        f'[pin.law]\ncountries = ["GB"]\nregions = {PINNED}\n'.replace("'", '"')
    )


def _served(down: frozenset[str] = frozenset(), *, compiled: bool = True) -> tuple[Plan, Steering]:
    verdicts = {f"{name}-1": DOWN for name in down}
    locator = database_locator(PLACES)
    return snapshot_of(ZONE, _config(), locator=locator, verdicts=verdicts, compiled=compiled)


@cache
def _engines() -> Engines:
    return Engines(_served()[0])


def _in_order(client: str) -> list[str]:
    """The slow, obvious order: by distance, then as listed; those of its pin alone."""
    place = CLIENTS[client]
    allowed = PINNED if place.country == "GB" else list(SPOTS)
    assert place.point is not None
    here = place.point
    return sorted(allowed, key=lambda name: great_circle_km(here, SPOTS[name]))


@pytest.mark.parametrize("client", CLIENTS)
def test_the_nearest_region_that_is_up_answers_however_far_it_is(client: str) -> None:
    engines, order = _engines(), _in_order(client)
    for rank in RANKS:
        if rank >= len(order):
            continue
        down = frozenset(order[:rank])
        engines.steer(_served(down)[1])
        case = Case(query("chat.example."), client, tcp=False)
        engines.compare([case])
        for answer in (engines.native_answer(case), engines.reference_answer(case)):
            assert answer is not None
            assert answered(answer, A) == {ip_address(_address(order[rank])).packed}, rank


@pytest.mark.parametrize("client", CLIENTS)
def test_a_list_holds_every_region_in_the_order_of_distance(client: str) -> None:
    host = parse_prefix(f"{client}/32")
    order = tuple(_in_order(client))
    assert _engines().plan.services["chat"].clients.lookup(host).preference == order
    lazy, _ = _served(compiled=False)
    assert lazy.services["chat"].clients.lookup(host).preference == order


def test_a_map_that_was_kept_has_the_same_lists() -> None:
    made = _engines().plan.services["chat"].clients
    assert isinstance(made, CompiledClientMap)
    geography = _geography(made.source, made._rules)
    again = NativeMap.restored(bytes(made.native.saved()), geography)
    assert again is not None
    for client in CLIENTS:
        host = parse_prefix(f"{client}/32")
        assert again.lookup(host) == made.native.lookup(host)


def test_a_kept_list_that_its_fence_does_not_allow_is_refused() -> None:
    made = _engines().plan.services["chat"].clients
    assert isinstance(made, CompiledClientMap)
    geography = _geography(made.source, made._rules)
    saved = bytearray(made.native.saved())
    # A row whose farther regions are worked out: rule u16, drawn u8, count u8, kind u8.
    at = saved.index(bytes([0, 0, 0, COUNT, 1]))
    saved[at + 3] -= 1
    assert NativeMap.restored(bytes(saved), geography) is None
