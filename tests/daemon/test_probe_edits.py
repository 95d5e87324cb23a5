"""An edit of how endpoints are probed: tried at once, and at low TTLs until it has been."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from harness.config import address_of
from live_daemon import PROBES, TOKYO, Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.daemon import Daemon
from resolverd.health.verdict import State

CHAT = "chat.inference.example"
SLOW = 'interval = "60s"\nfast_interval = "1s"\ntimeout = "2s"'


async def _chosen(daemon: Daemon) -> tuple[set[str], int]:
    answer = await ask(daemon, CHAT, TOKYO)
    return addresses(answer), answer.answer[0].ttl


def _write(config: Path, endpoints: dict[str, Endpoint], probe: str) -> None:
    config.write_text(good_config(endpoints).replace(PROBES, probe))


def _probes(daemon: Daemon) -> int:
    return sum(counted.probes for counted in daemon.monitor.counters().values())


async def test_an_edit_that_judges_otherwise_is_probed_at_once(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    """At 60 s between probes it would else be half a minute."""
    _write(files.config, endpoints, SLOW)
    async with running(files.config) as daemon:
        assert await _chosen(daemon) == ({address_of("ap-northeast")}, 20)
        before = _probes(daemon)
        _write(files.config, endpoints, SLOW + "\nexpect_status = [204]")
        assert await daemon.reload()
        seen: list[tuple[set[str], int]] = []

        async def every_region_down() -> bool:
            seen.append(await _chosen(daemon))
            return all(verdict.state is State.DOWN for verdict in daemon.verdicts.values())

        async with asyncio.timeout(20):
            await until(every_region_down)
        assert _probes(daemon) >= before + 3 * len(endpoints)
        assert {ttl for _, ttl in seen} == {2}


async def test_the_ttl_is_low_until_the_outcome_and_whole_again_after_it(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    _write(files.config, endpoints, SLOW)
    async with running(files.config) as daemon:
        for endpoint in endpoints.values():
            endpoint.gate.clear()
        _write(files.config, endpoints, SLOW.replace('"2s"', '"3s"'))
        assert await daemon.reload()
        assert await _chosen(daemon) == ({address_of("ap-northeast")}, 2)
        for endpoint in endpoints.values():
            endpoint.gate.set()

        async def whole() -> bool:
            return await _chosen(daemon) == ({address_of("ap-northeast")}, 20)

        await until(whole)


@pytest.mark.parametrize("edit", ['interval = "50s"', 'fast_interval = "2s"'])
async def test_an_edit_of_the_schedule_alone_probes_nothing_and_lowers_no_ttl(
    files: Files, endpoints: dict[str, Endpoint], edit: str
) -> None:
    _write(files.config, endpoints, SLOW)
    async with running(files.config) as daemon:
        before = _probes(daemon)
        option = edit.partition(" ")[0]
        kept = [line for line in SLOW.splitlines() if not line.startswith(option)]
        _write(files.config, endpoints, "\n".join([*kept, edit]))
        assert await daemon.reload()
        assert await _chosen(daemon) == ({address_of("ap-northeast")}, 20)
        assert all(verdict.state is State.UP for verdict in daemon.verdicts.values())
        assert _probes(daemon) <= before + 1  # one may be due just now


async def test_another_url_is_answered_at_low_ttls_until_it_is_known(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    """The region goes on being served by what was known of the URL before."""
    _write(files.config, endpoints, SLOW)
    async with running(files.config) as daemon:
        endpoints["ap-northeast"].url += "/other"
        endpoints["ap-northeast"].gate.clear()
        _write(files.config, endpoints, SLOW)
        reload = asyncio.create_task(daemon.reload())

        async def low() -> bool:
            return (await _chosen(daemon))[1] == 2

        await until(low)
        assert await _chosen(daemon) == ({address_of("ap-northeast")}, 2)
        endpoints["ap-northeast"].gate.set()
        assert await reload

        async def whole() -> bool:
            return await _chosen(daemon) == ({address_of("ap-northeast")}, 20)

        await until(whole)
