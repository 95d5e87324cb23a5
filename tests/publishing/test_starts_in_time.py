"""A start waits for the fleet once, and for no set that is slow to come where it has another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from resolverd import membership
from resolverd.config.fleet import Fleet
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.joined import Joined
from resolverd.fleet.link import Link
from resolverd.fleet.store import Entry
from resolverd.health.overrides import Orders, Overrides
from resolverd.observation import Observation
from resolverd.publishing.disk import GenerationFiles
from resolverd.publishing.edge import EdgeGenerations
from resolverd.publishing.fleet_ledger import LEDGER
from resolverd.publishing.model import Generation, Ledger, Outcome, written
from resolverd.publishing.packing import digest_of_set, pack

# Of seconds that a start waits: so few that they are soon over, and so many that they never are.
FEW, MANY = 0.05, 300.0
SETS = [{"resolverd.toml": f"# {number}\n".encode()} for number in (1, 2)]


class FakeStore:
    """A fleet's store in which the second of two generations is completed."""

    made = "2026-11-30T00:00:00Z"

    def __init__(self, sent: Callable[[], Awaitable[bytes]]) -> None:
        """`sent` gives what a set is fetched as."""
        self._sent = sent
        self._ledger = Ledger(
            tuple(
                Generation(number, digest_of_set(files), "ada", "a test", 0.0, 1 << 20, 1,
                           outcome=Outcome.COMPLETED)
                for number, files in enumerate(SETS, 1)
            ),
            completed=2,
        )  # fmt: skip

    async def current(self, within: float) -> None:
        """All is heard."""

    def known(self, prefix: str) -> Mapping[str, Entry]:
        """The ledger."""
        return {LEDGER: Entry(LEDGER, written(self._ledger), 7)}

    async def get_object(self, name: str, limit: int) -> bytes:
        """The set, once it is sent."""
        return await self._sent()


def edge(folder: Path, sent: Callable[[], Awaitable[bytes]]) -> EdgeGenerations:
    """An edge of that fleet, whose files are in `folder`."""
    state = SimpleNamespace(quorum=False, since=0.0)
    link = cast(Link, SimpleNamespace(store=FakeStore(sent), state=state))
    return EdgeGenerations(link, Fleet(edge="fra1"), folder, GenerationFiles(folder))


async def test_a_set_that_is_slow_to_come_holds_up_no_start_from_another(tmp_path: Path) -> None:
    async def never() -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    files = GenerationFiles(tmp_path)
    files.switch(files.write(1, digest_of_set(SETS[0]), SETS[0]))
    starting = edge(tmp_path, never)
    async with asyncio.timeout(30):
        await starting.prepare(FEW)
    assert starting.status.serves is not None
    assert starting.status.serves.number == 1
    assert starting.waited >= FEW


async def test_a_start_that_has_no_other_waits_for_a_set_that_is_slow_to_come(
    tmp_path: Path,
) -> None:
    async def late() -> bytes:
        await asyncio.sleep(4 * FEW)
        return pack(SETS[1])

    starting = edge(tmp_path, late)
    await starting.prepare(FEW)
    assert starting.status.serves is not None
    assert starting.status.serves.number == 2


async def test_a_set_is_fetched_for_as_long_as_its_generation_is_wanted(tmp_path: Path) -> None:
    began, given_up = asyncio.Event(), asyncio.Event()

    async def never() -> bytes:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    serving = edge(tmp_path, never)
    serving.fleet.read()
    ledger = serving.ledger
    second = ledger.get(2)
    assert second is not None
    fetching = asyncio.create_task(serving._fetch(second))
    async with asyncio.timeout(30):
        await began.wait()
        serving.fleet.ledger = replace(ledger, completed=1)
        with pytest.raises(FleetUnavailable, match="ended before it had come"):
            await fetching
    assert given_up.is_set()


@pytest.mark.parametrize(("waited", "left"), [(0.0, MANY), (FEW, MANY - FEW), (2 * MANY, 0.0)])
async def test_words_are_waited_for_as_long_as_the_set_has_left(waited: float, left: float) -> None:
    """One that stands by its own file has waited for none."""
    settled = list[float]()

    async def settle(within: float) -> None:
        settled.append(within)

    fleet = Joined(Fleet(urls=("nats://127.0.0.1:1",), start_wait=MANY), Path(), {}, {})
    fleet.words.settle = settle  # type: ignore[method-assign]
    generations = cast(EdgeGenerations, SimpleNamespace(waited=waited)) if waited else None
    await membership.obey(fleet, generations, _observation(), _nothing, lambda _region: 0.0)
    assert settled == [left]


async def test_a_quorum_that_is_there_by_then_is_asked_all_the_same() -> None:
    settled = list[float]()

    async def settle(within: float) -> None:
        settled.append(within)

    fleet = Joined(Fleet(urls=("nats://127.0.0.1:1",), start_wait=MANY), Path(), {}, {})
    fleet.words.settle = settle  # type: ignore[method-assign]
    fleet.link.state = fleet.link.state._replace(quorum=True)
    await fleet.settle(MANY)
    assert settled[0] > 0


def _observation() -> Observation:
    tables: dict[str, Any] = {
        "overrides": Overrides(),
        "spill_rules": Orders(),
        "override_keys": frozenset,
        "rule_keys": frozenset,
    }
    return cast(Observation, SimpleNamespace(**tables))


async def _nothing() -> None:
    pass
