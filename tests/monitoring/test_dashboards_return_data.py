"""Each query of each panel returns data from a real Prometheus that scrapes a running daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

from clients.prometheus_server import Prometheus, prometheus
from harness.daemon import running
from monitored_world import World, ask, cause, world

from resolverd.admin.metrics import fleet, generations, traffic
from resolverd.admin.metrics.registry import ANYCAST, declared
from resolverd.daemon import Daemon
from resolverd.monitoring.dashboard import DASHBOARDS

TIMEOUT = 60.0
# Defects of ours, and what the kernel refuses to send, cannot be caused, and routes have a process
# of their own; that Prometheus understands these queries is seen all the same.
NOT_CAUSED = {traffic.failed, traffic.send_errors, *ANYCAST}
# What a daemon without a fleet has not: tests/fleet and tests/publishing read it of those with one.
OF_A_FLEET = {*declared(fleet), *declared(generations)}
PANELS = [panel for dashboard in DASHBOARDS.values() for panel in dashboard.panels]
QUERIES = {
    query.expression.text: (NOT_CAUSED | OF_A_FLEET).isdisjoint(query.expression.families)
    for panel in PANELS
    for query in panel.queries
}


def filled(query: str) -> str:
    """The query as Grafana sends it, with All chosen in each variable."""
    text = query.replace("$__rate_interval", "10s")
    for variable in ("instance", "service", "region"):
        text = text.replace(f"${variable}", ".*")
    assert "$" not in text
    return text


async def _until_all_have_data(scraping: Prometheus, served: World, daemon: Daemon) -> None:
    left = [query for query, has_data in QUERIES.items() if has_data]
    ends = asyncio.get_running_loop().time() + TIMEOUT
    while left:
        assert asyncio.get_running_loop().time() < ends, "without data:\n" + "\n".join(left)
        await ask(served, daemon)
        left = [query for query in left if not await scraping.query(filled(query))]
        await asyncio.sleep(0.1)


async def test_every_query_of_every_panel_returns_data(tmp_path: Path) -> None:
    async with world(tmp_path) as served, running(served.path) as daemon:
        listener = daemon.admin.listener
        await cause(served, daemon)
        async with prometheus(tmp_path, listener, interval="250ms") as scraping:
            await _until_all_have_data(scraping, served, daemon)
            for query in QUERIES:
                await scraping.query(filled(query))
