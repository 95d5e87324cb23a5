"""Waiting for alerts of a real Prometheus whose rules are the shipped ones, hurried."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
from clients.alert_rules import hurried
from clients.prometheus_server import Prometheus, prometheus
from harness.waiting import until_holds

from resolverd.daemon import Daemon

TIMEOUT = 60.0

Alert = tuple[str, str]
"""An alert's name, and the endpoint, region or service that it is of."""


@asynccontextmanager
async def watched(
    folder: Path, *targets: object, over: str = "10s", job: str = "resolverd"
) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes `targets` as `job`; rates and changes are those `over` so long."""
    rules = folder / "rules.yml"
    rules.write_text(hurried(over))
    async with prometheus(folder, *targets, interval="250ms", rules=[rules], job=job) as watching:
        yield watching


async def fired(watching: Prometheus) -> set[Alert]:
    """What fires; its annotations have been filled in."""
    found = set()
    for alert in await watching.firing():
        labels, words = alert["labels"], " ".join(alert["annotations"].values())
        assert not any(unfilled in words for unfilled in ("{{", "<")), words
        assert labels["severity"] in ("critical", "warning")
        of = next((labels[key] for key in ("endpoint", "region", "service") if key in labels), "")
        found.add((labels["alertname"], of))
    return found


async def until_fired(
    watching: Prometheus,
    wanted: set[Alert],
    daemon: Daemon | None = None,
    name: str = "chat.inference.example",
    *,
    over: Set[str] = frozenset(),
) -> set[Alert]:
    """Wait for alerts to fire, and for those named in `over` to end; all that fires then.

    Meanwhile the daemon is asked for `name`.
    """
    seen: set[Alert] = set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT):
            seen = await fired(watching)
            while not wanted <= seen or over & {alert for alert, _ in seen}:
                if daemon is not None:
                    await ask(daemon, name)
                await asyncio.sleep(0.05)
                seen = await fired(watching)
    assert wanted <= seen, f"missing {wanted - seen}, of {seen}"
    assert not over & {alert for alert, _ in seen}, f"of {over} some still fire: {seen}"
    return seen


async def until_found(watching: Prometheus, query: str) -> None:
    """Wait until a query has a result."""
    await until_holds(lambda: _found(watching, query), within=TIMEOUT)


async def _found(watching: Prometheus, query: str) -> bool:
    return bool(await watching.query(query))


async def ask(daemon: Daemon, name: str = "chat.inference.example") -> None:
    """One query over UDP."""
    listener = daemon.bound[0]
    question = dns.message.make_query(name, "A")
    await dns.asyncquery.udp(question, listener.address, port=listener.port, timeout=5)
