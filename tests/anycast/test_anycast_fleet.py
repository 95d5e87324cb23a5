"""The floor in a real NATS: edges leave one at a time, the dead do not count, NATS may be away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from harness.linked_edges import linked
from harness.nats import NatsServer, nats
from harness.waiting import until_holds

from resolverd.anycast.announcer import Announcer
from resolverd.anycast.fitness import Fitness, Reason
from resolverd.anycast.fleet import FleetFloor, FloorUnknownError, SharedFloor
from resolverd.anycast.speaker import SpeakerError
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Anycast, Bird
from resolverd.config.fleet import Fleet

V4 = "192.0.2.53"
SETTINGS = Anycast(
    addresses=(V4,), bird=Bird(protocols=("x",)), fit_for=0, fit_for_most=0, edge_valid=2
)
FIT = Fitness((), {})
ISOLATED = Fitness((Reason("isolated", "no region responds"),), {})
DEAD = Fitness((), {V4: (Reason("answer", "no answer"),)})
STOPPING = Fitness((Reason("stopping", "it is being stopped"),), {})


class Speaking:
    """A speaker that does as it is told: routes themselves are tried in namespaces."""

    proves = True

    def __init__(self) -> None:
        self.told: dict[str, Phase] = {V4: Phase.WITHDRAWN}
        self.broken = False

    async def apply(self, address: str, phase: Phase) -> None:
        if self.broken:
            raise SpeakerError("it is broken")
        self.told[address] = phase

    async def proved(self) -> Mapping[str, Phase]:
        return dict(self.told)

    async def close(self) -> None:
        """Nothing to leave."""


class EdgeOfTest:
    """One edge: what it announces, and its place in the fleet."""

    def __init__(self, name: str, url: str, folder: Path, settings: Anycast = SETTINGS) -> None:
        fleet = Fleet(urls=(url,), edge=name, start_wait=5)
        self.floor: SharedFloor = FleetFloor(fleet, settings, folder)
        self.speaking = Speaking()
        self.announcer = Announcer(settings, self.speaking, self.floor)

    def phase(self) -> Phase:
        """What the speaker was told."""
        return self.speaking.told[V4]

    @property
    def held(self) -> str:
        return self.announcer.routes[V4].held


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats(tmp_path / "nats") as running:
        yield running


@asynccontextmanager
async def announcing(
    server: NatsServer, folder: Path, names: str, settings: Anycast = SETTINGS
) -> AsyncIterator[list[EdgeOfTest]]:
    """Edges that announce, and know that of one another."""
    edges = [EdgeOfTest(name, server.url, folder, settings) for name in names]
    await asyncio.gather(*(edge.floor.start() for edge in edges))
    try:
        for edge in edges:
            await edge.announcer.begin()
        await until(edges, lambda: all(e.floor.others(V4) == len(edges) - 1 for e in edges))
        yield edges
    finally:
        await asyncio.gather(*(edge.floor.stop() for edge in edges))


async def until(edges: list[EdgeOfTest], condition: object, fitness: Fitness = FIT) -> None:
    """Let the edges take their turns until it holds."""
    end = time.monotonic() + 30
    while True:
        await asyncio.gather(*(edge.announcer.turn(fitness) for edge in edges))
        if condition():  # type: ignore[operator]
            return
        assert time.monotonic() < end, [edge.held for edge in edges]
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(("least", "stay"), [(1, 1), (2, 2), (3, 3)])
async def test_of_edges_that_all_want_to_leave_at_once_enough_stay(
    server: NatsServer, tmp_path: Path, least: int, stay: int
) -> None:
    settings = SETTINGS.model_copy(update={"min_edges": least})
    async with announcing(server, tmp_path, "abc", settings) as edges:
        await asyncio.gather(*(edge.announcer.turn(ISOLATED) for edge in edges))
        staying = [edge for edge in edges if edge.phase() is Phase.ANNOUNCED]
        assert len(staying) == stay
        for edge in staying:
            assert "(min_edges)" in edge.held


async def test_the_last_goes_once_another_announces(server: NatsServer, tmp_path: Path) -> None:
    async with announcing(server, tmp_path, "ab") as (a, b):
        await b.announcer.turn(ISOLATED)
        assert b.phase() is Phase.WITHDRAWN
        await a.announcer.turn(DEAD)
        assert a.phase() is Phase.ANNOUNCED
        assert "0 other edges announce 192.0.2.53" in a.held
        await until([b], lambda: b.phase() is Phase.ANNOUNCED)
        await until([a, b][:1], lambda: a.phase() is Phase.WITHDRAWN, DEAD)
        assert not a.held


async def test_an_edge_that_died_without_leaving_does_not_count(
    server: NatsServer, tmp_path: Path
) -> None:
    async with announcing(server, tmp_path, "ab") as (a, b):
        await b.floor.stop()  # as kill -9 does: it says nothing any more
        await until([a], lambda: a.floor.others(V4) == 0)
        await a.announcer.turn(ISOLATED)
        assert a.phase() is Phase.ANNOUNCED
        assert a.held


async def test_an_edge_whose_route_is_proved_nowhere_does_not_count(
    server: NatsServer, tmp_path: Path
) -> None:
    """Its process lives and says so, but its BIRD is dead."""
    async with announcing(server, tmp_path, "ab") as (a, b):
        b.speaking.told[V4], b.speaking.broken = Phase.WITHDRAWN, True
        await b.announcer.turn(FIT)
        await until([b], lambda: a.floor.others(V4) == 0)
        await a.announcer.turn(DEAD)
        assert a.phase() is Phase.ANNOUNCED
        assert "0 other edges announce" in a.held


@pytest.mark.parametrize("value", [b"{}", None])
async def test_a_floor_that_was_lost_is_made_anew(
    server: NatsServer, tmp_path: Path, value: bytes | None
) -> None:
    async with announcing(server, tmp_path, "ab") as (a, b):
        assert isinstance(a.floor, FleetFloor)
        store = a.floor._link.store
        await (
            store.delete("anycast.floor") if value is None else store.put("anycast.floor", value)
        )
        await until([a, b], lambda: a.floor.others(V4) == b.floor.others(V4) == 1)
        await a.announcer.turn(DEAD)
        assert a.phase() is Phase.WITHDRAWN


async def test_nobody_keeps_a_dead_edge_alive_by_its_name(
    server: NatsServer, tmp_path: Path
) -> None:
    """An edge is heard by its own subject, whatever a message says."""
    async with announcing(server, tmp_path, "ab") as (a, b), linked([server.url], "x") as other:
        await until_holds(lambda: other.state.connected, within=20)
        await b.floor.stop()

        def is_gone() -> bool:
            other.publish("resolverd.resolverd.anycast.x", b'{"edge": "b", "announced": []}')
            return a.floor.others(V4) == 0

        await until([a], is_gone)


async def test_a_forced_drain_goes_below_the_floor(server: NatsServer, tmp_path: Path) -> None:
    async with announcing(server, tmp_path, "a") as (a,):
        await a.announcer.turn(STOPPING)
        assert a.phase() is Phase.ANNOUNCED
        a.announcer.force = True
        await a.announcer.turn(STOPPING)
        assert a.phase() is Phase.WITHDRAWN


@pytest.mark.parametrize(
    ("without", "fitness", "phase"),
    [
        ("stay", ISOLATED, Phase.ANNOUNCED),
        ("stay", DEAD, Phase.WITHDRAWN),
        ("stay", STOPPING, Phase.WITHDRAWN),
        ("withdraw", ISOLATED, Phase.WITHDRAWN),
    ],
)
async def test_while_nats_is_away_the_option_decides(
    server: NatsServer, tmp_path: Path, without: str, fitness: Fitness, phase: Phase
) -> None:
    settings = SETTINGS.model_copy(update={"without_fleet": without})
    async with announcing(server, tmp_path, "ab", settings) as (a, _):
        await server.kill()
        await a.announcer.turn(fitness)
        assert a.phase() is phase
        assert bool(a.held) is (phase is Phase.ANNOUNCED)


async def test_an_edge_that_cannot_ask_goes_by_nobody(tmp_path: Path) -> None:
    """A fleet that was never there: it begins all the same, and says why it cannot ask."""
    edge = EdgeOfTest("a", "nats://127.0.0.1:1", tmp_path)
    try:
        with pytest.raises(FloorUnknownError):
            await edge.floor.join(V4)
    finally:
        await edge.floor.stop()


async def test_what_a_member_inherits_stays_where_the_floor_keeps_it(
    server: NatsServer, tmp_path: Path
) -> None:
    """The last edge's process is killed and begun again: the fleet is not left without a route."""
    async with announcing(server, tmp_path, "a") as (a,):
        assert a.phase() is Phase.ANNOUNCED
    again = EdgeOfTest("a", server.url, tmp_path)
    again.speaking.told[V4] = Phase.ANNOUNCED
    await again.floor.start()
    try:
        await again.announcer.begin()
        assert again.phase() is Phase.ANNOUNCED
        assert "(min_edges)" in again.held
    finally:
        await again.floor.stop()


async def test_it_is_no_edge_that_words_would_wait_for(server: NatsServer, tmp_path: Path) -> None:
    async with (
        announcing(server, tmp_path, "ab"),
        linked([server.url], "a") as link,
    ):
        await until_holds(lambda: bool(link.store.edges()), within=30)
        assert set(link.store.every_edge()) == {"a"}
