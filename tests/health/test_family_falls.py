"""Falls of address families: against whom they are held, what ends that, what a restart finds."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import cast

import pytest
from scripted import watched
from test_watch_families import asked

from resolverd.config.probe import Probe
from resolverd.health.all_targets import AllTargetsHealth, Member
from resolverd.health.family import Family, FamilyResult
from resolverd.health.outcome import Outcome
from resolverd.health.probes import ProbeFailedError, Seen
from resolverd.health.probes.run import Ask
from resolverd.health.target_health import KeptHealth, TargetHealth
from resolverd.health.timers import TICK
from resolverd.health.verdict import State, Verdict
from resolverd.health.watch import Watch

V4, V6 = Family.IPV4, Family.IPV6
SETTINGS = Probe(interval=5, fast_interval=1, timeout=2, fall=3, rise=2)
HOUR = 3600.0


class Endpoint:
    """One that is probed each second over both families; another answers over both all along."""

    def __init__(self, earlier: KeptHealth | None = None, now: float = 0.0) -> None:
        self.now = now
        self.health = TargetHealth(SETTINGS, now)
        if earlier is not None:
            self.health.restore(earlier, now)
        self.other = TargetHealth(SETTINGS, now)
        self.all = AllTargetsHealth(15.0)
        members = {"a": Member("here", self.health), "b": Member("there", self.other)}
        self.all.replace(members, members, now)

    def probe(
        self, over_v4: bool, over_v6: bool, times: int = 1, *, overridden: bool = False
    ) -> Verdict:
        """So many probes that see the same; the verdict after the last."""
        for _ in range(times):
            self.now += 1.0
            for id_, health, seen in (
                ("b", self.other, outcome(True, True)),
                ("a", self.health, outcome(over_v4, over_v6)),
            ):
                health.begin(self.now)
                self.all.observe(id_, seen, self.now, self.now, overridden=overridden)
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        return self.health.verdict

    def restarted(self, after: float = 6.0) -> Endpoint:
        """The same for the next process, which begins so many seconds later."""
        return Endpoint(self.health.kept, self.now + after)

    def fall(self, over_v4: bool, over_v6: bool, *, overridden: bool = False) -> Verdict:
        """Fail over those families that are false, and come back."""
        self.probe(over_v4, over_v6, times=3, overridden=overridden)
        return self.probe(True, True, times=5, overridden=overridden)


def outcome(over_v4: bool, over_v6: bool) -> Outcome:
    ok = over_v4 or over_v6
    return Outcome(ok, _reason(ok), families={V4: _result(over_v4), V6: _result(over_v6)})


def _result(ok: bool) -> FamilyResult:
    return FamilyResult(ok, _reason(ok))


def _reason(ok: bool) -> str:
    return "HTTP 200" if ok else "refused"


def held_family() -> Endpoint:
    """An endpoint of which IPv6 alone has fallen twice, and answers again."""
    endpoint = Endpoint()
    endpoint.probe(True, True)
    assert not endpoint.fall(True, False).withheld
    assert endpoint.fall(True, False).withheld == {V6}
    return endpoint


def test_a_family_that_fell_twice_by_itself_is_held_until_the_hour_is_over() -> None:
    endpoint = held_family()
    first_fall = 4.0
    known = endpoint.health.known_of_families()
    reason = "held down, as it fell again within 3600 s; HTTP 200"
    assert known[V6] == (True, reason, first_fall + HOUR)
    assert known[V4] == (True, "HTTP 200", None)
    assert endpoint.verdict.state is State.UP
    assert endpoint.verdict.held_until is None
    left = int(first_fall + HOUR - endpoint.now)
    assert endpoint.probe(True, True, times=left - 1).withheld == {V6}
    assert not endpoint.probe(True, True, times=2).withheld


def _edit(endpoint: Endpoint) -> None:
    endpoint.health.adopt(SETTINGS.model_copy(update={"timeout": 1.5}), endpoint.now)


@pytest.mark.parametrize(
    "end",
    [
        lambda endpoint: endpoint.health.forgive(endpoint.now),
        _edit,
        lambda endpoint: endpoint.probe(True, True, overridden=True),
    ],
    ids=["clear", "an edit of the probe", "an override"],
)
def test_what_ends_the_hold_of_an_endpoint_ends_that_of_a_family(
    end: Callable[[Endpoint], object],
) -> None:
    endpoint = held_family()
    end(endpoint)
    assert not endpoint.probe(True, True).withheld
    endpoint.probe(True, True, times=10)
    assert not endpoint.health.unsettled
    assert not endpoint.fall(True, False).withheld, "the first return is free again"


@pytest.mark.parametrize("sooner", [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("drained", [True, False])
def test_a_restart_of_the_whole_is_not_held_against_its_families(
    sooner: tuple[bool, bool], drained: bool
) -> None:
    """Also where one listener is gone before the other."""
    endpoint = Endpoint()
    endpoint.probe(True, True)
    for _ in range(2):
        endpoint.probe(*sooner, times=20, overridden=drained)
        endpoint.probe(False, False, times=4, overridden=drained)
        endpoint.probe(True, True, times=5, overridden=drained)
    if not drained:
        assert endpoint.verdict.held_until is not None
        endpoint.health.forgive(endpoint.now)
    endpoint.probe(True, True, times=10)
    assert endpoint.verdict.state is State.UP
    assert not endpoint.health.unsettled
    for _ in range(3700):
        verdict = endpoint.probe(True, True)
        assert (verdict.withheld, verdict.min_until_flip) == (frozenset(), math.inf)


def test_families_that_fell_with_the_endpoint_return_with_it_and_not_later() -> None:
    endpoint = Endpoint()
    endpoint.probe(True, True)
    for _ in range(2):
        endpoint.fall(False, False)
    held_until = endpoint.verdict.held_until
    assert held_until is not None
    endpoint.probe(True, True, times=int(held_until - endpoint.now) - 1)
    assert endpoint.verdict.state is State.RECOVERING
    back = endpoint.probe(True, True, times=2)
    assert (back.state, back.withheld, back.min_until_flip) == (State.UP, frozenset(), math.inf)


def test_a_fall_of_the_whole_is_none_of_a_family_that_then_falls_by_itself() -> None:
    endpoint = Endpoint()
    endpoint.probe(True, True)
    assert endpoint.fall(False, False).state is State.UP
    assert not endpoint.fall(True, False).withheld, "its first return is free"
    assert endpoint.fall(True, False).withheld == {V6}


DOWN = [(True, True, 3), (False, False, 4)]
HELD = [*DOWN, (True, True, 5), (False, False, 3), (True, True, 5)]
ONE_DOWN = [(True, True, 3), (True, False, 4)]
ONE_HELD = [*ONE_DOWN, (True, True, 5), (True, False, 3), (True, True, 5)]
DOWN_BESIDE = [*ONE_DOWN, (False, False, 3)]


@pytest.mark.parametrize(
    ("seen", "state", "withheld"),
    [
        ([(True, True, 3)], State.UP, set()),
        (DOWN, State.DOWN, set()),
        (HELD, State.RECOVERING, set()),
        (ONE_DOWN, State.UP, {V6}),
        (ONE_HELD, State.UP, {V6}),
        ([*ONE_DOWN, (True, True, 1)], State.UP, {V6}),
        (DOWN_BESIDE, State.DOWN, set()),
    ],
    ids=["up", "down", "held", "IPv6 down", "IPv6 held", "IPv6 recovering", "IPv6 down, then all"],
)
def test_a_restart_finds_an_endpoint_and_its_families_as_they_were(
    seen: list[tuple[bool, bool, int]], state: State, withheld: set[Family]
) -> None:
    endpoint = Endpoint()
    for over_v4, over_v6, times in seen:
        endpoint.probe(over_v4, over_v6, times=times)
    after = endpoint.restarted()
    assert (after.verdict.state, set(after.verdict.withheld)) == (state, withheld)
    assert after.verdict.min_until_flip == 0, "it promises nothing before it has been probed"
    last = seen[-1][:2]
    for _ in range(3):
        one, other = endpoint.probe(*last), after.probe(*last)
        assert (one.state, one.withheld, one.held_until) == (
            other.state,
            other.withheld,
            other.held_until,
        )


def test_a_family_that_fell_before_a_restart_and_again_after_it_is_held() -> None:
    endpoint = Endpoint()
    endpoint.probe(True, True)
    endpoint.fall(True, False)
    after = endpoint.restarted()
    assert not after.verdict.withheld
    assert after.fall(True, False).withheld == {V6}


def test_of_families_that_were_never_anything_but_well_nothing_is_kept() -> None:
    endpoint = Endpoint()
    endpoint.probe(True, True, times=9)
    assert endpoint.health.kept is not None
    assert endpoint.health.kept.families == {}


def script(falls: list[tuple[float, float]], starts: list[float] | None = None) -> Ask:
    """What is refused from the one moment until the other, each time."""

    async def ask() -> Seen:
        now = asyncio.get_running_loop().time()
        if starts is not None:
            starts.append(now)
        await asyncio.sleep(0.01)
        if any(fell <= now < back for fell, back in falls):
            raise ProbeFailedError("refused")
        return Seen("well")

    return ask


def test_a_family_that_is_held_hastens_no_probe_and_is_asked_soon_once_it_is_cleared() -> None:
    starts: list[float] = []
    cleared: list[bool] = []
    ask = asked(script([], starts), script([(100.0, 130.0), (200.0, 230.0)]))
    at: dict[float, Callable[[Watch], object]] = {
        500.0: lambda watch: cleared.append(watch.clear_penalty()),
        600.0: lambda watch: cleared.append(watch.clear_penalty()),
    }
    verdicts, _ = watched(cast("Ask", ask), SETTINGS, 700.0, seed=1, at=at)
    while_held = [start for start in starts if 250.0 < start < 500.0]
    assert min(b - a for a, b in itertools.pairwise(while_held)) >= 0.9 * SETTINGS.interval - TICK
    assert cleared == [True, False]
    given = [when for when, v in verdicts if not v.withheld and when > 230.0]
    assert 500.0 < given[0] <= 500.0 + SETTINGS.fast_interval + 0.1


def test_clear_forgives_what_would_be_held_too_and_nothing_that_is_not() -> None:
    """It says so, and what it refuses changes nothing."""
    down = [(100.0, 130.0), (200.0, 230.0), (300.0, 330.0)]

    def cleared(at: float) -> tuple[bool, bool]:
        """Whether there was anything to clear, and whether it is held at 350 s."""
        said: list[bool] = []
        act = {at: lambda watch: said.append(watch.clear_penalty())}
        verdicts, _ = watched(script(down[:2]), SETTINGS, 290.0, seed=1, at=act)
        return said[0], verdicts[-1][1].held_until is not None

    assert cleared(250.0) == (True, False), "held"
    assert cleared(220.0) == (True, False), "down for the second time"
    assert cleared(180.0) == (False, True), "up, with a fall that still counts"
    assert cleared(120.0) == (False, True), "down for the first time"
    assert cleared(50.0) == (False, True), "never anything but up"
