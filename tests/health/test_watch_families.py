"""The schedule of one target of which one address family is silent, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import cast

import pytest
from scripted import SLACK, Scripted, watched

from resolverd.config.probe import Probe
from resolverd.health.family import Family
from resolverd.health.probes import Seen, Tools
from resolverd.health.probes.per_family import PerFamily
from resolverd.health.probes.run import Ask
from resolverd.health.timers import TICK
from resolverd.health.verdict import State
from resolverd.health.watch import Watch

SETTINGS = Probe(interval=5, fast_interval=1, timeout=2, fall=3, rise=2)


class Two:
    """What knows an address of each family."""

    async def addresses(self, _host: str) -> tuple[str, ...]:
        return "192.0.2.1", "2001:db8::1"


def asked(over_v4: Ask, over_v6: Ask, whole: Ask | None = None) -> PerFamily:
    """One question over each family; `whole` is one beside them that alone decides."""
    return PerFamily(
        whole or over_v4,
        {Family.IPV4: over_v4, Family.IPV6: over_v6},
        "two.example",
        cast("Tools", Two()),
        decides=whole is None,
    )


def watch(ask: PerFamily, settings: Probe, seconds: float) -> tuple[float, Watch]:
    """When it went down, and the watch after so many seconds."""
    verdicts, watch = watched(cast("Ask", ask), settings, seconds, seed=1)
    falls = [when for when, verdict in verdicts if verdict.state is State.DOWN]
    return falls[0] if falls else math.inf, watch


@pytest.mark.parametrize("timeout", [0.5, 2.0, 4.0, 12.0])
@pytest.mark.parametrize("beside", [False, True], ids=["decides", "beside the whole question"])
def test_a_family_that_is_silent_for_good_hastens_no_probe(timeout: float, beside: bool) -> None:
    settings = SETTINGS.model_copy(update={"timeout": timeout})
    well, silent = Scripted([], after=(0.1, True)), Scripted([])
    whole = Scripted([], after=(0.2, True)) if beside else None
    down, known = watch(asked(well, silent, whole), settings, 100.0)
    later = [start for start in well.starts if start > 20]
    gaps = [after - before for before, after in itertools.pairwise(later)]
    assert all(0.9 * 5 - SLACK <= gap <= 5 + TICK + SLACK for gap in gaps), gaps
    assert len(gaps) > 10
    assert (down, known.health is not None) == (math.inf, True)


@pytest.mark.parametrize("killed", [30.0, 31.3, 32.9, 34.2])
@pytest.mark.parametrize("hangs", [True, False])
def test_one_that_dies_while_a_family_is_silent_is_down_within_the_bound(
    killed: float, hangs: bool
) -> None:
    well = Scripted([], after=(0.1, True), killed=killed, hangs=hangs)
    down, _ = watch(asked(well, Scripted([])), SETTINGS, 100.0)
    assert well.first_failed <= killed + SETTINGS.interval + TICK
    assert killed < down <= well.first_failed + 2 * SETTINGS.fast_interval + 2.0 + SLACK


def test_a_family_that_falls_silent_is_asked_again_without_waiting_for_the_first() -> None:
    """Until it is known to be silent, as ever."""
    silent = Scripted([], after=(0.1, True), killed=30.0)
    well = Scripted([], after=(0.1, True))
    watch(asked(well, silent), SETTINGS, 100.0)
    first = silent.first_failed
    soon = [start for start in silent.starts if first <= start < first + 2.5]
    assert [round(start - first, 6) for start in soon] == [0, 1, 2]


@pytest.mark.parametrize(
    ("asked_after", "ask", "starts_after"),
    [
        (0.5, Watch.probe_soon, 1.0),
        (1.2, Watch.probe_soon, 1.2),
        (0.5, Watch.probe_early, None),
        (1.2, Watch.probe_early, 1.2),
    ],
)
def test_one_that_is_asked_for_early_waits_for_no_silent_family(
    asked_after: float, ask: Callable[[Watch], None], starts_after: float | None
) -> None:
    def starts(at: dict[float, Callable[[Watch], object]]) -> list[float]:
        well = Scripted([], after=(0.1, True))
        watched(cast("Ask", asked(well, Scripted([]))), SETTINGS, 60.0, seed=1, at=at)
        return well.starts

    known = starts({})
    settled = next(n for n, start in enumerate(known) if start > 20)
    began, later = known[settled : settled + 2]
    asked_for = starts({began + asked_after: ask})
    assert asked_for[: settled + 1] == known[: settled + 1]
    expected = later if starts_after is None else began + starts_after
    assert asked_for[settled + 1] == pytest.approx(expected, abs=TICK)


def test_one_that_waits_for_a_silent_family_is_not_told_to_be_late() -> None:
    """Other edges would probe at once, and ask this one to."""
    late: list[str] = []
    well = Scripted([], after=(0.1, True))
    at = {moment + 0.3: Watch.probe_early for moment in range(30, 60)}
    watched(cast("Ask", asked(well, Scripted([]))), SETTINGS, 20.0, seed=1, late=late.append)
    before = len(late)
    watched(cast("Ask", asked(well, Scripted([]))), SETTINGS, 60.0, seed=1, at=at, late=late.append)
    assert late[before:] == late[:before], "only until the family is known to be silent"


async def turns() -> None:
    """Until all that can has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_answer_of_an_earlier_probe_is_none_of_the_last() -> None:
    answers = [asyncio.Event(), asyncio.Event()]
    number = itertools.count()

    async def slow() -> Seen:
        await answers[next(number)].wait()
        return Seen("late")

    async def never() -> Seen:
        await asyncio.Event().wait()
        raise AssertionError

    ask, seen = asked(slow, never), []
    runs = [asyncio.create_task(ask.run(20.0))]
    await turns()
    runs.append(asyncio.create_task(ask.run(20.0)))
    for answer in answers:
        await turns()
        answer.set()
        await turns()
        seen.append(ask.answered)
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    assert seen == [False, True]
