"""The schedule of one target in virtual time, under random latencies, outcomes and settings.

The loop below jumps to its next timer instead of waiting, so that hours pass in no time and
every time read is exact.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from dataclasses import replace

import pytest
from harness.virtual import VirtualLoop
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scripted import SLACK, Scripted, run
from structlog.testing import capture_logs

from resolverd.config.probe import Probe
from resolverd.health.identity import Identity
from resolverd.health.inference import Canaries, InferenceReadings
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.outcome import Condition
from resolverd.health.probes import ProbeFailedError, Seen
from resolverd.health.readings import LoadReadings
from resolverd.health.target import Target
from resolverd.health.timers import TICK
from resolverd.health.verdict import State, Verdict
from resolverd.health.watch import Watch

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)


@st.composite
def probes(draw: st.DrawFn) -> Probe:
    fast = draw(st.sampled_from([0.5, 1.0, 2.0]))
    return Probe(
        fast_interval=fast,
        interval=fast * draw(st.sampled_from([1.0, 1.5, 5.0])),
        timeout=fast * draw(st.sampled_from([0.3, 1.0, 2.0, 3.7, 12.0])),
        fall=draw(st.integers(1, 5)),
        rise=draw(st.integers(1, 4)),
        max_failure_ratio=draw(st.sampled_from([0.05, 0.3, 1.0])),
        flap_damping=draw(st.sampled_from([0.0, 15.0, 60.0, 3600.0])),
    )


latencies = st.sampled_from([0.0, 0.1, 0.4, 0.9, 1.1, 2.5, 6.0, math.inf])
scripts = st.lists(st.tuples(latencies, st.booleans()), max_size=30)


@unhurried
@given(scripts, probes())
def test_no_flip_comes_before_the_earliest_that_was_promised(
    script: list[tuple[float, bool]], settings: Probe
) -> None:
    seen = run(Scripted(script, after=(0.1, True)), settings, 300.0)
    for (_, before), (when, after) in itertools.pairwise(seen):
        # Nothing is promised while all is well: "once trouble is seen", says the invariant.
        if before.serves != after.serves and before.state is not State.UP:
            assert when >= before.no_flip_before - SLACK


@unhurried
@example(
    # The probe that began at 0.6 ends with the kill, and one that began later succeeds then.
    [(0.1, False), (0.9, False), (0.0, True)],
    Probe(interval=0.5, fast_interval=0.5, timeout=0.5, fall=1, rise=1),
    1.1,
    "hangs",
)
@given(scripts, probes(), st.floats(1.0, 60.0), st.sampled_from(["hangs", "refuses"]))
def test_a_killed_endpoint_is_down_within_the_bound(
    script: list[tuple[float, bool]], settings: Probe, killed: float, death: str
) -> None:
    """Counted from its first failed probe, the oldest in flight at the kill or the next."""
    endpoint = Scripted(script, after=(0.1, True), killed=killed, hangs=death == "hangs")
    seen = run(endpoint, settings, 100.0 + 40 * settings.timeout)
    assert seen[-1][1].state is State.DOWN
    if serving_at(killed, seen):
        falls = [when for when, v in seen if v.state is State.DOWN and when >= killed]
        bound = (settings.fall - 1) * settings.fast_interval
        bound += settings.timeout if endpoint.hangs else 0.0
        begins = endpoint.first_failed if endpoint.hangs else max(endpoint.first_failed, killed)
        assert falls[0] <= begins + bound + SLACK


def serving_at(moment: float, seen: list[tuple[float, Verdict]]) -> bool:
    return any(v.serves for _, v in [pair for pair in seen if pair[0] <= moment][-1:])


@unhurried
@example([(0.0, True)], Probe(interval=0.5, fast_interval=0.5, timeout=1.85, fall=2, rise=1))
@given(scripts, probes())
def test_probes_never_pile_up_and_never_stop(
    script: list[tuple[float, bool]], settings: Probe
) -> None:
    endpoint = Scripted(script)
    run(endpoint, settings, 300.0)
    assert endpoint.most_in_flight <= settings.fall
    longest = max(settings.interval, settings.timeout, settings.fast_interval)
    gaps = [later - sooner for sooner, later in itertools.pairwise(endpoint.starts)]
    # The first pause also spreads the targets: a timeout, then up to an interval.
    assert all(gap <= longest + TICK + SLACK for gap in gaps[1:])
    assert endpoint.starts[-1] >= 300.0 - 2 * longest


@unhurried
@given(st.floats(0, 0.4), probes())
def test_while_all_is_well_probes_keep_to_the_interval(latency: float, settings: Probe) -> None:
    settings = settings.model_copy(update={"timeout": 10.0})
    endpoint = Scripted([], after=(latency, True))
    run(endpoint, settings, 100.0)
    gaps = [later - sooner for sooner, later in itertools.pairwise(endpoint.starts)][1:]
    assert all(0.9 * settings.interval - SLACK <= g <= settings.interval + SLACK for g in gaps)


@pytest.mark.parametrize(("again", "gap"), [(False, 5.0), (True, 1.0)])
def test_a_success_that_asks_for_another_probe_gets_it_soon(again: bool, gap: float) -> None:
    starts: list[float] = []

    class Asking(Scripted):
        async def __call__(self) -> Seen:
            starts.append(asyncio.get_running_loop().time())
            return Seen("a part of it fails", Condition.DEGRADED, again=again)

    run(Asking([]), VllmProbe(model="m", interval=5.0, fast_interval=1.0), 60.0)
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)][1:]
    assert all(0.9 * gap - SLACK <= each <= gap + SLACK for each in gaps)


@pytest.mark.parametrize(
    ("condition", "gap"), [(Condition.MISCONFIGURED, 5.0), (Condition.HUNG, 1.0)]
)
def test_a_hold_while_up_keeps_to_the_interval_and_a_failure_does_not(
    condition: Condition, gap: float
) -> None:
    starts: list[float] = []
    settings = VllmProbe(model="m", interval=5.0, fast_interval=1.0, fall=100)

    class Holding(Scripted):
        async def __call__(self) -> Seen:
            starts.append(asyncio.get_running_loop().time())
            if len(starts) == 1:
                return Seen("token")
            raise ProbeFailedError("held", condition)

    run(Holding([]), settings, 60.0)
    gaps = [later - sooner for sooner, later in itertools.pairwise(starts)][1:]
    assert all(0.9 * gap - SLACK <= each <= gap + SLACK for each in gaps)


def test_the_latest_readings_and_canaries_stay_and_the_identity_is_the_last_probes() -> None:
    read = InferenceReadings(LoadReadings(1.0), Identity(("m",)), Canaries(1, 1, 4))
    answers = [
        Seen("a", readings=read),
        Seen("b"),
    ]

    class Telling(Scripted):
        async def __call__(self) -> Seen:
            return answers.pop(0) if answers else Seen("b")

    async def main() -> Watch:
        watch = Watch(
            Target("t", "r", "e", "", Probe(interval=2.0)),
            Telling([]),
            clock=asyncio.get_running_loop().time,
            rng=random.Random(1),
            report=lambda *_: None,
        )
        watch.probe()
        await watch.first.wait()
        assert watch.readings == read
        await asyncio.sleep(10.0)
        await asyncio.gather(*watch.close(), return_exceptions=True)
        return watch

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        watch = runner.run(main())
    assert watch.readings == replace(read, identity=None)


def test_targets_that_began_together_are_spread_over_the_interval() -> None:
    seconds = []
    for seed in range(100):
        endpoint = Scripted([], after=(0.0, True))
        run(endpoint, Probe(interval=8.0), 20.0, seed)
        seconds.append(endpoint.starts[1])
    quarters = [sum(2 * n <= second < 2 * (n + 1) for second in seconds) for n in range(4)]
    assert sum(quarters) == 100
    assert min(quarters) >= 10


def test_the_last_of_many_overlapping_probes_decides_in_time() -> None:
    settings = Probe(fast_interval=1.0, interval=5.0, timeout=2.0, fall=3)
    endpoint = Scripted([(0.0, True)])
    seen = run(endpoint, settings, 30.0)
    first = endpoint.starts[1]
    told = [(v.state.value, round(when - first, 3)) for when, v in seen[1:]]
    assert told[:3] == [("suspect", 2.0), ("suspect", 3.0), ("down", 4.0)]
    assert {state for state, _ in told[3:]} <= {"down"}  # how soon it may flip, by a rounding


def test_a_defect_in_a_probe_is_a_failure_and_shown_whole() -> None:
    class Defective(Scripted):
        async def __call__(self) -> Seen:
            self.starts.append(0.0)
            raise ZeroDivisionError

    endpoint = Defective([])
    with capture_logs() as events:
        seen = run(endpoint, Probe(), 3.5)
    assert seen[0][1].state is State.DOWN
    assert seen[0][1].reason == "defect in the probe: ZeroDivisionError"
    assert len(endpoint.starts) == len(events) > 1
    assert {event["event"] for event in events} == {"probe.defect"}
