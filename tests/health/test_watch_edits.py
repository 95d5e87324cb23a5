"""What a watch does when its settings are edited, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from dataclasses import replace

import pytest
from harness.virtual import VirtualLoop
from scripted import SLACK, Scripted

from resolverd.config.probe import Probe
from resolverd.config.probe_layers import complete_probe
from resolverd.health.kinds.http import HttpProbe
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.monitor import in_waves
from resolverd.health.probes import Seen
from resolverd.health.target import Target
from resolverd.health.verdict import State
from resolverd.health.watch import Watch


@pytest.mark.parametrize("state", ["up", "down"])
def test_new_settings_reschedule_without_haste(state: str) -> None:
    endpoint = Scripted([], after=(0.0, state == "up"))
    target = Target("t", "r", "e", "", Probe(interval=3600.0, fast_interval=1800.0))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        watch = Watch(
            target,
            endpoint,
            clock=loop.time,
            rng=random.Random(1),
            report=lambda *_: None,
        )
        watch.probe()
        await asyncio.sleep(0.1)
        watch.adopt(replace(target, settings=Probe(interval=10.0, fast_interval=2.0)), endpoint)
        await asyncio.sleep(15.0)
        await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert 2.0 - SLACK <= endpoint.starts[1] - endpoint.starts[0] <= 10.0 + 0.1


async def _asked(target: Target, starts: list[float], latency: float = 0.0) -> Watch:
    """A watch that has its first verdict, up, and notes when it is probed from then on."""
    loop = asyncio.get_running_loop()

    async def ask() -> Seen:
        starts.append(loop.time())
        await asyncio.sleep(latency if len(starts) > 1 else 0.0)
        return Seen("well")

    watch = Watch(target, ask, clock=loop.time, rng=random.Random(1), report=lambda *_: None)
    watch.probe()
    await watch.first.wait()
    return watch


@pytest.mark.parametrize(
    ("edit", "anew"),
    [
        ({"interval": 30.0}, False),
        ({"fast_interval": 2.0}, False),
        ({"canary_tokens_per_hour": 500}, False),
        ({"path": "/other"}, True),
        ({"timeout": 1.0}, True),
        ({"fall": 2}, True),
        ({"rise": 3}, True),
        ({"credential": "token"}, True),
        ({"headers": {"X": "y"}}, True),
        ({"model": "other"}, True),
        ({"kind": "tcp"}, True),
        ({"max_failure_ratio": 0.5}, True),
    ],
)
def test_new_settings_are_tried_at_once_where_they_judge_otherwise(
    edit: dict[str, object], anew: bool
) -> None:
    target = Target("t", "r", "e", "", VllmProbe(interval=60.0))

    async def main() -> None:
        starts: list[float] = []
        watch = await _asked(target, starts, latency=0.2)
        await asyncio.sleep(3.0)
        before = len(starts)
        settings = complete_probe(target.settings.model_dump() | edit)
        watch.adopt(replace(target, settings=settings), watch._ask)
        assert watch.waits == anew
        assert watch.verdict.serves
        assert watch.verdict.min_until_flip == (0.0 if anew else math.inf)
        if anew:
            watch.probe()
            assert watch.verdict.min_until_flip == 0.0  # until the outcome has counted
            await asyncio.wait_for(watch.judged.wait(), 1.0)
            assert len(starts) == before + 1
            assert watch.verdict.min_until_flip == math.inf
        await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_what_was_under_way_when_settings_changed_counts_for_nothing() -> None:
    """Its outcome would be that of another question."""
    target = Target("t", "r", "e", "", Probe(interval=5.0, timeout=30.0))

    async def main() -> None:
        starts: list[float] = []
        watch = await _asked(target, starts, latency=1e6)  # all but the first hang
        await asyncio.sleep(5.0 + 1.5)  # the next began within the interval, and still hangs
        assert watch._attempts

        async def well() -> Seen:
            return Seen("well, and asked otherwise")

        edited = replace(target, settings=HttpProbe(interval=5.0, timeout=30.0, path="/other"))
        watch.adopt(edited, well)
        watch.probe()
        await watch.judged.wait()
        assert watch.verdict.state is State.UP
        assert watch.verdict.reason == "well, and asked otherwise"
        await asyncio.sleep(20.0)
        assert watch.counters.failures == 0
        await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_an_edit_that_nobody_comes_to_try_is_tried_within_the_interval_all_the_same() -> None:
    target = Target("t", "r", "e", "", Probe(interval=60.0, fast_interval=2.0))

    async def main() -> None:
        starts: list[float] = []
        watch = await _asked(target, starts)
        edited = replace(target, settings=target.settings.model_copy(update={"path": "/other"}))
        watch.adopt(edited, watch._ask)
        await asyncio.wait_for(watch.judged.wait(), 62.0 + SLACK)
        await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_a_thousand_edits_at_once_are_tried_in_waves() -> None:
    """200 at a time, and a wave that hangs holds up the next for a quarter of a second."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        settings = HttpProbe(interval=600.0, fast_interval=10.0)
        watches = [await _asked(Target(f"t{n}", "r", "e", "", settings), []) for n in range(1000)]

        async def hangs() -> Seen:
            times.append(loop.time())
            await asyncio.sleep(1e6)
            return Seen("")

        for watch in watches:
            edited = settings.model_copy(update={"path": "/other"})
            watch.adopt(replace(watch.target, settings=edited), hangs)
        began = loop.time()
        await in_waves([watch for watch in watches if watch.waits])
        await asyncio.sleep(0)
        waves = [list(group) for _, group in itertools.groupby(times)]
        assert [len(wave) for wave in waves] == [200] * 5
        assert [wave[0] - began for wave in waves] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
        for watch in watches:
            watch.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
