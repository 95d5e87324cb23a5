"""The monitor on real servers: verdicts, schedules, reloads, and independence of targets."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.kinds.tcp import TcpProbe
from resolverd.health.lookup import Found, RRType
from resolverd.health.monitor import Monitor, Target
from resolverd.health.verdict import State, Verdict

Serve = Callable[..., Awaitable[int]]
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class Switch:
    """A server whose mood a test sets: "200", "503", or "hang"; counts its requests."""

    def __init__(self, mood: str = "200") -> None:
        self.mood = mood
        self.requests = 0
        self.hanging = 0
        self.most_hanging = 0
        self.hung = asyncio.Event()

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            if self.mood == "hang":
                self.hanging += 1
                self.most_hanging = max(self.most_hanging, self.hanging)
                self.hung.set()
                try:
                    await reader.read()
                finally:
                    self.hanging -= 1
                return
            writer.write(f"HTTP/1.1 {self.mood} x\r\nContent-Length: 0\r\n\r\n".encode())


class Changes:
    """Records what the monitor reports, and lets a test wait for a state."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Verdict, Verdict]] = []
        self._more = asyncio.Event()

    def __call__(self, target: str, before: Verdict, after: Verdict) -> None:
        self.seen.append((target, before, after))
        self._more.set()

    def states(self, target: str) -> list[str]:
        return [after.state.value for id_, _, after in self.seen if id_ == target]

    async def until(self, target: str, *states: str, times: int = 1) -> None:
        """Wait until `target` has entered one of `states`, counting from its first verdict."""
        async with asyncio.timeout(20):
            while sum(state in states for state in self.states(target)) < times:
                self._more.clear()
                await self._more.wait()


def target(id_: str, port: int, **settings: object) -> Target:
    quick = {"interval": 0.1, "fast_interval": 0.05, "timeout": 5.0, "fall": 3, "rise": 2}
    probe = complete_probe(quick | settings)
    return Target(id_, "us-east", id_, f"http://127.0.0.1:{port}", probe)


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 (what is waited for is a plain counter)
            await asyncio.sleep(0.01)


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def watch(changes: Changes) -> AsyncIterator[Callable[..., Awaitable[Monitor]]]:
    """`await watch(target, …)` starts a monitor and waits for its first round."""
    started: list[Monitor] = []

    async def start(*targets: Target) -> Monitor:
        monitor = Monitor(targets, on_change=changes, rng=random.Random(7))
        started.append(monitor)
        await monitor.start()
        async with asyncio.timeout(20):
            await monitor.first_round()
        return monitor

    yield start
    for monitor in started:
        await monitor.stop()


Watch = Callable[..., Awaitable[Monitor]]


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
    await changes.until("a", "down")
    assert changes.states("a") == ["up", "up", "suspect", "suspect", "down"]


async def test_another_url_starts_unknown(serve: Serve, watch: Watch, closed_port: int) -> None:
    monitor = await watch(target("a", await serve(Switch()), interval=3600))
    monitor.replace([target("a", closed_port)])
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


async def test_a_monitor_of_nothing_is_ready_at_once(watch: Watch) -> None:
    monitor = await watch()
    assert dict(monitor.verdicts()) == {}


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
