"""The daemon's main job over real sockets: failover, TTLs, pins, overrides, start and stop."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import structlog
from harness.config import address_of
from harness.engines import ENGINES, EngineName
from live_daemon import TOKYO, Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.daemon import Daemon
from resolverd.engine.native import NativeEngine
from resolverd.errors import EngineError, ExitCode, ProblemsError
from resolverd.health.lookup import SystemLookup
from resolverd.health.overrides import Override, OverrideKind

CHAT = "chat.inference.example"


async def _chosen(daemon: Daemon, client: str = TOKYO) -> tuple[set[str], int]:
    answer = await ask(daemon, CHAT, client)
    return addresses(answer), answer.answer[0].ttl


async def test_the_ttl_falls_before_the_answer_moves_and_returns_after(
    daemon: Daemon, endpoints: dict[str, Endpoint]
) -> None:
    home, away = {address_of("ap-northeast")}, {address_of("us-west")}
    assert await _chosen(daemon) == (home, 20)
    seen: list[tuple[set[str], int]] = []

    async def moved() -> bool:
        seen.append(await _chosen(daemon))
        return seen[-1][0] == away

    endpoints["ap-northeast"].status = 500
    await until(moved)
    assert (home, 2) in seen, "the TTL must fall while the answer still stands"
    assert all(ttl == 2 for where, ttl in seen if where == away)

    endpoints["ap-northeast"].status = 200

    async def back() -> bool:
        return await _chosen(daemon) == (home, 2)

    await until(back)

    async def ramping() -> bool:
        return (await _chosen(daemon))[1] > 2

    await until(ramping)


async def test_only_clients_of_the_lost_region_see_a_low_ttl(
    daemon: Daemon, endpoints: dict[str, Endpoint]
) -> None:
    endpoints["ap-northeast"].status = 500

    async def moved() -> bool:
        return (await _chosen(daemon))[0] != {address_of("ap-northeast")}

    await until(moved)
    assert await _chosen(daemon, "2.2.2.0") == ({address_of("eu-west")}, 20)


async def test_with_every_region_down_the_nearest_is_answered_and_explained(
    daemon: Daemon, endpoints: dict[str, Endpoint]
) -> None:
    for endpoint in endpoints.values():
        endpoint.status = 503

    async def explained() -> bool:
        return any(
            "no allowed region serves" in str(option)
            for option in (await ask(daemon, CHAT)).options
        )

    await until(explained)
    assert (await _chosen(daemon))[0] == {address_of("ap-northeast")}


async def test_an_override_beats_what_is_measured_until_it_ends(daemon: Daemon) -> None:
    now = time.monotonic()
    drain = Override(OverrideKind.DRAIN, "test", "maintenance", now)
    daemon.overrides.set("ap-northeast", drain)
    daemon.steer_soon()

    async def away() -> bool:
        return (await _chosen(daemon))[0] == {address_of("us-west")}

    await until(away)
    ends = time.monotonic() + 0.5
    daemon.overrides.set("ap-northeast", replace(drain, until=ends))
    daemon.steer_soon()

    async def home() -> bool:
        return not await away()

    await until(home)
    assert time.monotonic() >= ends
    assert daemon.overrides.get("ap-northeast", time.monotonic()) is None


async def test_it_is_not_ready_before_the_first_probe_round(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    endpoints["ap-northeast"].status = 500
    async with running(files.config) as started:
        assert (await _chosen(started))[0] == {address_of("us-west")}


@pytest.mark.parametrize("engine", ENGINES)
async def test_several_workers_answer_alike_and_are_counted_together(
    files: Files, endpoints: dict[str, Endpoint], engine: EngineName
) -> None:
    server = f'workers = 2\nengine = "{engine}"'
    files.config.write_text(good_config(endpoints, server=server))
    async with running(files.config) as started:
        for _ in range(40):
            assert await _chosen(started) == ({address_of("ap-northeast")}, 20)
        endpoints["ap-northeast"].status = 500

        async def moved() -> bool:
            return (await _chosen(started))[0] == {address_of("us-west")}

        await until(moved)
        counted = await started.counters()
        assert counted.received["udp"] >= 41
        assert counted.steered[("chat", "us-west", "serving")] >= 1
        assert not counted.failed


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_dead_worker_takes_the_daemon_down_with_a_reason(
    files: Files, endpoints: dict[str, Endpoint], engine: EngineName
) -> None:
    server = f'workers = 2\nengine = "{engine}"'
    files.config.write_text(good_config(endpoints, server=server))
    with structlog.testing.capture_logs() as events:
        async with running(files.config) as started:
            if isinstance(started.engine, NativeEngine):
                assert started.engine._threads is not None
                started.engine._threads.inject_fault(1)
                reason = "worker thread serve-1 ended: panic at "
            else:
                victim = multiprocessing.active_children()[0]
                victim.kill()
                reason = f"worker {victim.pid} ended with exit code"
            async with asyncio.timeout(20):
                assert await started.wait() is ExitCode.UNAVAILABLE
    (died,) = (event for event in events if event["event"] == "engine.died")
    assert died["reason"].startswith(reason)


async def test_an_address_in_use_is_fatal_and_named(
    daemon: Daemon, files: Files, tmp_path: Path, endpoints: dict[str, Endpoint]
) -> None:
    port = daemon.bound[0].port
    other = Daemon(files.config, [("server.listen", [f"127.0.0.2:{port}", "192.0.2.1:5300"])])
    with pytest.raises(EngineError, match=r"192\.0\.2\.1:5300.*no interface"):
        await other.start()


async def test_a_second_daemon_on_the_same_port_is_refused(daemon: Daemon, files: Files) -> None:
    """SO_REUSEPORT would let it take a share of the queries unnoticed."""
    second = Daemon(files.config, [("server.listen", [str(daemon.bound[0])])])
    with pytest.raises(EngineError, match=r"in use; see who has it"):
        await second.start()


async def test_a_broken_configuration_is_fatal_at_start(files: Files) -> None:
    files.config.write_text("[server]\n")
    with pytest.raises(ProblemsError, match="config-missing"):
        await Daemon(files.config).start()


async def test_an_endpoint_given_by_hostname_is_answered_with_what_it_resolves_to(
    files: Files,
    endpoints: dict[str, Endpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found in the hosts file; an address that leads a client to itself is left out."""
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.77 gpu.example\n127.0.0.1 gpu.example\n")
    monkeypatch.setattr(
        "resolverd.health.addresses.SystemLookup", partial(SystemLookup, hosts=hosts)
    )
    text = good_config(endpoints)
    written = f"address = ['{address_of('ap-northeast')}', '2001:db8::40']"
    assert written in text
    files.config.write_text(text.replace(written, 'hostname = "gpu.example"'))
    async with running(files.config) as started:
        assert (await _chosen(started))[0] == {"192.0.2.77"}
