"""The document of overrides, verdicts and shares: written, read, and never trusted."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.family import Family
from resolverd.health.identity import Difference
from resolverd.health.machine import EndpointHealth
from resolverd.health.mismatch import KeptMismatch, PeerMismatch
from resolverd.health.outcome import Condition
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.target_health import KeptHealth
from resolverd.health.verdict import State
from resolverd.kept.document import (
    MAX_SHARES_AGE,
    MAX_VERDICT_AGE,
    Clocks,
    KeptRate,
    KeptState,
    KeptVerdict,
    read,
    written,
)
from resolverd.policy.learned import LearnedRate
from resolverd.policy.operator_rules import OperatorRule
from resolverd.policy.share import Positions
from resolverd.policy.spill_state import RegionShare, Spill
from resolverd.policy.sticky import SEGMENTS, Segment, SegmentShare
from resolverd.snapshot.ttl_ledger import Given, Lasting

CONFIG = "/etc/resolverd/resolverd.toml"
NOW = Clocks(5000.0, 1_764_321_000.0)
LATER = Clocks(20.0, 1_764_321_030.0)
"""Half a minute later, after a reboot: the monotonic clock has begun anew."""

readings = st.floats(0, 5000)
shares = st.floats(0, 1)
names = st.text(min_size=1, max_size=9)
regions = st.lists(names, max_size=3).map(tuple)
overrides = st.builds(
    Override,
    st.sampled_from(OverrideKind),
    names,
    names,
    readings,
    st.none() | st.floats(5000, 9000),
)
rules = st.builds(OperatorRule, shares, names, names, readings, st.none() | st.floats(5000, 9000))
healths = st.builds(
    EndpointHealth,
    state=st.sampled_from(State),
    failures=st.integers(0, 9),
    successes=st.integers(0, 9),
    changed_at=st.none() | readings,
    probed_at=readings,
    reason=st.text(max_size=9),
    condition=st.sampled_from(Condition),
    level=st.floats(0, 9),
    penalty_until=st.just(-math.inf) | readings,
)
# Of one that was taken to serve, and never asked whether it does, there is no probe.
families = st.dictionaries(
    st.sampled_from(Family),
    healths | st.just(EndpointHealth(State.UP)),
    max_size=2,
)
holds = st.builds(
    RegionShare,
    shares,
    shares,
    st.just(-math.inf) | readings,
    shares,
    readings,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | readings,
    said=st.booleans(),
)
positions = st.builds(
    Positions,
    st.lists(shares, min_size=1, max_size=4).map(tuple),
    st.dictionaries(st.integers(0, 2**64 - 1), shares, max_size=3),
).map(lambda one: replace(one, weights=dict.fromkeys(one.heavy, 0.25)))
segment_shares = st.builds(SegmentShare, shares, shares, st.none() | positions, st.booleans())
segments = st.builds(
    Segment,
    st.floats(0, 2e9),
    st.frozensets(names, max_size=3),
    st.dictionaries(names, segment_shares, max_size=2),
    shares,
)
histories = st.lists(segments, min_size=1, max_size=4).map(
    lambda found: tuple(sorted(found, key=lambda segment: segment.since))
)
rates = st.builds(
    LearnedRate,
    st.floats(0, 1e6),
    st.floats(1, 1e4),
    readings,
    st.none() | st.floats(0, 2e9),
    st.floats(0, 1e12),
)
states = st.builds(
    KeptState,
    st.dictionaries(names, overrides, max_size=3),
    st.dictionaries(
        names,
        st.builds(
            KeptVerdict, names, st.builds(KeptHealth, healths, families), st.none() | readings
        ),
        max_size=3,
    ),
    st.dictionaries(names, st.builds(Spill, st.dictionaries(names, holds), readings), max_size=3),
    st.dictionaries(st.tuples(names, names), positions, max_size=3),
    st.dictionaries(names, st.builds(KeptRate, names, rates), max_size=3),
    st.dictionaries(names, histories, max_size=3),
    spill_rules=st.dictionaries(names, rules, max_size=3),
    given_ttls=st.dictionaries(
        names,
        st.builds(
            Given,
            st.floats(0, 86400),
            regions,
            st.lists(st.builds(Lasting, readings, regions), max_size=2).map(tuple),
        ),
        max_size=3,
    ),
    ended=st.dictionaries(names, readings, max_size=3),
    mismatches=st.dictionaries(
        names,
        st.builds(
            KeptMismatch,
            st.builds(
                PeerMismatch, st.none() | st.builds(Difference, names, names, names), readings
            ),
            names,
        ),
        max_size=3,
    ),
)


def _near(one: Any, other: Any) -> bool:
    """Whether two values are the same but for the rounding of the clocks."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or abs(one - other) < 1e-5
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_near(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_near, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(_near(getattr(one, f), getattr(other, f)) for f in one.__dataclass_fields__)
    return bool(one == other)


@given(states)
def test_what_is_read_is_what_was_written(state: KeptState) -> None:
    document = json.loads(json.dumps(written(state, CONFIG, NOW)))
    assert _near(read(document, CONFIG, NOW), state)


@given(overrides)
def test_an_override_ends_at_the_time_of_day_that_it_was_to_end_at(override: Override) -> None:
    document = json.loads(json.dumps(written(KeptState({"a": override}), CONFIG, NOW)))
    after = read(document, CONFIG, LATER).overrides["a"]
    left = override.remaining(NOW.monotonic)
    assert math.isinf(left) or after.remaining(LATER.monotonic) == pytest.approx(
        max(0.0, left - 30), abs=1e-3
    )
    assert (after.kind, after.who, after.why) == (override.kind, override.who, override.why)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def _places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(document, dict):
        return [path]
    return [path, *(place for key in document for place in _places(document[key], (*path, key)))]


@given(states, st.data(), values)
def test_a_document_with_anything_in_any_place_is_read_or_a_value_error(
    state: KeptState, data: st.DataObject, value: Any
) -> None:
    document = json.loads(json.dumps(written(state, CONFIG, NOW)))
    places = [place for place in _places(document) if place]
    *above, key = data.draw(st.sampled_from(places))
    inner = document
    for key in above:
        inner = inner[key]
    inner[key] = value
    with contextlib.suppress(ValueError):
        written(read(document, CONFIG, NOW), CONFIG, NOW)


def test_old_shares_are_forgotten_and_overrides_are_not() -> None:
    spill = Spill({"a": RegionShare(0.5)})
    override = Override(OverrideKind.DRAIN, "ann", "kernel", NOW.monotonic)
    placed = Positions((0.25,), {7: 0.5}, {7: 0.1})
    state = KeptState({"a": override}, {}, {"chat": spill}, {("chat", "a"): placed})
    document = written(state, CONFIG, NOW)
    later = Clocks(NOW.monotonic + MAX_SHARES_AGE + 1, NOW.unix + MAX_SHARES_AGE + 1)
    assert read(document, CONFIG, NOW).shares["chat"].regions["a"].spill_ratio == 0.5
    assert read(document, CONFIG, NOW).positions["chat", "a"].of(7) == 0.5
    assert read(document, CONFIG, later).shares == {}
    assert read(document, CONFIG, later).positions == {}
    assert read(document, CONFIG, later).overrides


def test_who_was_contradicted_and_ends_of_overrides_are_kept_however_long_nothing_ran() -> None:
    """As long as a verdict is believed at least, by which a server would be up again."""
    wrong = PeerMismatch(Difference("max_model_len", "2048", "4096"), NOW.monotonic - 5)
    known = {"a-1": KeptMismatch(wrong, "http://192.0.2.1:8000")}
    state = KeptState(ended={"a": NOW.monotonic - 7}, mismatches=known)
    document = json.loads(json.dumps(written(state, CONFIG, NOW)))
    for seconds in (1, MAX_VERDICT_AGE + 1, 86400):
        later = Clocks(NOW.monotonic + seconds, NOW.unix + seconds)
        assert _near(read(document, CONFIG, later), state)


def test_the_document_of_an_earlier_release_is_read() -> None:
    document = written(KeptState(shares={"chat": Spill({"a": RegionShare(0.5)})}), CONFIG, NOW)
    for later in ("positions", "rates", "given_ttls", "ended", "mismatches"):
        del document[later]
    assert read(document, CONFIG, NOW).shares
    assert read(document, CONFIG, NOW).positions == {}
    found = read(document, CONFIG, NOW)
    assert (found.given_ttls, found.ended, found.mismatches) == ({}, {}, {})


@pytest.mark.parametrize(
    ("clocks", "left"),
    [(NOW, 300), (LATER, 270), (Clocks(20.0, NOW.unix - 3600), 300)],
    ids=["at once", "after a reboot", "where the clock was set back"],
)
def test_answers_given_before_live_no_longer_than_they_had_to_live(
    clocks: Clocks, left: float
) -> None:
    given = {"chat": Given(60, ("a", "b"), (Lasting(NOW.monotonic + 300, ("a",)),))}
    document = json.loads(json.dumps(written(KeptState(given_ttls=given), CONFIG, NOW)))
    found = read(document, CONFIG, clocks).given_ttls
    (lasting,) = found["chat"].lasting
    assert lasting.until - clocks.monotonic == pytest.approx(left)
    assert found["chat"]._replace(lasting=()) == Given(60, ("a", "b"))
    document["given_ttls"]["chat"]["ttl"] = -1
    with pytest.raises(ValueError, match="below zero"):
        read(document, CONFIG, NOW)


def test_segments_of_the_map_before_are_left_out_for_no_process_will_have_that_map() -> None:
    known = [Segment(float(n), frozenset("ab"), {}, earlier=n < 2) for n in range(4)]
    document = written(KeptState(histories={"chat": tuple(known)}), CONFIG, NOW)
    assert read(document, CONFIG, LATER).histories == {"chat": tuple(known[2:])}


def test_a_release_that_is_rolled_back_to_reads_the_history_of_a_region_out_of_spilling() -> None:
    """It takes three values for a share, and refuses the whole document, drains too, for others."""
    share = SegmentShare(0.25, 0.0, Positions((0.5,), {}), spill_off=True)
    known = Segment(5.0, frozenset("ab"), {"a": share, "b": SegmentShare(0.0, 0.5)})
    document = json.loads(json.dumps(written(KeptState(histories={"chat": (known,)}), CONFIG, NOW)))
    (segment,) = document["histories"]["chat"]["segments"]
    assert segment["shares"] == {"a": [0.25, 0.0, 0], "b": [0.0, 0.5, None]}
    assert _near(read(document, CONFIG, LATER).histories, {"chat": (known,)})
    del segment["spill_off"]
    older = replace(known, shares={**known.shares, "a": share._replace(spill_off=False)})
    assert _near(read(document, CONFIG, LATER).histories, {"chat": (older,)})


def test_the_document_of_a_release_without_sticky_services_is_read() -> None:
    document = written(KeptState(), CONFIG, NOW)
    del document["histories"]
    assert read(document, CONFIG, NOW).histories == {}


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ([{"since": 5.0}, {"since": 4.0}], "out of order"),
        ([{"since": float(n)} for n in range(SEGMENTS + 1)], "too long"),
        ([{"since": "now"}], "no number"),
        ([{"trickle": 2}], "between 0 and 1"),
        ([{"serving": [1]}], "no text"),
        ([{"shares": {"a": [0.5, 0.0, 0]}}], "no place"),
        ([{"shares": {"a": [0.5, 0.0]}}], "not enough values"),
        ([{"shares": {"a": [1.5, 0.0, None]}}], "between 0 and 1"),
        ([{"shares": {"a": [0.5, 0.0, None, True]}}], "too many values"),
        ([{"spill_off": ["a"]}], "without a share"),
        ([{"shares": {"a": [0.5, 0.0, None]}, "spill_off": [1]}], "no text"),
    ],
)
def test_a_history_that_is_none_is_refused(segments: list[dict[str, Any]], reason: str) -> None:
    document = written(KeptState(), CONFIG, NOW)
    sound = {"since": 1.0, "serving": ["a"], "shares": {}, "trickle": 0.0}
    written_down = [sound | segment for segment in segments]
    document["histories"] = {"chat": {"segments": written_down, "positions": []}}
    with pytest.raises(ValueError, match=reason):
        read(document, CONFIG, NOW)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "version"),
        ([], "version"),
        ({"version": 2}, "version"),
        ({"version": 1, "config": "/other.toml"}, "another configuration"),
        ({"version": 1, "config": CONFIG}, "damaged"),
    ],
)
def test_what_is_no_such_document_is_refused_with_the_reason(document: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(document, CONFIG, NOW)
