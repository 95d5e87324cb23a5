"""Several listeners, both families, and several worker processes, seen from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients.client_world import ZONE, prepare
from harness.config import address_of
from harness.daemon import endpoints, serving, write_files
from harness.engines import ENGINES, EngineName
from harness.programs import free_port, output


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this host has no IPv6")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
async def test_every_listener_and_worker_gives_the_same_answers(
    tmp_path: Path, engine: EngineName, workers: int
) -> None:
    """Twenty questions to each listener, by turns over UDP and TCP; the totals add up."""
    async with endpoints() as served:
        zones = {"inference.example.": ZONE}
        path = write_files(tmp_path, zones, served, server=prepare(tmp_path))
        # Ports that dig cannot be given for its own: with SO_REUSEPORT, which workers need, the
        # kernel shares those that it picks (findings/reuseport-picks-a-held-port.sh).
        first, second, third = (free_port() for _ in range(3))
        listen = f'server.listen=["127.0.0.1:{first}", "[::1]:{second}", "127.0.0.1:{third}"]'
        changes = (
            "--set",
            listen,
            "--set",
            f"server.workers={workers}",
            f"--set=server.engine={engine}",
        )
        async with serving(path, *changes) as process:
            assert len({(each.address, each.port) for each in process.listeners}) == 3
            for each in process.listeners:
                for turn in range(20):
                    text = await output(
                        "dig",
                        *(f"@{each.address}", "-p", str(each.port), "+short", "+retry=0"),
                        "+tcp" if turn % 2 else "+notcp",
                        *("chat.inference.example", "A", "+subnet=10.3.0.0/24"),
                    )
                    assert text.strip() == address_of("ap-northeast")
        stopped = await process.until("stopped")
    assert stopped["received"] == {"udp": 30, "tcp": 30}
    assert stopped["rcodes"] == {"0": 60}
