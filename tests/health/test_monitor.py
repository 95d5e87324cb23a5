"""The monitor on real servers: verdicts, schedules, and independence of targets."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from monitored import Changes, Serve, Switch, Watch, eventually, target
from structlog.testing import capture_logs

from resolverd.health.kinds.http import HttpProbe
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import State


async def test_the_first_round_is_adopted_at_once(
    serve: Serve, watch: Watch, closed_port: int
) -> None:
    good, bad = await serve(Switch()), await serve(Switch("503"))
    monitor = await watch(target("good", good), target("bad", bad), target("gone", closed_port))
    verdicts = monitor.verdicts()
    assert {id_: v.state for id_, v in verdicts.items()} == {
        "good": State.UP,
        "bad": State.DOWN,
        "gone": State.DOWN,
    }
    assert verdicts["bad"].reason == "HTTP 503"
    assert verdicts["gone"].reason == "connection refused"
    assert [v.changed_at for v in verdicts.values()] == [None, None, None]


async def test_an_endpoint_falls_and_rises_through_every_state(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server = Switch()
    monitor = await watch(target("a", await serve(server)))
    server.mood = "503"
    await changes.until("a", "down")
    assert changes.states("a") == ["up", "suspect", "suspect", "down"]
    assert not monitor.verdicts()["a"].serves
    fell = monitor.verdicts()["a"].changed_at
    server.mood = "200"
    await changes.until("a", "up", times=2)
    assert changes.states("a")[4:] == ["recovering", "up"]
    rose = monitor.verdicts()["a"].changed_at
    assert fell is not None
    assert rose is not None
    assert rose > fell


async def test_every_step_towards_a_flip_is_reported(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server = Switch()
    await watch(target("a", await serve(server), fall=4, fast_interval=0.05))
    server.mood = "503"
    await changes.until("a", "down")
    min_until_flip = [after.min_until_flip for _, _, after in changes.seen]
    assert min_until_flip == pytest.approx([math.inf, 0.15, 0.10, 0.05, 0.10])
    # What was promised is what happened: no flip came before the earliest one announced.
    down = changes.seen[-1][2].changed_at
    assert down is not None
    assert all(down >= after.no_flip_before for _, _, after in changes.seen[1:-1])


async def test_an_endpoint_that_stays_as_it_is_reports_nothing(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server, bad = Switch(), Switch("503")
    settings = {"interval": 0.1, "fast_interval": 0.05}
    await watch(
        target("a", await serve(server), **settings), target("b", await serve(bad), **settings)
    )
    await eventually(lambda: min(server.requests, bad.requests) >= 5)
    assert [id_ for id_, _, _ in changes.seen] in (["a", "b"], ["b", "a"])


async def test_a_state_change_is_one_event_and_a_probe_is_none(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server = Switch()
    with capture_logs() as events:
        await watch(target("a", await serve(server)))
        server.mood = "503"
        await changes.until("a", "down")
    assert [(e["event"], e["before"], e["after"], e["reason"]) for e in events] == [
        ("endpoint.state", "unknown", "up", "HTTP 200"),
        ("endpoint.state", "up", "suspect", "HTTP 503"),
        ("endpoint.state", "suspect", "down", "HTTP 503"),
    ]
    assert {(e["endpoint"], e["region"]) for e in events} == {("a", "us-east")}


async def test_a_hanging_target_delays_no_other(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    """The other target lives through a whole fall and rise while one probe still hangs."""
    hanging, other = Switch("hang"), Switch()
    port = await serve(other)
    crowd = [target(f"x{n}", port) for n in range(20)]
    monitor = Monitor(
        [target("hangs", await serve(hanging), timeout=60), *crowd], on_change=changes
    )
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await hanging.hung.wait()
        await changes.until("x19", "up")
        other.mood = "503"
        await changes.until("x19", "down")
        other.mood = "200"
        await changes.until("x19", "up", times=2)
        assert changes.states("hangs") == []
        assert monitor.verdicts()["hangs"].unknown
        assert hanging.requests == 1
    finally:
        await monitor.stop()


async def test_more_hanging_targets_than_a_wave_hold_up_no_first_round(
    serve: Serve, changes: Changes
) -> None:
    hanging, other = Switch("hang"), Switch()
    port = await serve(hanging)
    crowd = [target(f"h{n}", port, timeout=60) for n in range(450)]
    monitor = Monitor([*crowd, target("last", await serve(other))], on_change=changes)
    await monitor.start()
    try:
        await changes.until("last", "up")
    finally:
        await monitor.stop()


async def test_probes_that_hang_overlap_while_it_serves_but_no_more_than_fall(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    """With a timeout of many fast intervals, falling takes one timeout, not `fall` of them."""
    server = Switch()
    settings = {"interval": 0.1, "fast_interval": 0.05, "timeout": 0.6, "fall": 3}
    await watch(target("a", await serve(server), **settings))
    server.mood = "hang"
    await changes.until("a", "down")
    # The server may see a fourth before it sees the end of the first.
    assert server.most_hanging in (3, 4)
    seen = [after for _, _, after in changes.seen[1:]]
    assert [v.state.value for v in seen] == ["suspect", "suspect", "down"]
    starts = [v.probed_at for v in seen]
    assert all(later - sooner >= 0.045 for sooner, later in itertools.pairwise(starts))
    await eventually(lambda: server.hanging <= 1)


async def test_a_probe_that_hangs_counts_though_a_later_one_succeeds(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    """It is superseded, and goes on to its own end: a failure, but not one in a row."""
    server = Switch()
    settings = {"interval": 0.1, "fast_interval": 0.05, "timeout": 0.5, "fall": 3}
    monitor = await watch(target("a", await serve(server), **settings))
    server.mood = "hang"
    async with asyncio.timeout(20):
        await server.hung.wait()
    server.mood = "200"
    await eventually(lambda: monitor.counters()["a"].superseded_failures > 0)
    assert monitor.verdicts()["a"].serves
    await eventually(lambda: monitor.verdicts()["a"].state is State.UP)
    assert "down" not in changes.states("a")


async def test_a_hold_is_one_event_however_often_it_answers_meanwhile(
    serve: Serve, watch: Watch, changes: Changes
) -> None:
    server = Switch()
    with capture_logs() as events:
        monitor = await watch(target("a", await serve(server), rise=1))
        for _ in range(4):
            server.mood = "503"
            await eventually(lambda: monitor.verdicts()["a"].state is State.DOWN)
            server.mood = "200"
            await eventually(lambda: monitor.verdicts()["a"].state is not State.DOWN)
    assert monitor.verdicts()["a"].held_until is not None
    (held,) = (event for event in events if event["event"] == "endpoint.held")
    assert 3590 < held["seconds"] <= 3600
    flips = [after.serves for _, before, after in changes.seen if before.serves != after.serves]
    assert flips == [True, False, True, False]


async def test_counters_tell_probes_failures_and_latency(serve: Serve, watch: Watch) -> None:
    monitor = await watch(target("a", await serve(Switch("503"))))
    counters = monitor.counters()["a"]
    assert counters.probes >= 1
    assert counters.failures == counters.probes
    assert 0 < counters.latency < 5


async def test_a_monitor_of_nothing_is_ready_at_once(watch: Watch) -> None:
    monitor = await watch()
    assert dict(monitor.verdicts()) == {}


async def test_what_a_server_repeats_of_a_secret_is_not_told(changes: Changes) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        sent.append(head)
        writer.write(b"HTTP/1.1 200 s3cr3t-token-77\x01\r\n" + head)
        writer.close()

    sent: list[bytes] = []
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    probe = HttpProbe(
        headers={"X-Key": "s3cr3t-token-77"}, expect_body="s3cr3t-token-77!", timeout=5
    )
    one = Target("one", "r", "e", f"http://u:pa55word@127.0.0.1:{port}/", probe)
    monitor = Monitor([one], on_change=changes)
    await monitor.start()
    try:
        async with asyncio.timeout(20):
            await monitor.first_round()
        verdict = monitor.verdicts()["one"]
        assert verdict.state is State.DOWN
        assert "s3cr3t" not in verdict.reason
        assert b"s3cr3t-token-77" in sent[0]
        assert b"Authorization: Basic dTpwYTU1d29yZA==" in sent[0]
    finally:
        await monitor.stop()
        server.close()
