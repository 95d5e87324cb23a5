"""The blocks that queries come from are sampled alike by each engine, and weigh what is moved."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import pytest
from harness.config import config_text
from harness.engines import ENGINES, EngineName, needs_native, serving
from harness.messages import ecs_of, query
from harness.places import database_locator
from harness.server import HEAD, Server, snapshot_of

from resolverd.dns.prefix import parse_prefix
from resolverd.engine import block_samples
from resolverd.engine.answer import respond
from resolverd.engine.block_samples import BlockSample, BlockSampler
from resolverd.engine.counters import Counters
from resolverd.engine.explain import explain
from resolverd.engine.interface import Engine
from resolverd.policy.share import Positions, Share, draw, draw_word
from resolverd.snapshot.model import Snapshot

SERVICES = """
[service.one]
regions = ["us-east", "us-west"]
policy = "failover"
[service.two]
regions = ["us-west", "us-east"]
policy = "failover"
"""
ZONE = {"example.": f"{HEAD}one DYNA one\ntwo DYNA two\n"}
BLOCKS = [f"10.1.{n}.0/24" for n in range(40)]
EAST = ("one", "us-east")


def world(shares: dict[tuple[str, str], Share], *, compiled: bool = True) -> Snapshot:
    locator = database_locator({})
    config = config_text(SERVICES)
    return snapshot_of(ZONE, config, locator=locator, shares=shares, compiled=compiled)


def ask(engine: Engine, name: str, subnet: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(30)
        asking.connect(("127.0.0.1", engine.bound[0].port))
        asking.send(query(name, ecs=subnet))
        assert asking.recv(4096)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
async def test_each_query_of_a_region_that_is_weighed_is_kept_once(
    engine: EngineName, workers: int
) -> None:
    """Of all workers, by region; those of another service are not."""
    snapshot = world({EAST: Share(sampled=1)}, compiled=engine == "native")
    async with serving(snapshot, engine, workers=workers) as serves:
        for subnet in BLOCKS:
            await asyncio.to_thread(ask, serves, "one.example.", subnet)
            await asyncio.to_thread(ask, serves, "two.example.", subnet)
        taken = await serves.block_samples()
        again = await serves.block_samples()
    words = [draw_word(parse_prefix(subnet)) for subnet in BLOCKS]
    assert Counter(taken.samples) == Counter(BlockSample(*EAST, word, 1) for word in words)
    assert taken.dropped == 0
    assert again.samples == []


@pytest.mark.parametrize("engine", ENGINES)
async def test_samples_that_nobody_takes_are_bounded(engine: EngineName) -> None:
    """And what was dropped is told once."""
    snapshot = world({EAST: Share(sampled=1)}, compiled=engine == "native")
    async with serving(snapshot, engine) as serves:
        packet = query("one.example.", ecs=BLOCKS[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(("127.0.0.1", serves.bound[0].port))
            asking.settimeout(30)
            for _ in range(block_samples.CAPACITY + 5):
                await asyncio.to_thread(asking.send, packet)
                await asyncio.to_thread(asking.recv, 4096)
        taken, again = await serves.block_samples(), await serves.block_samples()
    assert (len(taken.samples), taken.dropped) == (block_samples.CAPACITY, 5)
    assert (again.samples, again.dropped) == ([], 0)


def test_one_of_so_many_is_kept_and_stands_for_them() -> None:
    snapshot = world({EAST: Share(sampled=8)}, compiled=False)
    sampler, packet = BlockSampler(), query("one.example.", ecs=BLOCKS[3])
    for _ in range(8000):
        respond(packet, "192.0.2.1", snapshot, Counters(), sampler=sampler)
    samples = sampler.take().samples
    assert set(samples) == {BlockSample(*EAST, draw_word(parse_prefix(BLOCKS[3])), 8)}
    assert len(samples) == pytest.approx(1000, rel=0.1)


def test_a_client_that_is_sent_on_counts_for_the_region_that_sends_it_on() -> None:
    """Else a region that sends half on would be known by the other half alone."""
    shares = {EAST: Share(1.0, sampled=1), ("one", "us-west"): Share(0.0, 1.0, sampled=1)}
    sampler = BlockSampler()
    response = respond(
        query("one.example.", ecs=BLOCKS[0]),
        "192.0.2.1",
        world(shares, compiled=False),
        Counters(),
        sampler=sampler,
    )
    assert response is not None
    assert [(s.service, s.region) for s in sampler.take().samples] == [EAST]


@needs_native
@pytest.mark.parametrize("position", [0.05, 0.5])
def test_a_block_goes_by_its_position_where_its_region_has_positions(position: float) -> None:
    """In both engines, with the scope of a block; and `explain` tells both."""
    block = parse_prefix(BLOCKS[0])
    positions = Positions((0.9,) * 4, {draw_word(block): position}, {draw_word(block): 0.25})
    shares = {EAST: Share(0.1, positions=positions), ("one", "us-west"): Share(0.0, 1.0)}
    both = Server(world(shares, compiled=False), world(shares))
    for subnet in BLOCKS:
        message = both.ask("one.example.", ecs=subnet)
        assert ecs_of(message).scopelen == 24
        why = explain("one.example.", parse_prefix(subnet), both.snapshot)
        moved = subnet == BLOCKS[0] and position < 0.1
        assert why.region == ("us-west" if moved else "us-east")
        assert why.draw is not None
        assert why.draw.value == draw(parse_prefix(subnet))
        assert why.draw.position == (position if subnet == BLOCKS[0] else 0.9)
        assert why.draw.load == (0.25 if subnet == BLOCKS[0] else None)
