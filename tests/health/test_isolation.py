"""Why nothing responds: the rule against a slow oracle, and whole hosts in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from harness.virtual import VirtualLoop
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from resolverd.config.probe import Probe
from resolverd.health.attribution import FailureAttribution
from resolverd.health.isolation import Cause, IsolationDetector
from resolverd.health.probes import ProbeFailedError, Seen
from resolverd.health.target import Target
from resolverd.health.verdict import State, Verdict
from resolverd.health.watch import Watch

REGIONS = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}
WINDOW = 15.0
POLL_INTERVAL = 0.1
# Each example lives through minutes.
few = settings(max_examples=int(os.environ.get("ISOLATION_EXAMPLES", "30")))


class Ended(NamedTuple):
    """One probe that ended; `serves` is what its target did before."""

    target: str
    started: float
    ended: float
    responded: bool
    serves: bool


@st.composite
def histories(draw: st.DrawFn) -> list[Ended]:
    """Probes in the order of their ends, those of one target also in the order of their starts."""
    now, history = 0.0, []
    newest = dict.fromkeys(REGIONS, -math.inf)
    for _ in range(draw(st.integers(0, 25))):
        now += draw(st.sampled_from([0.1, 1.0, 4.0, 12.0, 20.0]))
        target = draw(st.sampled_from(sorted(REGIONS)))
        started = max(newest[target] + 0.01, now - draw(st.sampled_from([0.05, 2.0, 9.0])))
        if started >= now:
            continue
        newest[target] = started
        responded, serves = draw(st.sampled_from([False, False, False, True])), draw(st.booleans())
        history.append(Ended(target, started, now, responded, serves))
    return history


def isolated_at(history: Sequence[Ended], window: float) -> list[tuple[bool, set[str]]]:
    """After each probe: whether this host is isolated, and whose health is kept; slowly.

    It looks back over the whole history for every probe, and remembers only when isolation ended.
    """
    known: list[tuple[bool, set[str]]] = []
    counted: list[Ended] = []
    isolated, kept = False, set[str]()
    forgotten: dict[str, float] = {}  # silence that began before that was this host's
    for probe in history:
        if probe.responded:
            kept -= {probe.target}
            if isolated:
                isolated = False
                forgotten |= dict.fromkeys(kept, probe.ended)
                counted = [p for p in counted if p.target not in kept]
            counted.append(probe)
            known.append((isolated, set(kept)))
            continue
        old = probe.target in kept and not isolated and probe.started < forgotten[probe.target]
        began = {}
        if not old and not (probe.target in kept and isolated):
            counted.append(probe)
        for target in REGIONS:
            mine = [p for p in counted if p.target == target]
            run = list(itertools.takewhile(lambda p: not p.responded, reversed(mine)))
            if run:
                began[target] = run[-1]
        new = began.get(probe.target) is probe
        if new and not isolated and len(began) == len(REGIONS):
            served = [p for p in began.values() if p.serves]
            last = max((p.started for p in served), default=0.0)
            together = {p.target for p in served if last - p.started <= window}
            never = not any(p.responded for p in history[: history.index(probe)])
            concerned = set(began) if never else together
            if len({REGIONS[t] for t in concerned}) > 1:
                isolated, kept = True, kept | together
        if not isolated and not probe.serves and not old:
            kept -= {probe.target}
        known.append((isolated, set(kept)))
    return known


@given(histories())
def test_the_rule_agrees_with_a_slow_reading_of_the_history(history: list[Ended]) -> None:
    isolation = IsolationDetector(WINDOW)
    isolation.replace(REGIONS, (), 0.0)
    for probe, (isolated, kept) in zip(history, isolated_at(history, WINDOW), strict=True):
        if probe.responded:
            isolation.responded(probe.target, probe.ended)
        else:
            isolation.no_response(
                probe.target, serves=probe.serves, started=probe.started, now=probe.ended
            )
        assert isolation.isolated == isolated
        assert {target for target in REGIONS if isolation.held(target)} == kept
        assert bool(isolation.reason) == (isolated or bool(kept))


@pytest.mark.parametrize(
    ("regions", "window"), [({"a1": "a", "a2": "a"}, WINDOW), ({"a1": "a", "b1": "b"}, 0.0)]
)
def test_one_region_is_compared_with_nothing_and_a_window_of_0_never_isolates(
    regions: dict[str, str], window: float
) -> None:
    isolation = IsolationDetector(window)
    isolation.replace(regions, (), 0.0)
    for target in regions:
        isolation.responded(target, 1.0)
    for target in regions:
        isolation.no_response(target, serves=True, started=2.0, now=4.0)
        assert isolation.cause(target, 4.0) is Cause.REMOTE
    assert not isolation.isolated


def test_a_region_that_has_long_been_silent_is_not_brought_back() -> None:
    isolation = IsolationDetector(WINDOW)
    isolation.replace({"a1": "a", "b1": "b", "c1": "c"}, (), 0.0)
    isolation.no_response("a1", serves=True, started=1.0, now=3.0)
    for target in ("b1", "c1"):
        isolation.responded(target, 90.0)
        isolation.no_response(target, serves=True, started=100.0, now=102.0)
    assert isolation.isolated
    assert isolation.regions == ("b", "c")
    assert isolation.cause("a1", 102.0) is Cause.REMOTE


# A whole host in virtual time.


@dataclass
class Network:
    """What lies between this host and its targets; `cut` and `dead` are spans of time."""

    cut: tuple[float, float] = (math.inf, math.inf)
    dead: dict[str, tuple[float, float]] = field(default_factory=dict)

    def lost(self, region: str, start: float, end: float) -> bool:
        spans = (self.cut, self.dead.get(region, (math.inf, math.inf)))
        return any(began <= end and start < until for began, until in spans)


@dataclass
class Recorder:
    """What a host has shown: each new verdict with its time, and each change of readiness."""

    verdicts: list[tuple[float, str, Verdict]] = field(default_factory=list)
    isolations: list[tuple[float, bool]] = field(default_factory=list)
    ready: list[tuple[float, bool]] = field(default_factory=list)
    max_early: int = 0

    def flips(self, region: str = "") -> list[tuple[float, str, Verdict]]:
        """Verdicts that changed whether a target serves; the first of each is none."""
        known: dict[str, bool] = {}
        flips = []
        for when, target, verdict in self.verdicts:
            if known.setdefault(target, verdict.serves) != verdict.serves:
                known[target] = verdict.serves
                if target.startswith(region):
                    flips.append((when, target, verdict))
        return flips


def watch_over(network: Network, fleet: dict[str, Probe], seconds: float, seed: int) -> Recorder:
    """A host that probes `fleet` (``REGION-NUMBER``) over `network`."""
    recorded, rng = Recorder(), random.Random(seed)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        watches: dict[str, Watch] = {}
        settled: dict[str, Verdict] = {}
        attribution = FailureAttribution(watches, WINDOW, loop.time)

        def ask_of(region: str, latency: float) -> object:
            async def ask() -> Seen:
                start = loop.time()
                if network.lost(region, start, start + latency):
                    await asyncio.sleep(1e6)
                await asyncio.sleep(latency)
                return Seen("HTTP 200")

            return ask

        def report(target: Target, _before: Verdict, after: Verdict) -> None:
            recorded.verdicts.append((loop.time(), target.id, after))

        for id_, probe in fleet.items():
            region = id_.partition("-")[0]
            watches[id_] = Watch(
                Target(id_, region, id_, "", probe),
                ask_of(region, rng.uniform(0.001, 0.3)),  # type: ignore[arg-type]
                clock=loop.time,
                rng=rng,
                report=report,
                ended=attribution.ended,
                settled=settled.__setitem__,
            )
        first = {id_: watch.judged_health.settled for id_, watch in watches.items()}
        attribution.replaced(list(watches))
        for watch in watches.values():
            watch.probe()
        while loop.time() < seconds:
            for now, seen in (
                (attribution.isolation.isolated, recorded.isolations),
                (not attribution.isolation.reason, recorded.ready),
            ):
                if not seen or seen[-1][1] != now:
                    seen.append((loop.time(), now))
            for id_, watch in watches.items():
                assert settled.get(id_, first[id_]) is watch.judged_health.settled
            await asyncio.sleep(POLL_INTERVAL)
        for watch in watches.values():
            await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    return recorded


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Probe]:
    """Two regions or more with settings of their own; nobody falls within one timeout of another.

    The window covers the two longest timeouts, as `check` demands.
    """
    fleet = {}
    for region in "abc"[: draw(st.integers(2, 3))]:
        for number in range(draw(st.integers(1, 2))):
            fleet[f"{region}-{number}"] = Probe(
                interval=draw(st.sampled_from([1.0, 5.0])),
                fast_interval=draw(st.sampled_from([0.5, 1.0])),
                timeout=draw(st.sampled_from([0.5, 1.0, 2.0, 5.0])),
                fall=draw(st.integers(2, 5)),
                rise=draw(st.integers(1, 3)),
            )
    return fleet


@few
@given(fleets(), st.floats(5, 20), st.floats(20, 120), st.integers(0, 99))
def test_a_host_cut_off_keeps_every_verdict_and_comes_back_without_a_flap(
    fleet: dict[str, Probe], cut: float, lasting: float, seed: int
) -> None:
    healed = cut + lasting
    with capture_logs() as events:
        recorded = watch_over(Network(cut=(cut, healed)), fleet, healed + 30, seed)
    assert not recorded.flips()
    assert all(verdict.serves for _, _, verdict in recorded.verdicts)
    # As many probes as may overlap can be lost just before it heals: then the next waits for one.
    longest = max(probe.timeout for probe in fleet.values())
    timeout = 5.0 + 2 * longest + 1.0
    (_, (began, isolated), (ended, over)) = recorded.isolations
    assert (isolated, over) == (True, False)
    assert cut <= began <= cut + timeout
    assert healed <= ended <= healed + longest + 1.0
    assert recorded.ready[-1][1]
    assert recorded.ready[-1][0] <= healed + longest + 2.0
    assert [e["event"] for e in events if e["event"].startswith("isolation.")] == [
        "isolation.started",
        "isolation.ended",
    ]
    assert {e["event"] for e in events if e["log_level"] in {"error", "warning"}} == {
        "isolation.started"
    }
    known = [verdict for when, _, verdict in recorded.verdicts if began <= when < healed]
    assert all(
        verdict.no_flip_before <= when for when, _, verdict in recorded.verdicts if verdict in known
    )


@few
@given(fleets(), st.floats(5, 20), st.integers(0, 99))
def test_one_region_that_dies_alone_falls_as_soon_as_ever_and_nobody_is_isolated(
    fleet: dict[str, Probe], died: float, seed: int
) -> None:
    recorded = watch_over(Network(dead={"a": (died, math.inf)}), fleet, died + 40, seed)
    assert [isolated for _, isolated in recorded.isolations] == [False]
    for target, probe in fleet.items():
        flips = [(when, v) for when, id_, v in recorded.flips() if id_ == target]
        if not target.startswith("a"):
            assert not flips
            continue
        ((when, verdict),) = flips
        assert verdict.state is State.DOWN
        # A probe in flight as it died counts from its start; the others answer within 0.3 s.
        soonest = (probe.fall - 1) * probe.fast_interval + probe.timeout
        assert when <= died + probe.interval + soonest + 0.3 + probe.fast_interval + 1e-6


def test_after_isolation_a_region_that_stays_silent_falls_by_itself_then_readiness_returns() -> (
    None
):
    probe = Probe(interval=5.0, fast_interval=1.0, timeout=2.0, fall=3, rise=2)
    fleet = {"a-0": probe, "b-0": probe, "c-0": probe}
    network = Network(cut=(10.0, 60.0), dead={"c": (30.0, math.inf)})
    recorded = watch_over(network, fleet, 90.0, seed=3)
    ((when, target, verdict),) = recorded.flips()
    assert (target, verdict.state) == ("c-0", State.DOWN)
    assert 60.0 + 4.0 <= when <= 60.0 + 3.0 + 4.0
    (ready_at, ready) = recorded.ready[-1]
    assert ready
    assert when <= ready_at <= when + 4.0


def test_a_host_that_never_heard_anything_is_not_ready_and_says_so() -> None:
    probe = Probe(interval=5.0, fast_interval=1.0, timeout=2.0, fall=3, rise=2)
    recorded = watch_over(Network(cut=(-1.0, 20.0)), {"a-0": probe, "b-0": probe}, 40.0, seed=1)
    assert {verdict.state for when, _, verdict in recorded.verdicts if when < 20.0} == {State.DOWN}
    assert [ready for _, ready in recorded.ready] == [True, False, True]


def test_others_are_asked_early_but_never_sooner_than_the_fast_interval() -> None:
    """A crowd dies at once while one region lives: its probes stay at least a second apart."""
    starts: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        watches: dict[str, Watch] = {}
        attribution = FailureAttribution(watches, WINDOW, loop.time)

        async def alive() -> Seen:
            starts.append(loop.time())
            await asyncio.sleep(0.01)
            return Seen("HTTP 200")

        async def dies() -> Seen:
            if loop.time() > 20.0:
                raise ProbeFailedError("timed out", responded=False)
            return Seen("HTTP 200")

        probe = Probe(interval=60.0, fast_interval=1.0, timeout=2.0, fall=3, rise=2)
        for number in range(50):
            id_ = f"a-{number}"
            target = Target(id_, "a" if number else "b", id_, "", probe)
            watches[id_] = Watch(
                target,
                dies if number else alive,
                clock=loop.time,
                rng=random.Random(number),
                report=lambda *_: None,
                ended=attribution.ended,
            )
        attribution.replaced(list(watches))
        for watch in watches.values():
            watch.probe()
        await asyncio.sleep(90.0)
        for watch in watches.values():
            await asyncio.gather(*watch.close(), return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert len(starts) > 5
    assert min(b - a for a, b in itertools.pairwise(starts)) >= 1.0 - 1e-6
