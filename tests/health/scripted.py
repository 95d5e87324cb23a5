"""An endpoint that answers by a script, and a watch of it in virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from harness.virtual import VirtualLoop

from resolverd.config.probe import Probe
from resolverd.health.probes import ProbeFailedError, Seen
from resolverd.health.target import Target
from resolverd.health.verdict import Verdict
from resolverd.health.watch import Watch

SLACK = 1e-6


@dataclass
class Scripted:
    """An endpoint: (latency, ok) of each probe in turn, then `after` until `killed`.

    From then on probes fail, those in flight too: they hang, or are refused at once.
    """

    script: list[tuple[float, bool]]
    after: tuple[float, bool] = (math.inf, False)
    killed: float = math.inf
    hangs: bool = True
    failed: list[float] = field(default_factory=list)
    newest_success: float = -math.inf
    starts: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def __call__(self) -> Seen:
        number, start = len(self.starts), asyncio.get_running_loop().time()
        self.starts.append(start)
        latency, ok = self.script[number] if number < len(self.script) else self.after
        dead = start + latency > self.killed
        if dead:
            latency, ok = math.inf if self.hangs else max(0.0, self.killed - start), False
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(min(latency, 1e6))
        finally:
            self.in_flight -= 1
            if dead and asyncio.get_running_loop().time() >= self.killed:
                self.failed.append(start)
        if not ok:
            raise ProbeFailedError("scripted")
        self.newest_success = max(self.newest_success, start)
        return Seen("scripted")

    @property
    def first_failed(self) -> float:
        """When the first probe began that failed and that no success superseded."""
        return min(
            (start for start in self.failed if start > self.newest_success), default=math.inf
        )


def run(
    endpoint: Callable[[], Awaitable[Seen]], settings: Probe, seconds: float, seed: int = 1
) -> list[tuple[float, Verdict]]:
    """Watch `endpoint` for `seconds`; the verdicts reported, with the time of each."""
    verdicts, _ = watched(endpoint, settings, seconds, seed=seed)
    return verdicts


def watched(
    endpoint: Callable[[], Awaitable[Seen]],
    settings: Probe,
    seconds: float,
    *,
    seed: int,
    overridden: Callable[[float], bool] = lambda _: False,
    at: Mapping[float, Callable[[Watch], object]] = MappingProxyType({}),
    late: Callable[[str], None] = lambda _: None,
) -> tuple[list[tuple[float, Verdict]], Watch]:
    """The verdicts reported, with the time of each, and the watch itself, which is closed.

    `at` are things done to the watch at their moments; `overridden` tells it whether an operator's
    override holds then, and `late` hears of probes that are slow.
    """
    seen: list[tuple[float, Verdict]] = []

    async def main() -> Watch:
        loop = asyncio.get_running_loop()
        watch = Watch(
            Target("t", "r", "e", "", settings),
            endpoint,
            clock=loop.time,
            rng=random.Random(seed),
            report=lambda _target, _before, after: seen.append((loop.time(), after)),
            overridden=lambda _: overridden(loop.time()),
            late=late,
        )
        watch.probe()
        for moment, act in at.items():
            loop.call_later(moment, act, watch)
        await asyncio.sleep(seconds)
        await asyncio.gather(*watch.close(), return_exceptions=True)
        return watch

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return seen, runner.run(main())
