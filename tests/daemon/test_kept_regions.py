"""Clients keep their region over its absence, an edit and a restart, over real sockets."""

from __future__ import annotations

import asyncio
import time

import pytest
from harness.config import address_of
from harness.engines import ENGINES, EngineName
from live_daemon import Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.admin.operate import OverrideCommand, set_override
from resolverd.daemon import Daemon
from resolverd.dns.prefix import parse_prefix
from resolverd.engine.explain import explain
from resolverd.health.overrides import OverrideKind
from resolverd.snapshot.model import Snapshot

CHAT = "chat.inference.example"
HOME, AWAY = address_of("ap-northeast"), address_of("us-west")
CLIENTS = [f"1.{number}.7.0" for number in range(32)]


def _config(endpoints: dict[str, Endpoint], sticky: str, server: str = "") -> str:
    text = good_config(endpoints, server)
    assert 'ttl = "20s"\n' in text
    return text.replace('ttl = "20s"\n', f'ttl = "20s"\nsticky = "{sticky}"\n', 1)


async def _given(daemon: Daemon) -> dict[str, str]:
    """The address that each client is given."""
    found = {}
    for client in CLIENTS:
        (found[client],) = addresses(await ask(daemon, CHAT, client))
    return found


async def _drain(daemon: Daemon) -> None:
    await set_override(
        daemon, OverrideCommand("ap-northeast", OverrideKind.DRAIN, "op", "disks", None)
    )


async def _return(daemon: Daemon) -> None:
    daemon.overrides.clear("ap-northeast", 0.0)
    await daemon.republish()


@pytest.mark.parametrize("engine", ENGINES)
async def test_clients_of_a_region_that_returns_go_back_once_their_epochs_end(
    engine: EngineName, files: Files, endpoints: dict[str, Endpoint]
) -> None:
    files.config.write_text(_config(endpoints, "8s", f'engine = "{engine}"\n'))
    async with running(files.config) as daemon:
        assert set((await _given(daemon)).values()) == {HOME}
        await _drain(daemon)
        assert set((await _given(daemon)).values()) == {AWAY}, "a drain moves everybody at once"
        await _return(daemon)
        seen = [await _given(daemon)]
        assert AWAY in seen[0].values(), "its return moves nobody whose epoch goes on"

        async def all_back() -> bool:
            seen.append(await _given(daemon))
            return set(seen[-1].values()) == {HOME}

        await until(all_back)
        for client in CLIENTS:
            ways = [given[client] for given in seen]
            assert ways == sorted(ways, key=lambda way: way == HOME), "each moves once"
        counted = (await daemon.counters()).steered
        assert counted["chat", "us-west", "held"] > 0


async def test_a_restart_moves_nobody_who_keeps_a_region(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    files.config.write_text(_config(endpoints, "24h", 'state = "state"\n'))
    async with running(files.config) as daemon:
        await _drain(daemon)
        await _return(daemon)
        assert set((await _given(daemon)).values()) == {AWAY}
    async with running(files.config) as daemon:
        assert set((await _given(daemon)).values()) == {AWAY}
        told = explain(CHAT, parse_prefix("1.0.7.0/24"), daemon.snapshot)
        assert (told.region, told.outcome) == ("us-west", "held")
        assert told.held is not None
        assert told.held.now == "ap-northeast"


async def test_an_edit_of_the_map_moves_nobody_and_a_pin_moves_at_once(
    files: Files, endpoints: dict[str, Endpoint]
) -> None:
    text = _config(endpoints, "24h")
    files.config.write_text(text)
    async with running(files.config) as daemon:
        assert set((await _given(daemon)).values()) == {HOME}
        far = text.replace("[region.ap-northeast]\n", '[region.ap-northeast]\nbias = "900ms"\n', 1)
        assert far != text
        files.config.write_text(far)
        assert await daemon.reload()
        assert set((await _given(daemon)).values()) == {HOME}
        told = explain(CHAT, parse_prefix("1.0.7.0/24"), daemon.snapshot)
        assert told.held is not None
        assert told.held.now not in {None, "ap-northeast"}
        pinned = far + '\n[pin.japan]\ncountries = ["JP"]\nregions = ["us-west", "eu-west"]\n'
        files.config.write_text(pinned)
        assert await daemon.reload()
        assert HOME not in (await _given(daemon)).values()


async def test_an_end_of_epochs_that_a_late_steering_has_missed_is_made_up_for(
    files: Files, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy host may take longer to hand a table on than until time changes it again."""
    text = _config(endpoints, "64s").replace('ttl = "20s"\nsticky', 'ttl = "2s"\nsticky', 1)
    files.config.write_text(text)
    async with running(files.config) as daemon:
        await _drain(daemon)
        await _return(daemon)

        async def rests() -> bool:
            steering = daemon.snapshot.steering
            return steering.settled and bool(steering.epochs)

        await until(rests)
        publish, late = daemon.engine.publish, asyncio.Event()

        async def slowly(snapshot: Snapshot) -> None:
            if not late.is_set():
                await asyncio.sleep(snapshot.steering.due - time.monotonic() + 0.1)
            late.set()
            await publish(snapshot)

        monkeypatch.setattr(daemon.engine, "publish", slowly)
        await late.wait()
        missed = daemon.snapshot.steering.generation + 1

        async def made_up() -> bool:
            return daemon.snapshot.steering.generation > missed

        await until(made_up)
