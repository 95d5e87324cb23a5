"""How long answers given may be kept: asked at each word of a fleet, so it has to cost little."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from resolverd.snapshot.model import Plan
from resolverd.snapshot.ttl_ledger import TtlLedger


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
