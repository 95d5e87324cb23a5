"""How long answers given may be kept, by whatever process they were given.

It is asked at each word of a fleet, so it has to cost little.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from resolverd.snapshot.model import Plan
from resolverd.snapshot.ttl_ledger import Given, Lasting, TtlLedger

HERE = ("eu-west",)
LASTING = (Lasting(1300.0, HERE),)


class CountedZone:
    """A zone with one name of a service; `walks` counts how often all its names were gone over."""

    def __init__(self, ttl: int) -> None:
        self.walks, self._ttl = 0, ttl

    def steered_nodes(self) -> Iterator[tuple[str, SimpleNamespace]]:
        self.walks += 1
        yield "chat", SimpleNamespace(dyna=SimpleNamespace(ttl=self._ttl))


def plan_of(zone: CountedZone) -> Plan:
    chat = SimpleNamespace(name="chat", ttl=300, regions=["eu-west"])
    made = SimpleNamespace(zones={"a": zone}, services={"chat": chat}, service_of=lambda _: chat)
    return cast(Plan, made)


def test_the_names_of_all_zones_are_walked_once_for_a_plan_and_for_no_endpoint() -> None:
    ledger, zone, later = TtlLedger(), CountedZone(60), CountedZone(20)
    plan, following = plan_of(zone), plan_of(later)
    assert ledger.remaining_ttls(plan, "eu-west-1", 0.0) == {}
    assert zone.walks == 0
    for _ in range(3):
        assert ledger.remaining_ttls(plan, "eu-west", 0.0) == {"chat": 60}
    assert zone.walks == 1
    assert ledger.remaining_ttls(following, "eu-west", 0.0) == {"chat": 20}
    ledger.retire(following, 0.0)
    assert ledger.remaining_ttls(plan, "eu-west", 400.0) == {"chat": 60}
    assert (zone.walks, later.walks) == (2, 1)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, [20, 20, 20]),
        ({"chat": Given(60, HERE)}, [60, 50, 20]),
        ({"chat": Given(10, HERE)}, [20, 20, 20]),
        ({"chat": Given(lasting=LASTING)}, [290, 270, 140]),
        ({"chat": Given(60, HERE, LASTING)}, [290, 270, 140]),
        ({"gone": Given(60, HERE)}, [60, 50, 20]),
        ({"chat": Given(60, ("us-east",))}, [20, 20, 20]),
    ],
    ids=["nothing", "longer", "shorter", "replaced", "both", "a service gone", "elsewhere"],
)
def test_a_process_waits_for_what_the_one_before_it_has_answered(
    given: dict[str, Given], left: list[float]
) -> None:
    """Whose standby answers until 1020.0; asked 10 s before, then, 10 and 140 s after it."""
    ledger, plan = TtlLedger(), plan_of(CountedZone(20))
    ledger.resume(given)
    found = [ledger.longest_ttl(plan, "eu-west", 1010.0)]
    ledger.succeed(1020.0)
    found += [ledger.longest_ttl(plan, "eu-west", at) for at in (1030.0, 1160.0)]
    assert found == left


def test_what_is_handed_on_is_what_is_left_and_again_by_the_next() -> None:
    ledger, plan, following = TtlLedger(), plan_of(CountedZone(60)), plan_of(CountedZone(20))
    ledger.retire(plan, 100.0)
    left = {"chat": Given(20, HERE, (Lasting(160.0, HERE),))}
    assert ledger.given(following, 110.0) == left
    later = TtlLedger()
    later.resume(ledger.given(following, 110.0))
    assert later.given(following, 115.0) == left
    later.succeed(120.0)
    assert later.given(following, 125.0) == left
    assert later.given(following, 200.0) == {"chat": Given(20, HERE)}


def test_what_is_handed_on_is_one_entry_for_a_service_however_often_plans_are_served() -> None:
    """It is made anew at each change of a verdict."""
    ledger, plan = TtlLedger(), plan_of(CountedZone(20))
    ledger.resume({"chat": Given(60, ("us-east",), (Lasting(1300.0, ("us-east",)),))})
    assert ledger.given(plan, 1000.0)["chat"][:2] == (60, ("eu-west", "us-east"))
    ledger.succeed(1000.0)
    for at in range(1000, 1010):
        ledger.retire(plan_of(CountedZone(20)), at)
    expected = Given(20, HERE, (Lasting(1300.0, ("us-east",)), Lasting(1029.0, HERE)))
    assert ledger.given(plan, 1010.0) == {"chat": expected}
    assert ledger.given(plan, 1010.0)["chat"].regions is ledger.given(plan, 1011.0)["chat"].regions
