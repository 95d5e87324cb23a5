"""Services that share a region which takes clients: they neither fill it up nor empty it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from load_fleet import Fleet, fleet_config

from resolverd.policy.shared_regions import Moved, with_others
from resolverd.policy.spill_state import RegionLoad

FULL = 1.6
# Seconds in which two thirds of a share are felt, where answers live for a minute.
_LAG = 20.0


@dataclass
class Shared:
    """Services s0, s1, … whose clients stand at `senders`, one for each, and region b for all.

    Each sender's clients are 1.6 times what it can bear; b has `idle` of its own. A region's
    saturation is its load.
    """

    senders: list[str]
    idle: float = 0.05
    felt: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        raw = fleet_config()
        a = raw["region"].pop("a")
        raw["region"] |= {name: copy.deepcopy(a) for name in self.senders}
        raw["service"] = {
            f"s{number}": {"regions": [name, "b"], "policy": "failover"}
            for number, name in enumerate(self.senders)
        }
        self.fleet, self.felt = Fleet(raw), [0.0] * len(self.senders)

    def taken(self) -> list[float]:
        """The share of its clients that b takes of each service."""
        shares = self.fleet.load.shares()
        return [
            min(shares[f"s{n}", name].spill_ratio, shares[f"s{n}", "b"].accept_ratio)
            if {(f"s{n}", name), (f"s{n}", "b")} <= shares.keys()
            else 0.0
            for n, name in enumerate(self.senders)
        ]

    async def pass_by(self, seconds: int) -> list[float]:
        """The load of b, every second."""
        loads = []
        for second in range(seconds):
            taken = self.taken()
            self.felt = [f + (t - f) / _LAG for f, t in zip(self.felt, taken, strict=True)]
            given: dict[str, list[float]] = {}
            for name, felt in zip(self.senders, self.felt, strict=True):
                given.setdefault(name, []).append(felt)
            sent = {name: FULL * sum(felt) / len(felt) for name, felt in given.items()}
            loads.append(self.idle + sum(sent.values()))
            if second % 5 == 0:
                for name, load in sent.items():
                    self.say(name, FULL - load)
                self.say("b", loads[-1])
            await self.fleet.tick()
            self.fleet.now += 1.0
        return loads

    def say(self, region: str, load: float) -> None:
        """A new reading of each server of a region."""
        for target in self.fleet.targets.by_id.values():
            if target.region == region:
                self.fleet.add_reading(target.id, 5 * load)


@pytest.mark.parametrize("services", [1, 2, 8])
async def test_a_region_that_services_share_is_never_filled_up_by_what_they_give_it(
    services: int,
) -> None:
    shared = Shared([f"f{number}" for number in range(services)])
    assert max(await shared.pass_by(600)) < 0.8
    taken = shared.taken()
    assert sum(taken) * FULL == pytest.approx(0.65, abs=0.1)
    assert max(await shared.pass_by(300)) < 0.8
    assert shared.taken() == taken


async def test_one_that_fills_up_gives_back_no_more_than_it_has_to() -> None:
    shared = Shared([f"f{number}" for number in range(8)])
    await shared.pass_by(600)
    before = sum(shared.taken())
    shared.idle = 0.55
    loads = await shared.pass_by(300)
    assert loads[-1] < 1.0
    assert min(loads) > 0.7
    assert sum(shared.taken()) >= before / 2


@pytest.mark.parametrize("services", [1, 4])
async def test_services_that_share_both_regions_move_together_what_one_alone_would(
    services: int,
) -> None:
    shared = Shared(["f"] * services)
    assert max(await shared.pass_by(600)) < 0.8
    assert shared.taken() == pytest.approx([0.4] * services, abs=0.02)


async def gone_over(monkeypatch: pytest.MonkeyPatch, shared: Shared) -> int:
    """How much of what services have moved the others go over in one tick."""
    count = 0

    def counted(
        loads: Mapping[str, RegionLoad], others: Iterable[Collection[Moved]], own: Collection[str]
    ) -> Mapping[str, RegionLoad]:
        nonlocal count
        known = list(others)
        count += sum(map(len, known))
        return with_others(loads, known, own)

    monkeypatch.setattr("resolverd.load.spilling.with_others", counted)
    await shared.fleet.tick()
    return count


async def test_what_a_full_region_moves_is_not_gone_over_by_each_service_that_shares_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is their own reckoning, so with hundreds of services it would be for nothing."""
    shared = Shared(["f"] * 20)
    await shared.pass_by(100)
    assert min(shared.taken()) > 0
    assert await gone_over(monkeypatch, shared) == 0


async def test_what_was_moved_is_forgotten_once_readings_show_it_of_a_service_at_rest_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While another, at f1, is full all the time."""
    shared = Shared(["f0", "f1"])
    await shared.pass_by(300)
    for second in range(900):
        if second % 5 == 0:
            shared.say("f0", 0.1)
            shared.say("f1", FULL)
            shared.say("b", 0.8)
        await shared.fleet.tick()
        shared.fleet.now += 1.0
    assert shared.taken()[0] == 0
    assert shared.taken()[1] > 0
    assert await gone_over(monkeypatch, shared) == 0
