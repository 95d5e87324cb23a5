"""The region that a block keeps: against a slow replay, over any history and at any clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from harness.trials import trials
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.policy.decision import RegionStatus, decide
from resolverd.policy.share import Positions, draw_of_word
from resolverd.policy.sticky import (
    COHORTS,
    SEGMENTS,
    Segment,
    SegmentShare,
    advanced,
    cohort_of,
    decided,
    epochs_at,
    next_end,
)

REGIONS = ("a", "b", "c", "d")
STICKY = 640.0
"""Seconds, so that a cohort begins every ten."""
NOW = 1_764_000_000.0

words = st.integers(0, 2**64 - 1)
parts = st.sampled_from([0.0, 0.0, 0.3, 0.7, 1.0])
positions = st.none() | st.builds(
    Positions, st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple)
)
shares = st.builds(SegmentShare, parts, parts, positions, st.booleans())
segments = st.builds(
    Segment,
    st.just(0.0),
    st.frozensets(st.sampled_from(REGIONS), min_size=1),
    st.dictionaries(
        st.sampled_from(REGIONS),
        st.builds(SegmentShare, parts, parts, positions, st.booleans()),
        max_size=3,
    ),
    st.sampled_from([0.0, 0.0, 0.4]),
)
lists = st.permutations(REGIONS).flatmap(
    lambda order: st.integers(1, len(order)).map(lambda count: tuple(order[:count]))
)


class Step(NamedTuple):
    """A change: so many seconds after the one before."""

    after: float
    segment: Segment


steps = st.lists(
    st.builds(Step, st.sampled_from([0.0, 0.5, 7.0, 30.0, 200.0, 900.0]), segments),
    min_size=1,
    max_size=12,
)


def statuses_of(segment: Segment) -> dict[str, RegionStatus]:
    return {
        region: RegionStatus(region in segment.serving, positions=share.positions,
            spill_ratio=share.spill_ratio, accept_ratio=share.accept_ratio,
            spill_off=share.spill_off)
        for region in REGIONS
        for share in [segment.shares.get(region, SegmentShare())]
    }  # fmt: skip


def decided_by_policy(segment: Segment, preference: tuple[str, ...], word: int) -> str | None:
    """What `policy/decision.py` decides; None where no region serves."""
    statuses = statuses_of(segment)
    home = next((region for region in preference if statuses[region].serves), None)
    if home is None:
        return None
    own, draw = statuses[home].positions, draw_of_word(word)
    position = None if own is None else own.of(word)
    return decide(preference, statuses, "nodata", draw, segment.trickle, position).region


class Told:
    """A history as it came about, and the same as `advanced` keeps it."""

    def __init__(self, told: list[Step], *, skew: float = 0.0) -> None:
        self.all: list[Segment] = []
        self.kept: tuple[Segment, ...] = ()
        self.at = NOW + skew
        for after, segment in told:
            self.at += after
            self.take(segment)

    def take(self, segment: Segment) -> None:
        now = replace(segment, since=self.at)
        self.all.append(now)
        self.kept = advanced(self.kept, now, STICKY)

    def region(
        self, preference: tuple[str, ...], word: int, then: tuple[str, ...] | None = None
    ) -> str | None:
        """The region that a block has now."""
        return next(self.regions(preference, [word], then))

    def regions(
        self,
        preference: tuple[str, ...],
        blocks: Iterable[int],
        then: tuple[str, ...] | None = None,
    ) -> Iterator[str | None]:
        """Those that some blocks have."""
        epochs = epochs_at(self.kept, self.at, STICKY, self.at)
        for word in blocks:
            kept = epochs.kept(word, preference, then) if epochs is not None else None
            yield kept.region if kept is not None else decided(self.kept[-1], preference, word)


def replayed(told: Told, preference: tuple[str, ...], word: int) -> str | None:
    """The slow way: everything that ever was, one moment after another, since the epoch began."""
    phase = cohort_of(word) * STICKY / COHORTS
    begin = math.floor((told.at - phase) / STICKY) * STICKY + phase
    before = [segment for segment in told.all if segment.since <= begin]
    since = [segment for segment in told.all if segment.since > begin]
    region = None
    for segment in [*before[-1:], *since]:
        if region is None or region not in segment.serving:
            region = decided_by_policy(segment, preference, word)
            if region is not None and region not in segment.serving:
                region = None
    return region


quickly = settings(max_examples=trials(150, 2000), deadline=None)


@quickly
@given(segments, lists, words)
def test_a_segment_decides_as_the_policy_does(
    segment: Segment, preference: tuple[str, ...], word: int
) -> None:
    assert decided(segment, preference, word) == decided_by_policy(segment, preference, word)


@quickly
@given(steps, lists, words)
def test_a_block_has_the_region_that_a_replay_of_all_that_was_gives(
    told: list[Step], preference: tuple[str, ...], word: int
) -> None:
    history = Told(told)
    # Positions that are made anew alone move nobody (`policy/weighing.py`), so none are replayed.
    history.all = [
        segment
        for number, segment in enumerate(history.all)
        if not number or not segment.decides_as(history.all[number - 1])
    ]
    assert history.region(preference, word) == replayed(history, preference, word)


@quickly
@given(steps, lists, words, st.floats(-5000, 5000))
def test_what_was_before_a_clock_was_set_does_not_count_twice(
    told: list[Step], preference: tuple[str, ...], word: int, jump: float
) -> None:
    """A step of the clock moves epochs and nothing else: what is answered serves now."""
    history = Told(told)
    history.at += jump
    history.take(told[-1].segment)
    assert all(segment.since <= history.at for segment in history.kept)
    region = history.region(preference, word)
    serving = [r for r in preference if r in told[-1].segment.serving]
    assert region in serving if serving else region is None


@quickly
@given(steps, lists, words)
def test_two_edges_that_saw_the_same_agree_whatever_they_remember_of_before(
    told: list[Step], preference: tuple[str, ...], word: int
) -> None:
    """One of them has begun longer ago, and has seen more that no epoch reaches back to."""
    one, other = Told(told), Told([Step(0.0, told[0].segment)])
    other.all, other.kept, other.at = [], (), NOW - 2 * STICKY
    other.take(replace(told[-1].segment, serving=frozenset(REGIONS[:1])))
    other.at = NOW - 1.5 * STICKY
    other.take(told[0].segment)
    other.at = NOW
    for after, segment in told:
        other.at += after
        other.take(segment)
    assert one.region(preference, word) == other.region(preference, word)


calm = segments.map(lambda s: replace(s, serving=frozenset(REGIONS)))
calm_steps = st.lists(
    st.builds(Step, st.sampled_from([5.0, 50.0, 300.0]), calm), min_size=2, max_size=20
)


@quickly
@given(calm_steps, lists, words)
def test_a_block_moves_once_an_epoch_at_most_while_all_regions_serve(
    told: list[Step], preference: tuple[str, ...], word: int
) -> None:
    history = Told(told[:1])
    moves, before = [], history.region(preference, word)
    for after, segment in told[1:]:
        end = history.at + after
        while (boundary := next_end(history.at, STICKY)) < end:
            history.at = boundary
            if (now := history.region(preference, word)) != before:
                moves.append(history.at)
                before = now
        history.at = end
        history.take(segment)
        if (now := history.region(preference, word)) != before:
            moves.append(history.at)
            before = now
    assert all(later - earlier >= STICKY - 1e-3 for earlier, later in pairwise(moves))


@quickly
@given(steps, lists, lists, words)
def test_no_region_outside_the_list_of_now_is_kept(
    told: list[Step], preference: tuple[str, ...], then: tuple[str, ...], word: int
) -> None:
    history = Told(told)
    last = len(history.kept) - 1
    history.kept = tuple(replace(s, earlier=n < last) for n, s in enumerate(history.kept))
    region = history.region(preference, word, tuple(r for r in then if r in preference))
    assert region is None or region in preference


@quickly
@given(steps, lists, words)
def test_a_steadfast_region_is_that_of_every_block(
    told: list[Step], preference: tuple[str, ...], word: int
) -> None:
    history = Told(told)
    epochs = epochs_at(history.kept, history.at, STICKY, history.at)
    if epochs is not None and preference[0] in epochs.steadfast:
        assert history.region(preference, word) == preference[0]


def test_a_history_is_bounded_and_forgets_what_no_epoch_reaches() -> None:
    """Changes each second leave the newest; those of long ago leave nothing."""
    one, other = (Segment(0.0, frozenset(regions), {}) for regions in ("ab", "a"))
    told = Told([Step(1.0, (one, other)[n % 2]) for n in range(300)])
    assert [s.since for s in told.kept] == [s.since for s in told.all[-SEGMENTS:]]
    told.at += STICKY
    told.take(told.all[-1])
    assert len(told.kept) == 1
    assert epochs_at(told.kept, told.at, STICKY, told.at) is None


def test_a_region_that_returns_draws_its_clients_back_as_their_epochs_end() -> None:
    """It was away for a minute; a cohort a time goes back, and all have after one epoch."""
    up, down = Segment(0.0, frozenset("ab"), {}), Segment(0.0, frozenset("b"), {})
    told = Told([Step(0.0, up), Step(2000.0, down), Step(60.0, up)])
    sample = [n * 0x9E3779B97F4A7C15 % 2**64 for n in range(4000)]
    begun = told.at
    back = []
    while told.at < begun + STICKY + 10:
        back.append([*told.regions(("a", "b"), sample)].count("a") / len(sample))
        told.at = next_end(told.at, STICKY)
    assert back[0] < 2 / COHORTS  # those alone whose epoch begins in this very moment
    assert back == sorted(back)
    assert max(after - before for before, after in pairwise(back)) < 3 / COHORTS
    assert back[-1] == 1.0


def test_positions_that_are_made_anew_begin_no_segment() -> None:
    weighed = SegmentShare(0.5, 0.0, Positions((0.2, 0.8)))
    before = Segment(NOW, frozenset("ab"), {"a": weighed})
    again = weighed._replace(positions=Positions((0.3, 0.7)))
    after = advanced((before,), Segment(NOW + 1, frozenset("ab"), {"a": again}), STICKY)
    assert after == (before,)
