"""A real Prometheus scrapes the daemon: every query of docs/operations.md returns data.

And the shipped alerts on what clients get fire, hurried: see clients.alert_rules.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import dns.asyncquery
import dns.message
from aiohttp import web
from clients.alert_rules import hurried
from clients.prometheus_server import Prometheus, prometheus
from harness.daemon import endpoints, running, write_files
from harness.server import HEAD

from resolverd.daemon import Daemon
from resolverd.demo.vllm import SimulatedServer

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
QUERIES = re.findall(r"```promql\n(.*?)```", OPERATIONS.read_text(), re.DOTALL)
TIMEOUT = 60.0

# One of the regions is a simulated vLLM, whose GPUs have an exporter; it is too slow, and too idle.
LOAD = """\
[region.us-east]
gpu_metrics = ["{url}/gpus"]
alerts.requests = 1
alerts.ttft_p50 = "1ms"
alerts.gpu_low = 0.6
alerts.sustained = "0s"
alerts.gpu_sustained = "0s"
"""
VLLM = """\
[region.us-east.probe]
kind = "vllm"
model = "a-model"
timeout = "2s"
"""


@asynccontextmanager
async def _simulated() -> AsyncIterator[str]:
    """A simulated vLLM; its URL."""

    async def gpus(_request: web.Request) -> web.Response:
        return web.Response(text='DCGM_FI_DEV_GPU_UTIL{gpu="0"} 50\n')

    app = SimulatedServer("us-east", "a-model").application()
    app.router.add_get("/gpus", gpus)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _simulate(path: Path, served: str, url: str) -> None:
    """Let us-east be the simulated vLLM, whose URL is `url`, in place of the `served` one."""
    text = path.read_text()
    region, _, rest = text.partition("[[region.us-east.endpoint]]")
    rest = rest.replace(served, url, 1)
    text = f"{region}[[region.us-east.endpoint]]{rest}"
    text = text.replace("[region.us-east]\n", LOAD.format(url=url), 1)
    path.write_text(text.replace("[region.us-east.probe]\n", VLLM, 1))


async def _all_return_data(scraping: Prometheus, daemon: Daemon, url: str) -> None:
    """Keep the daemon and the server at `url` busy until no query is left without data."""
    left = list(QUERIES)
    listener = daemon.bound[0]
    question = dns.message.make_query("chat.inference.example", "A")
    request = {"model": "a-model", "prompt": "hello", "max_tokens": 1}
    ends = asyncio.get_running_loop().time() + TIMEOUT
    while left:
        assert asyncio.get_running_loop().time() < ends, f"without data: {left}"
        await dns.asyncquery.udp(question, listener.address, port=listener.port, timeout=5)
        # Success is a share of requests, and an idle server has none.
        async with aiohttp.request("POST", f"{url}/v1/completions", json=request) as response:
            await response.read()
        left = [query for query in left if not await scraping.query(query)]
        await asyncio.sleep(0.1)


async def _fire(scraping: Prometheus, wanted: set[str]) -> None:
    """Wait for alerts on us-east, and see that no http region is blamed for telling no times."""
    fired: set[str] = set()
    async with asyncio.timeout(TIMEOUT):
        while not wanted <= fired:
            await asyncio.sleep(0.1)
            alerts = [alert["labels"] for alert in await scraping.firing()]
            fired = {each["alertname"] for each in alerts if each.get("region") == "us-east"}
            assert "RegionOutcomesUnknown" not in {each["alertname"] for each in alerts}


async def test_every_documented_query_returns_data(tmp_path: Path) -> None:
    assert len(QUERIES) > 5
    async with endpoints() as served, _simulated() as url:
        zone = f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\n"
        admin = 'socket = ""\nlisten = "127.0.0.1:0"'
        path = write_files(tmp_path, {"inference.example.": zone}, served, admin=admin)
        _simulate(path, served.urls()["us-east"], url)
        rules = tmp_path / "rules.yml"
        rules.write_text(hurried())
        async with (
            running(path) as daemon,
            prometheus(tmp_path, daemon.admin.listener, rules=[rules]) as scraping,
        ):
            await _all_return_data(scraping, daemon, url)
            await _fire(scraping, {"RegionOutcome", "RegionGpusIdle"})
