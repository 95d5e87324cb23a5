"""A daemon whose clients are unequal: it counts who asks, and sends on as much as a share says."""

from __future__ import annotations

import asyncio
import random

import pytest
from harness.config import address_of
from harness.engines import ENGINES, EngineName
from harness.trials import LONG
from harness.waiting import until_holds
from live_daemon import Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.admin.load import service_loads
from resolverd.daemon import Daemon
from resolverd.policy.spill_state import RegionShare, Spill

CLIENTS = [f"1.2.{number}.0" for number in range(80)]
"""All in Tokyo, whose first region is ap-northeast and the second us-west."""
HOME, NEXT = "ap-northeast", "us-west"
QUERIES = {client: max(1, round(150 / rank**1.2)) for rank, client in enumerate(CLIENTS, 1)}
WHOLE = sum(QUERIES.values())
# Mixed, so that whatever part the daemon has counted at a moment is like the whole.
MIXED = [client for client, queries in QUERIES.items() for _ in range(queries)]
random.Random(12).shuffle(MIXED)
NAME = "chat.inference.example"


@pytest.mark.parametrize("workers", [1, 2] if LONG else [2])  # thousands of queries for each
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_share_is_that_share_of_what_unequal_clients_ask(
    files: Files, endpoints: dict[str, Endpoint], engine: EngineName, workers: int
) -> None:
    """With either engine and several workers; what was sent on at a share stays so at a larger."""
    server = f'engine = "{engine}"\nworkers = {workers}\n'
    files.config.write_text(f'{good_config(endpoints, server)}policy = "ttft"\n')
    async with running(files.config) as daemon:

        async def counted() -> bool:
            """Until they are known to be few, one query in eight is kept: a rough beginning."""
            for client in MIXED:
                await ask(daemon, NAME, client)
            unevenness = daemon.load.weighing.unevenness().get(("chat", HOME))
            return unevenness is not None and unevenness.samples >= 4 * WHOLE

        await until_holds(counted, within=300)  # thousands of queries, one after another
        shown = service_loads(daemon.load, daemon.snapshot.plan)["chat"][HOME]["blocks"]
        largest = QUERIES[CLIENTS[0]] / WHOLE
        assert shown["largest_ratio"] == pytest.approx(largest, abs=0.08)
        before: set[str] = set()
        for share in (0.1, 0.2, 0.3, 0.4):
            sent = await _sent_on(daemon, share)
            assert sum(QUERIES[client] for client in sent) / WHOLE == pytest.approx(share, abs=0.05)
            assert before <= sent
            before = sent


async def _sent_on(daemon: Daemon, share: float) -> set[str]:
    """The clients that are sent on once the region sends this share on, which has just begun.

    Its probes tell no load: a minute later it would have its first clients back.
    """
    now = asyncio.get_running_loop().time()
    shares = {
        HOME: RegionShare(spill_ratio=share, moved=now),
        NEXT: RegionShare(accept_ratio=share, moved=now),
    }
    load = daemon.load
    load.spilling.resume({"chat": Spill(shares)})
    # As the controller does when it moves a share.
    load.weighing.place("chat", load.spilling.shares_of("chat", now))
    daemon.steer_soon()

    async def served() -> bool:
        status = daemon.snapshot.steering.statuses["chat"][HOME]
        return status.spill_ratio == share and status.positions is not None

    await until(served)
    away = {address_of(NEXT)}
    return {client for client in CLIENTS if addresses(await ask(daemon, NAME, client)) == away}
