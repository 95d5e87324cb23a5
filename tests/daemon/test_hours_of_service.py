"""A daemon whose regions have hours: TTLs fall before a boundary, and a set clock is obeyed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from harness.config import address_of
from live_daemon import TOKYO, Endpoint, Files, addresses, ask, good_config, running, until

from resolverd.admin.state import state_of
from resolverd.cli.troubles import kind_of
from resolverd.daemon import Daemon
from resolverd.health.overrides import Override, OverrideKind

CHAT = "chat.inference.example"
HOME, AWAY = {address_of("ap-northeast")}, {address_of("us-west")}
# A Thursday, and Tokyo's region serves until midnight there.
CLOSES = datetime(2026, 11, 26, 15, 0, tzinfo=UTC).timestamp()
HOURS = 'hours = ["mon-fri 08:00-24:00"]\ntime_zone = "Asia/Tokyo"\n'


class WallClock:
    """A clock on the wall that a test can set; it runs as fast as the real one."""

    def __init__(self) -> None:
        self._real = time.time
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._real() + self._ahead

    def set(self, unix: float) -> None:
        self._ahead = unix - self._real()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    clock = WallClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
async def closing(
    files: Files, endpoints: dict[str, Endpoint], wall: WallClock
) -> AsyncIterator[Daemon]:
    """A daemon one hour before its nearest region closes."""
    wall.set(CLOSES - 3600)
    heading = "[region.ap-northeast]\n"
    config = good_config(endpoints)
    assert heading in config
    files.config.write_text(config.replace(heading, heading + HOURS))
    async with running(files.config) as daemon:
        yield daemon


async def chosen(daemon: Daemon) -> tuple[set[str], int]:
    answer = await ask(daemon, CHAT, TOKYO)
    return addresses(answer), answer.answer[0].ttl


async def test_ttls_fall_before_the_boundary_and_no_answer_outlives_it(
    closing: Daemon, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is set to half a minute before the boundary: it is noticed, and then awaited."""
    monkeypatch.setattr("resolverd.health.service_windows.CHECK_INTERVAL", 0.3)
    assert await chosen(closing) == (HOME, 20)
    closing.steer_soon()  # so that the shorter look counts from here
    wall.set(CLOSES - 6.5)
    seen: list[tuple[set[str], int]] = []

    async def short() -> bool:
        seen.append(await chosen(closing))
        return seen[-1][1] <= 6

    await until(short)

    async def closed() -> bool:
        left = CLOSES - wall()
        seen.append(await chosen(closing))
        if seen[-1][0] == HOME:
            assert seen[-1][1] <= max(2, left)
        return seen[-1][0] == AWAY

    await until(closed)
    assert wall() >= CLOSES

    def shown() -> dict[str, Any]:
        return next(r for r in state_of(closing)["regions"] if r["name"] == "ap-northeast")

    reason = "drain by schedule: outside its hours: mon-fri 08:00-24:00 Asia/Tokyo"
    await until(lambda: shown()["reason"] == reason)  # the state is never ahead of the answers
    region = shown()
    assert region["hours"]["until"] == "2026-11-26T23:00:00+00:00"
    assert not region["hours"]["open"]
    assert region["hours"]["withdraw"]
    assert kind_of(region) == "closed"
    assert region["measured"] == "up"


async def test_a_clock_that_is_set_back_opens_the_region_again(
    closing: Daemon, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolverd.health.service_windows.CHECK_INTERVAL", 0.3)
    closing.steer_soon()
    wall.set(CLOSES + 60)

    async def away() -> bool:
        return (await chosen(closing))[0] == AWAY

    await until(away)
    wall.set(CLOSES - 7200)

    async def home() -> bool:
        return (await chosen(closing))[0] == HOME

    await until(home)


async def test_an_operators_override_beats_the_schedule(closing: Daemon, wall: WallClock) -> None:
    wall.set(CLOSES + 60)
    await closing.republish()
    assert (await chosen(closing))[0] == AWAY
    now = time.monotonic()
    closing.overrides.set("ap-northeast", Override(OverrideKind.UP, "test", "a demo", now))
    await closing.republish()
    assert (await chosen(closing))[0] == HOME
    drain = Override(OverrideKind.DRAIN, "test", "a demo", time.monotonic())
    closing.overrides.set("ap-northeast", drain)
    await closing.republish()
    region = next(r for r in state_of(closing)["regions"] if r["name"] == "ap-northeast")
    assert (region["hours"]["withdraw"], kind_of(region)) == (False, "drained")
    closing.overrides.clear("ap-northeast", time.monotonic())
    await closing.republish()
    assert (await chosen(closing))[0] == AWAY


async def test_an_edit_of_hours_is_adopted(closing: Daemon, files: Files) -> None:
    text = files.config.read_text().replace("mon-fri 08:00-24:00", "sat 08:00-24:00")
    files.config.write_text(text)

    async def away() -> bool:
        return (await chosen(closing))[0] == AWAY

    await until(away)


async def test_metrics_tell_who_is_open(
    files: Files, endpoints: dict[str, Endpoint], wall: WallClock
) -> None:
    wall.set(CLOSES + 60)
    heading = "[region.ap-northeast]\n"
    config = good_config(endpoints).replace(heading, heading + HOURS)
    config = config.replace('listen = ""', 'listen = "127.0.0.1:0"')
    files.config.write_text(config)
    async with (
        running(files.config) as daemon,
        aiohttp.ClientSession() as session,
        session.get(f"http://{daemon.admin.listener}/metrics") as response,
    ):
        assert 'resolverd_region_open{region="ap-northeast"} 0.0' in await response.text()
