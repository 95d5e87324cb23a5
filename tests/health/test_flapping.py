"""Endpoints that fail now and then, or come and go: their real schedule in virtual time.

Each is a function of the clock. What is counted is what clients feel: the flips of the verdict
between serving and not, each of which moves them.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from harness.trials import LONG, trials
from harness.virtual import VirtualLoop
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scripted import watched
from structlog.testing import capture_logs

from resolverd.config.probe import Probe
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.outcome import Condition
from resolverd.health.probes import ProbeFailedError, Seen
from resolverd.health.target import Target
from resolverd.health.verdict import State, Verdict
from resolverd.health.watch import Watch

HOUR, MINUTE = 3600.0, 60.0
SLACK = 1e-6
DEFAULTS = Probe()
few = hypothesis_settings(deadline=None, max_examples=trials(10, 40))

Answers = Callable[[float], float]
"""The latency of a probe that starts at a moment; negative: it is refused, infinite: it hangs."""


@dataclass
class Report:
    """What was verdicts of one endpoint, when it was probed, and what the watch had counted."""

    verdicts: list[tuple[float, Verdict]]
    starts: list[float]
    watch: Watch

    @property
    def flips(self) -> list[float]:
        """When it began to serve, or ceased to; the first verdict is none."""
        pairs = itertools.pairwise(self.verdicts)
        return [at for (_, a), (at, b) in pairs if a.serves != b.serves and not a.unknown]


def watch_over(
    answers: Answers,
    seconds: float,
    settings: Probe = DEFAULTS,
    *,
    seed: int = 1,
    overridden: Callable[[float], bool] = lambda _: False,
    at: dict[float, Callable[[Watch], object]] | None = None,
) -> Report:
    """Watch an endpoint for so long; `at` are things done to the watch at their moments."""
    starts: list[float] = []

    async def ask() -> Seen:
        now = asyncio.get_running_loop().time()
        starts.append(now)
        latency = answers(now)
        if latency < 0:
            raise ProbeFailedError("refused")
        await asyncio.sleep(min(latency, 1e6))
        return Seen("well")

    verdicts, watch = watched(ask, settings, seconds, seed=seed, overridden=overridden, at=at or {})
    return Report(verdicts, starts, watch)


def wave(period: float, duty: float, phase: float = 0.0, bad: float = -1.0) -> Answers:
    """Well for `duty` of each period, else `bad`."""
    return lambda now: 0.01 if ((now + phase) / period) % 1.0 < duty else bad


def by_chance(share: Callable[[float], float], chance: random.Random) -> Answers:
    """Refuses that share of probes, each by itself."""
    return lambda now: -1.0 if chance.random() < share(now) else 0.01


def most_in(flips: list[float], span: float) -> int:
    """The most flips in any half-open span of time."""
    return max((sum(a <= b < a + span for b in flips) for a in flips), default=0)


PERIODS = [2.0, 7.0, MINUTE, 10 * MINUTE]
PERIODS += [3.0, 20.0, 2 * MINUTE, 5 * MINUTE] if LONG else []


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("duty", [0.1, 0.5, 0.9])
def test_a_square_wave_moves_clients_four_times_an_hour_at_most(period: float, duty: float) -> None:
    flips = watch_over(wave(period, duty), 2 * HOUR).flips
    assert most_in(flips, HOUR) <= 4


@few
@example(2.0, 0.5, 0.0, -1.0)
@example(600.0, 0.99, 0.5, math.inf)
@given(
    st.floats(2, 10 * MINUTE),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([-1.0, math.inf]),
)
def test_no_square_wave_whatever_moves_clients_more_often(
    period: float, duty: float, phase: float, bad: float
) -> None:
    flips = watch_over(wave(period, duty, phase * period, bad), trials(90, 150) * MINUTE).flips
    assert most_in(flips, HOUR) <= 4


@few
@given(st.lists(st.floats(0.5, 300), min_size=4, max_size=60), st.sampled_from([30.0, 600.0, HOUR]))
def test_whatever_comes_and_goes_as_it_likes_moves_clients_four_times_in_the_damping(
    spells: list[float], damping: float
) -> None:
    """Each spell is sound or not in turn, for so many seconds."""
    ends = list(itertools.accumulate(spells))

    def answers(now: float) -> float:
        return -1.0 if sum(end <= now for end in ends) % 2 else 0.01

    settings = Probe(flap_damping=damping)
    flips = watch_over(answers, ends[-1] + 10.0, settings).flips
    assert most_in(flips, damping - SLACK) <= 4


@pytest.mark.parametrize("bad", [-1.0, math.inf])
@pytest.mark.parametrize("phase", range(3))
@pytest.mark.parametrize("seed", range(8))
def test_two_failures_in_three_take_it_down_within_30_s(bad: float, phase: int, seed: int) -> None:
    """By the number of the probe, from the moment that it begins to fail."""
    begins, number = 40.0, itertools.count(phase)

    def answers(now: float) -> float:
        return 0.01 if now < begins or next(number) % 3 == 2 else bad

    flips = watch_over(answers, 200.0, seed=seed).flips
    assert begins < flips[0] <= begins + 30.0


@pytest.mark.parametrize("share", [0.67, 0.8, 0.9])
def test_failures_by_chance_of_that_share_take_it_down_as_soon(share: float) -> None:
    begins, reports = 20.0, []
    for seed in range(trials(50, 200)):
        chance = random.Random(seed)
        answers = by_chance(lambda now: share if now >= begins else 0.0, chance)
        reports.append(watch_over(answers, 60.0, seed=seed))
    late = [report for report in reports if not report.flips or report.flips[0] > begins + 30.0]
    assert len(late) <= len(reports) // 50


@pytest.mark.parametrize("pattern", ["+-", "+-+--", "++-+-"])
def test_more_failures_than_it_may_have_take_it_down_in_whatever_order(pattern: str) -> None:
    letters = itertools.cycle(pattern)
    report = watch_over(lambda _: 0.01 if next(letters) == "+" else -1.0, 10 * MINUTE)
    down = next(verdict for _, verdict in report.verdicts if not verdict.serves)
    assert down.reason == "refused; too many probes fail, if not in a row"


@pytest.mark.parametrize("pattern", ["++++-", "+++-", "++++++++--"])
def test_fewer_failures_than_it_may_have_never_take_it_down(pattern: str) -> None:
    letters = itertools.cycle(pattern)
    assert not watch_over(lambda _: 0.01 if next(letters) == "+" else -1.0, 2 * HOUR).flips


def test_one_failure_in_a_hundred_takes_nothing_down_in_a_day() -> None:
    """In a hundred hours under LONG=1."""
    for seed in range(trials(1, 4)):
        answers = by_chance(lambda _: 0.01, random.Random(100 + seed))
        report = watch_over(answers, 25 * HOUR, seed=seed)
        assert report.watch.counters.failures > 100
        assert not report.flips


@few
@given(st.floats(30, 90), st.integers(1, 5), st.sampled_from([-1.0, math.inf]))
def test_failures_in_a_row_take_it_down_as_fast_as_ever(
    killed: float, fall: int, bad: float
) -> None:
    settings = Probe(fall=fall)
    report = watch_over(lambda now: 0.01 if now < killed else bad, killed + 60.0, settings)
    first = next(start for start in report.starts if start >= killed)
    bound = (fall - 1) * settings.fast_interval + (settings.timeout if bad > 0 else 0.0)
    assert report.flips == [pytest.approx(first + bound, abs=0.02)]


def test_the_first_return_is_as_fast_as_ever_and_the_next_waits() -> None:
    down = [(100.0, 200.0), (900.0, 1000.0)]
    report = watch_over(lambda now: -1.0 if any(a <= now < b for a, b in down) else 0.01, 2 * HOUR)
    first_fall, first_return, second_fall, second_return = report.flips
    assert first_return <= 200.0 + 2 * DEFAULTS.fast_interval + SLACK
    assert second_return == pytest.approx(first_fall + HOUR, abs=DEFAULTS.fast_interval)
    held = [(at, verdict) for at, verdict in report.verdicts if verdict.held_until is not None]
    assert held[0][0] <= 1000.0 + 2 * DEFAULTS.fast_interval + SLACK
    assert held[0][1].state is State.RECOVERING
    assert held[0][1].held_until == pytest.approx(first_fall + HOUR)
    assert held[0][1].reason == "held down, as it fell again within 3600 s; well"
    assert second_return >= held[0][1].no_flip_before - SLACK
    assert second_fall < held[0][0]


def test_a_fall_is_forgotten_after_the_damping() -> None:
    """Two falls that lie further apart cost nothing: each return is a first one."""
    report = watch_over(wave(HOUR + 120, 0.99), 5 * HOUR)
    falls, returns = report.flips[::2], report.flips[1::2]
    assert len(returns) >= 3
    lasted = [back - fell for fell, back in zip(falls, returns, strict=False)]
    assert max(lasted) < 0.01 * (HOUR + 120) + 5.0


def test_without_damping_each_return_is_believed() -> None:
    report = watch_over(wave(MINUTE, 0.5), 10 * MINUTE, Probe(flap_damping=0.0))
    assert len(report.flips) >= 18


def test_nothing_that_happens_under_an_override_is_held_against_it() -> None:
    """A region that is drained is restarted as often as it needs."""
    report = watch_over(wave(40.0, 0.5), 10 * MINUTE, overridden=lambda _: True)
    assert all(verdict.held_until is None for _, verdict in report.verdicts)
    assert len(report.flips) >= 20


def test_without_its_penalty_it_is_back_with_the_next_success() -> None:
    down = [(100.0, 130.0), (200.0, 230.0)]
    report = watch_over(
        lambda now: -1.0 if any(a <= now < b for a, b in down) else 0.01,
        400.0,
        at={300.0: Watch.clear_penalty},
    )
    assert report.flips[-1] == pytest.approx(300.5, abs=0.6)


def test_an_edit_of_how_it_is_judged_clears_the_penalty() -> None:
    down = [(100.0, 130.0), (200.0, 230.0)]

    def edit(watch: Watch) -> None:
        watch.adopt(replace(watch.target, settings=Probe(timeout=1.5)), watch._ask)
        watch.probe()

    report = watch_over(
        lambda now: -1.0 if any(a <= now < b for a, b in down) else 0.01, 400.0, at={300.0: edit}
    )
    assert report.flips[-1] == pytest.approx(300.5, abs=0.6)


def test_one_of_two_engines_that_hangs_is_found_though_a_later_probe_always_succeeds() -> None:
    """Behind a round robin: what hangs is superseded by the next, and counts all the same."""
    turn = itertools.count()
    with capture_logs() as events:
        report = watch_over(lambda _: 0.01 if next(turn) % 2 == 0 else math.inf, 5 * MINUTE)
    counters = report.watch.counters
    assert counters.superseded_failures >= 6
    assert counters.superseded == 0
    assert len(report.flips) == 1
    assert report.flips[0] <= 90.0
    (event,) = (e for e in events if e["event"] == "endpoint.intermittent")
    assert event["reason"] == "timed out after 2 s"
    assert event["meanwhile"] == "well"
    assert any(v.state is State.SUSPECT for _, v in report.verdicts)


def test_a_slow_answer_that_comes_in_time_is_no_failure_though_it_was_superseded() -> None:
    turn = itertools.count()
    report = watch_over(lambda _: 1.9 if next(turn) % 2 else 0.01, 5 * MINUTE)
    assert report.watch.counters.failures == 0
    assert {verdict.state for _, verdict in report.verdicts} == {State.UP}


def test_what_was_superseded_and_withdraws_is_a_failure_like_any_other() -> None:
    """The later probe saw that it is over."""

    async def ask() -> Seen:
        number = len(starts)
        starts.append(asyncio.get_running_loop().time())
        if number == 1:
            await asyncio.sleep(1.5)
            raise ProbeFailedError("HTTP 500", Condition.DRAINING)
        return Seen("well")

    starts: list[float] = []
    states: list[State] = []

    async def main() -> None:
        watch = Watch(
            Target("t", "r", "e", "", VllmProbe(model="m")),
            ask,
            clock=asyncio.get_running_loop().time,
            rng=random.Random(1),
            report=lambda _target, _before, after: states.append(after.state),
        )
        watch.probe()
        await asyncio.sleep(30.0)
        await asyncio.gather(*watch.close(), return_exceptions=True)
        assert watch.counters.superseded_failures == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert states == [State.UP]
