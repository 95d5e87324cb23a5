"""The monitor of URLs with names: they are resolved, and probed at once where they move."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from harness.inference import MODEL, Inference
from monitored import Changes, Serve, Switch, target

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.tcp import TcpProbe
from resolverd.health.lookup import Found, RRType
from resolverd.health.monitor import Monitor, Target
from resolverd.health.outcome import Condition
from resolverd.health.verdict import State


async def test_names_in_urls_are_resolved_and_a_dead_name_delays_no_other(
    serve: Serve, changes: Changes
) -> None:
    async def lookup(hostname: str, rrtype: RRType) -> Found:
        if hostname == "dead.example":
            await asyncio.Event().wait()
        return Found(("127.0.0.1",) if rrtype == "A" else (), 60)

    port = await serve(Switch())
    probe = target("", 0, timeout=1).settings
    monitor = Monitor(
        [
            Target("dead", "r", "dead", f"http://dead.example:{port}", probe),
            Target("live", "r", "live", f"http://live.example:{port}", probe),
        ],
        on_change=changes,
        lookup=lookup,
    )
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await monitor.first_round()
        assert monitor.verdicts()["live"].state is State.UP
        assert monitor.verdicts()["dead"].reason == "timed out after 1 s"
        assert changes.seen[0][0] == "live"
    finally:
        await monitor.stop()


@pytest.mark.parametrize(
    ("kind", "option"), [("vllm", "workers"), ("vllm", "metrics_url"), ("openai", "metrics_url")]
)
async def test_names_in_the_options_of_a_probe_are_resolved_too(
    kind: str, option: str, changes: Changes
) -> None:
    async def lookup(hostname: str, rrtype: RRType) -> Found:
        found = hostname == "pages.example" and rrtype == "A"
        return Found(("127.0.0.1",) if found else (), 60)

    runner = web.AppRunner(Inference(others=10).application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    below = f"http://pages.example:{port}"
    urls = {"workers": [below], "metrics_url": f"{below}/metrics"}
    probe = complete_probe({"kind": kind, "model": MODEL, "timeout": 5, option: urls[option]})
    one = Target("one", "r", "e", f"http://127.0.0.1:{port}", probe)
    monitor = Monitor([one], on_change=changes, lookup=lookup)
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await monitor.first_round()
        verdict = monitor.verdicts()["one"]
        assert (verdict.state, verdict.condition) == (State.UP, Condition.NONE), verdict.reason
        assert monitor.loads()["one"].running == 3
    finally:
        await monitor.stop()
        await runner.cleanup()


async def test_both_spellings_of_an_internationalised_host_are_probed(
    serve: Serve, changes: Changes
) -> None:
    asked: set[str] = set()

    async def lookup(hostname: str, rrtype: RRType) -> Found:
        asked.add(hostname)
        return Found(("127.0.0.1",) if rrtype == "A" else (), 60)

    port = await serve(Switch())
    hosts = ("bücher.example", "xn--bcher-kva.example", "XN--Bcher-KVA.example")
    kinds = (("http", f"http://{{}}:{port}"), ("tcp", f"tcp://{{}}:{port}"))
    targets = [
        Target(
            f"{kind}-{n}", "r", "e", url.format(host), complete_probe({"kind": kind, "timeout": 5})
        )
        for kind, url in kinds
        for settings in [complete_probe({"kind": kind, "timeout": 5})]
        for n, host in enumerate(hosts)
    ]
    monitor = Monitor(targets, on_change=changes, lookup=lookup)
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await monitor.first_round()
        states = {id_: (v.state, v.reason) for id_, v in monitor.verdicts().items()}
        assert {state for state, _ in states.values()} == {State.UP}, states
        assert asked == {"xn--bcher-kva.example"}
    finally:
        await monitor.stop()


async def test_a_name_that_moves_is_probed_at_once(serve: Serve, changes: Changes) -> None:
    where = ["127.0.0.1"]

    async def lookup(hostname: str, rrtype: RRType) -> Found:
        return Found(tuple(where) if rrtype == "A" else (), 1)

    port = await serve(Switch())
    probe = TcpProbe(interval=60, fast_interval=0.1, fall=1, timeout=5)
    one = Target("one", "r", "e", f"tcp://moves.example:{port}", probe)
    monitor = Monitor([one], on_change=changes, lookup=lookup)
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await monitor.first_round()
            assert monitor.verdicts()["one"].state is State.UP
            where[:] = ["127.0.0.9"]  # where nothing listens
            while monitor.verdicts()["one"].state is State.UP:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert monitor.verdicts()["one"].reason == "connection refused"
    finally:
        await monitor.stop()
