"""A target is late when its next probe should have started well before now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from resolverd.config.probe import Probe
from resolverd.health.probes import Seen
from resolverd.health.target import Target
from resolverd.health.watch import Watch

SLOW = Probe(interval=3600.0, fast_interval=10.0, timeout=30.0)
QUICK = Probe(interval=60.0, fast_interval=10.0, timeout=30.0)
BUSY = 5.1
"""Seconds: a little more than a busy host may add."""


class Clock:
    """Seconds that pass when told."""

    now = 100_000.0

    def __call__(self) -> float:
        return self.now


def _target(settings: Probe) -> Target:
    return Target(id="a-1", region="a", endpoint="a-1", url="http://192.0.2.1", settings=settings)


async def _up() -> Seen:
    return Seen("up")


async def _never() -> Seen:
    await asyncio.Event().wait()
    return Seen("")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def watch(clock: Clock) -> AsyncIterator[Watch]:
    """A target that has had its first probe, with up to an hour until the next."""
    made = Watch(_target(SLOW), _up, clock=clock, rng=random.Random(1), report=lambda *_: None)
    assert not made.late(clock.now + 1e6), "not begun"
    made.probe()
    await made.first.wait()
    yield made
    await asyncio.gather(*made.close(), return_exceptions=True)


async def test_it_is_not_late_within_its_interval_and_is_after_it(
    watch: Watch, clock: Clock
) -> None:
    assert not watch.late(clock.now + SLOW.timeout)
    assert watch.late(clock.now + SLOW.interval + BUSY)


async def test_a_shorter_interval_does_not_make_it_late_at_once(watch: Watch, clock: Clock) -> None:
    clock.now += 300
    watch.adopt(_target(QUICK), _up)
    assert not watch.late(clock.now)
    assert watch.late(clock.now + QUICK.interval + BUSY)


async def test_a_probe_that_outlives_its_timeout_makes_it_late(clock: Clock) -> None:
    made = Watch(_target(SLOW), _never, clock=clock, rng=random.Random(1), report=lambda *_: None)
    made.probe()
    assert not made.late(clock.now + SLOW.timeout + BUSY - 0.2)
    assert made.late(clock.now + SLOW.timeout + BUSY)
    await asyncio.gather(*made.close(), return_exceptions=True)
