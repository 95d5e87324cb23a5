"""Five daemons, three regions and a real nats-server: who moves when a path, or a region, fails."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import nats as nats_client
import pytest
from harness.nats import NatsServer
from harness.nats import nats as nats_server
from observing_edges import EDGES, QUICK, Edges, World, edges, until, world

from resolverd.admin.state import state_of
from resolverd.fleet.names import subject
from resolverd.fleet.observed import (
    Head,
    Observed,
    digest_of,
    fragment,
    write_message,
    write_targets,
)
from resolverd.health.agreement import Standing
from resolverd.health.verdict import State

BLIND, SIGHTED = EDGES[:2], EDGES[2:]


@pytest.fixture
async def seen() -> AsyncIterator[World]:
    """The regions."""
    async with world() as made:
        yield made


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A NATS server."""
    async with nats_server(tmp_path / "nats") as server:
        yield server


def others(fleet: Edges, edge: str, region: str = "eu") -> dict[str, Any]:
    """What /state of an edge says of the others, about a region's one endpoint."""
    state = state_of(fleet.daemons[edge])
    (found,) = [r for r in state["regions"] if r["region"] == region]
    said: dict[str, Any] = found["endpoints"][0]["others"]
    return said


async def test_edges_whose_path_is_cut_move_their_own_clients_and_say_so(
    tmp_path: Path, seen: World, nats: NatsServer
) -> None:
    async with edges(tmp_path, seen, nats.url) as fleet:
        cut = time.monotonic()
        seen.blinded = {(edge, "eu") for edge in BLIND}
        await until(lambda: not any(fleet.serves("eu", *BLIND)))

        def said() -> bool:
            reasons = [fleet.verdict(edge, "eu").reason for edge in BLIND]
            return all(reason.startswith("path: 3 of 5 edges reach it") for reason in reasons)

        await until(said)
        await asyncio.sleep(3.0)  # in which nothing may happen at the others
        assert fleet.moved("eu", False, cut).keys() == set(BLIND)
        assert all(fleet.serves("eu", *SIGHTED))
        assert {fleet.verdict(edge, "eu").no_flip_before for edge in SIGHTED} == {math.inf}
        for edge in BLIND:
            assert others(fleet, edge)["standing"] == "path"
            assert len(others(fleet, edge)["edges"]) == 4
        for edge in SIGHTED:
            said_of = others(fleet, edge)
            assert (said_of["standing"], said_of["not_serving"]) == ("agreed", 2)
            assert [e["edge"] for e in said_of["edges"]] == sorted(BLIND)
        seen.blinded.clear()
        await until(lambda: all(fleet.serves("eu")))
        counted = fleet.observations(BLIND[0]).disagreements
        await until(lambda: not counted.standing)
        assert counted.counted["eu-1"].path_faults == 1
        assert 1.0 < counted.counted["eu-1"].seconds < time.monotonic() - cut


@pytest.mark.parametrize("how", ["dead", "silent"])
async def test_a_region_that_dies_is_left_by_all_at_once_and_no_later_than_by_one_alone(
    tmp_path: Path, seen: World, nats: NatsServer, how: str
) -> None:
    """Interval 1 s, fast_interval 250 ms, timeout 500 ms; one edge beside them has no fleet.

    Alone an edge takes an interval, two fast_intervals and a timeout at most, as chance has it.
    """
    took, alone, apart = [], [], []
    async with edges(tmp_path, seen, nats.url, alone=("lone",)) as fleet:
        for _ in range(6):
            died = time.monotonic()
            getattr(seen, how).add("eu")
            await until(lambda: not any(fleet.serves("eu")))
            await asyncio.sleep(0.05)
            fell = fleet.moved("eu", False, died)
            alone.append(fell.pop("lone") - died)
            took.append(max(fell.values()) - died)
            apart.append(max(fell.values()) - min(fell.values()))
            getattr(seen, how).clear()
            await until(lambda: all(fleet.serves("eu")))
        standing = [d.fleet.observations.disagreements.counted for d in fleet.daemons.values()
                    if d.fleet is not None]  # fmt: skip
        assert not any(c.path_faults for known in standing for c in known.values()), standing
    most = max(1.0 + 2 * 0.25 + 0.5, *alone)  # more where this host is late
    assert max(took) <= most + 1.0, (took, alone)
    assert median(took) <= median(alone) + 1.0, (took, alone)
    assert max(apart) <= 2.0, apart


