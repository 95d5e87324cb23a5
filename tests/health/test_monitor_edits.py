"""The monitor when what it probes is edited: who keeps health, and who begins anew."""

from __future__ import annotations

import asyncio

import pytest
from monitored import Changes, Serve, Switch, Watch, eventually, target

from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import State


async def test_a_reload_keeps_what_did_not_change(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    stays, leaves, comes = Switch(), Switch(), Switch()
    a, b, c = (
        target("a", await serve(stays)),
        target("b", await serve(leaves)),
        target("c", await serve(comes)),
    )
    monitor = await watch(a, b)
    before = monitor.verdicts()["a"]
    monitor.replace([a, c])
    assert monitor.verdicts()["a"] is before
    assert monitor.verdicts()["c"].unknown
    assert "b" not in monitor.verdicts()
    assert set(monitor.settled()) == {"a", "c"}
    async with asyncio.timeout(20):
        await monitor.first_round()
    assert monitor.verdicts()["c"].state is State.UP
    left, kept = leaves.requests, stays.requests
    await eventually(lambda: stays.requests >= kept + 3)
    assert leaves.requests == left
    assert changes.states("a") == ["up"]


async def test_new_settings_keep_the_health_and_are_used(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server = Switch()
    port = await serve(server)
    monitor = await watch(target("a", port, interval=3600))
    monitor.replace([target("a", port, interval=0.1, expect_status=(204,))])
    assert monitor.verdicts()["a"].state is State.UP
    assert monitor.verdicts()["a"].min_until_flip == 0
    assert monitor.settled()["a"] is monitor.verdicts()["a"]
    await changes.until("a", "down")
    assert changes.states("a") == ["up", "up", "suspect", "suspect", "down"]


async def test_another_url_starts_unknown(serve: Serve, watch: Watch, closed_port: int) -> None:
    monitor = await watch(target("a", await serve(Switch()), interval=3600))
    monitor.replace([target("a", closed_port)])
    assert monitor.settled()["a"].unknown
    assert monitor.verdicts()["a"].unknown
    async with asyncio.timeout(20):
        await monitor.first_round()
    assert monitor.verdicts()["a"].state is State.DOWN


async def test_a_reload_with_a_wrong_url_changes_nothing(serve: Serve, watch: Watch) -> None:
    a = target("a", await serve(Switch()))
    monitor = await watch(a)
    wrong = Target("b", "us-east", "b", "gopher://h", a.settings)
    with pytest.raises(ValueError, match="gopher"):
        monitor.replace([wrong])
    assert list(monitor.verdicts()) == ["a"]


async def test_a_monitor_does_not_start_with_a_wrong_url(changes: Changes) -> None:
    wrong = Target("b", "us-east", "b", "gopher://h", target("", 0).settings)
    monitor = Monitor([wrong], on_change=changes)
    with pytest.raises(ValueError, match="gopher"):
        await monitor.start()