async def test_a_quorum_alone_moves_nothing_but_the_ttl_and_asks_again_at_once(
    tmp_path: Path, seen: World, nats: NatsServer
) -> None:
    slowly = QUICK.replace('interval = "1s"', 'interval = "5s"', 1)
    async with edges(tmp_path, seen, nats.url, probe=slowly) as fleet:
        cut = time.monotonic()
        few = EDGES[3:]
        seen.blinded = {(edge, "eu") for edge in EDGES[:3]}
        await until(
            lambda: all("3 of 5 edges say" in fleet.verdict(edge, "eu").reason for edge in few)
        )
        began, before = time.monotonic(), len(seen.probes)

        def asked_again() -> bool:
            asked = [edge for _, edge, region in seen.probes[before:] if region == "eu"]
            return all(asked.count(edge) >= 3 for edge in few)

        await until(asked_again)
        assert time.monotonic() - began < 5.0  # in which one is ordinary
        assert all(fleet.serves("eu", *few))
        assert fleet.moved("eu", False, cut).keys() == set(EDGES[:3])
        for edge in few:
            assert fleet.verdict(edge, "eu").no_flip_before <= time.monotonic()
            assert others(fleet, edge)["standing"] == "doubted"
        seen.blinded.clear()
        await until(lambda: all(v == math.inf for v in _no_flip(fleet, few)))


def _no_flip(fleet: Edges, names: tuple[str, ...]) -> list[float]:
    return [fleet.verdict(edge, "eu").no_flip_before for edge in names]


@pytest.mark.parametrize("lie", [State.DOWN, State.UP, State.SUSPECT])
async def test_an_edge_that_lies_moves_nothing(
    tmp_path: Path, seen: World, nats: NatsServer, lie: State
) -> None:
    """It says of every region, again and again, that it is down, or up, or about to fall."""
    lies = {
        f"{region}-1": fragment(Observed(lie, digest_of(url, "")))
        for region, url in seen.urls.items()
    }
    async with edges(tmp_path, seen, nats.url, EDGES[:3]) as fleet:
        known = fleet.observations(EDGES[0])
        client = await nats_client.connect(nats.url)
        try:
            for second in range(30):
                head = Head("liar", "r", (0.0, 0.0), 0.0, 7.0 + second / 10, 5.0)
                payload = write_message(head, write_targets(lies))
                await client.publish(subject("resolverd", "observations", "liar"), payload)
                await client.publish(subject("resolverd", "observations", EDGES[1]), payload)
                await asyncio.sleep(0.1)
            assert "liar" in known.live()
            assert known.refused >= 20  # in another's name
            assert fleet.moves == []
            assert {fleet.verdict(e, "eu").no_flip_before for e in fleet.daemons} == {math.inf}
            died = time.monotonic()
            seen.dead.add("eu")
            await until(lambda: fleet.moved("eu", False, died).keys() == set(EDGES[:3]))
            assert {region for _, _, region, _ in fleet.moves} == {"eu"}
        finally:
            await client.close()


async def test_without_nats_each_goes_on_alone_and_finds_the_others_again(
    tmp_path: Path, seen: World, nats: NatsServer
) -> None:
    async with edges(tmp_path, seen, nats.url, EDGES[:3], fleet='valid = "2s"') as fleet:
        cut = time.monotonic()
        await nats.kill()
        known = [d.fleet.observations for d in fleet.daemons.values() if d.fleet is not None]
        await until(lambda: not any(each.live() for each in known))
        assert fleet.moves == []
        seen.dead.add("eu")
        await until(lambda: not any(fleet.serves("eu")))
        seen.dead.clear()
        await until(lambda: all(fleet.serves("eu")))
        assert {standing for each in known for standing in each.disagreements.standing} == set()
        assert [r for _, _, r, _ in fleet.moves if r != "eu"] == []
        await nats.start()
        await until(fleet.all_heard)
        assert time.monotonic() > cut


async def test_any_edges_word_is_enough_where_that_is_the_policy_but_for_a_last_region(
    tmp_path: Path, seen: World, nats: NatsServer
) -> None:
    async with edges(tmp_path, seen, nats.url, EDGES[:3], fleet='verdicts = "any"') as fleet:
        seen.blinded = {(EDGES[0], "eu")}
        await until(lambda: not any(fleet.serves("eu")))
        assert others(fleet, EDGES[1])["standing"] == Standing.TOLD
        seen.blinded |= {(EDGES[0], "us"), (EDGES[1], "ap")}

        def some_left() -> bool:
            return not any(fleet.serves("us", EDGES[0])) and not any(fleet.serves("ap", EDGES[1]))

        await until(some_left)
        await asyncio.sleep(1.0)
        assert any(fleet.serves(region, EDGES[2])[0] for region in ("eu", "us", "ap"))
        seen.blinded.clear()
        await until(lambda: all(all(fleet.serves(region)) for region in ("eu", "us", "ap")))
