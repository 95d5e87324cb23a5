"""The field against worlds whose truth is known."""

from __future__ import annotations

import random
import time
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rtt_world import REGIONS, cities, landmark, true_ms
from slow_fit import slow_fit

from resolverd.geo.distance import great_circle_km
from resolverd.rtt.cables import geography
from resolverd.rtt.field import FIBRE_MS_PER_KM, Field
from resolverd.rtt.fit import Kriging, field_of
from resolverd.rtt.landmark_clusters import MAX_LANDMARKS, clustered
from resolverd.rtt.samples import Landmark, Sample, Samples

NAMES = tuple(REGIONS)


def _field(landmarks: list[Landmark]) -> Field:
    return field_of(Samples(NAMES, tuple(landmarks)), REGIONS)


def _excess(field: Field, seed: int, country: str = "") -> list[float]:
    """What clients lose by the choice of a field."""
    lost = []
    for point in cities(200, seed):
        true = [true_ms(point, region) for region in REGIONS.values()]
        expected = field.expected(point, country)
        lost.append(true[expected.index(min(expected))] - min(true))
    return lost


def test_without_a_measurement_the_field_is_that_of_geography() -> None:
    assert _field([]) == geography(tuple(REGIONS.values()))
    nothing = Landmark((50.0, 8.0), "DE", ())
    at = (48.0, 9.0)
    expected = geography(tuple(REGIONS.values())).expected(at, "DE")
    assert _field([nothing]).expected(at, "DE") == pytest.approx(expected)


def test_what_landmarks_measured_is_learned_for_the_places_around_them() -> None:
    learned = _field([landmark(point) for point in cities(40, 1)])
    errors = [
        abs(ms - true_ms(point, region))
        for point in cities(200, 2)
        for ms, region in zip(learned.expected(point, None), REGIONS.values(), strict=True)
    ]
    prior = [
        abs(ms - true_ms(point, region))
        for point in cities(200, 2)
        for ms, region in zip(
            geography(tuple(REGIONS.values())).expected(point, None), REGIONS.values(), strict=True
        )
    ]
    assert median(errors) < 5.0 < median(prior)
    assert mean(_excess(learned, 3)) < 1.0


def test_one_landmark_with_a_bad_path_does_not_poison_its_neighbourhood() -> None:
    around = [(50.0 + n % 3, 8.0 + n // 3) for n in range(9)]
    good = [landmark(point) for point in around]
    bad = [*good[:4], landmark(around[4], bad=[0.0, 0.0, 0.0, 150.0, 0.0]), *good[5:]]
    asked = (51.2, 9.3)
    clean, poisoned = (_field(marks).expected(asked, None) for marks in (good, bad))
    assert poisoned[3] - clean[3] < 15.0
    assert poisoned.index(min(poisoned)) == clean.index(min(clean)) == 3


def test_bad_paths_at_random_cost_less_than_they_cost_the_three_nearest() -> None:
    chance = random.Random(5)
    marks = [
        landmark(
            point,
            bad=[chance.expovariate(1 / 60) if chance.random() < 0.15 else 0.0 for _ in NAMES],
        )
        for point in cities(60, 4)
    ]
    ours = mean(_excess(_field(marks), 6))
    theirs = []
    for point in cities(200, 6):
        near = sorted(marks, key=lambda mark: great_circle_km(mark.point, point))[:3]
        weights = [1 / (great_circle_km(mark.point, point) + 1) for mark in near]
        cost = [
            sum(w * mark.row[region].ms for w, mark in zip(weights, near, strict=True))
            for region in range(len(NAMES))
        ]
        true = [true_ms(point, region) for region in REGIONS.values()]
        theirs.append(true[cost.index(min(cost))] - min(true))
    assert ours < 0.7 * mean(theirs)


def test_a_sample_that_is_hardly_believed_hardly_moves_the_field() -> None:
    point = (50.0, 8.0)
    rows = {
        confidence: Landmark(point, "DE", (Sample(3, 80.0, confidence),))
        for confidence in (0.02, 0.9)
    }
    prior = _field([]).expected(point, "DE")[3]
    moved = {c: _field([row]).expected(point, "DE")[3] - prior for c, row in rows.items()}
    assert 0 < moved[0.02] < 0.6 * moved[0.9]


def test_a_field_without_some_landmarks_is_the_field_of_the_others() -> None:
    marks = [
        landmark(point, country="DE" if n % 2 else "") for n, point in enumerate(cities(12, 7))
    ]
    # One did not measure all regions.
    marks[2] = marks[2]._replace(row=marks[2].row[1:3])
    kriging = Kriging(marks, NAMES, REGIONS)
    asked = (47.0, 11.0)
    for left_out in ([], [0], [3, 11], [2]):
        left = [mark for n, mark in enumerate(marks) if n not in left_out]
        alone = Kriging(left, NAMES, REGIONS).field().expected(asked, "DE")
        assert kriging.field(left_out).expected(asked, "DE") == pytest.approx(alone, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([-90.0, -33.9, 0.0, 50.0, 50.01, 89.9]),
            st.sampled_from([-180.0, -77.0, 0.0, 8.7, 179.99]),
            st.lists(
                st.tuples(st.integers(0, 4), st.floats(0.01, 9999.0), st.floats(0, 1)), max_size=5
            ),
        ),
        max_size=12,
    ),
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_whatever_was_measured_what_is_expected_is_a_time_no_faster_than_light(
    rows: list[tuple[float, float, list[tuple[int, float, float]]]], north: float, east: float
) -> None:
    marks = [
        Landmark(
            (lat, lon), "", tuple(Sample(*sample) for sample in {s[0]: s for s in row}.values())
        )
        for lat, lon, row in rows
    ]
    times = _field(marks).expected((north, east), None)
    for ms, region in zip(times, REGIONS.values(), strict=True):
        km = great_circle_km((north, east), region)
        assert FIBRE_MS_PER_KM * km <= ms < 100_000


def test_who_stands_beside_a_region_is_near_it_also_where_it_did_not_measure_it() -> None:
    point = (50.1, 8.8)
    beside = Landmark(point, "DE", tuple(s for s in landmark(point).row if s.region != 3))
    far = [landmark((48.0 + n, 11.0 + n), bad=[0.0, 0.0, 0.0, 40.0, 0.0]) for n in range(3)]
    with_it, without_it = (
        _field(marks).expected((50.0, 8.5), "DE")[3] for marks in ([*far, beside], far)
    )
    assert with_it < 15.0 < without_it


def test_landmarks_that_stand_together_are_one_and_never_too_many_are_left() -> None:
    pair = [
        landmark((50.1, 8.7), country="DE"),
        landmark((50.1001, 8.7001), noise=4.0, country="DE"),
    ]
    (one,) = clustered(pair)
    assert one.point == pytest.approx((50.1, 8.7), abs=0.01)
    assert one.row[3].ms == pytest.approx(pair[0].row[3].ms)
    assert len(clustered([landmark(point) for point in cities(2000, 8)])) <= MAX_LANDMARKS
    across = clustered([landmark((0.0, 179.999)), landmark((0.0, -179.999))])
    assert all(abs(mark.point[1]) > 179 for mark in across)


@pytest.mark.parametrize("missing", [0.0, 0.03, 0.3, 0.8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fit_is_the_one_with_every_inverse_worked_out_whole(missing: float, seed: int) -> None:
    chance = random.Random(seed)
    marks = []
    for point in cities(40, seed):
        bad = [chance.expovariate(1 / 60) * (chance.random() < 0.15) for _ in NAMES]
        mark = landmark(point, bad, chance.choice(["DE", "US", ""]))
        row = tuple(s._replace(confidence=chance.uniform(0.1, 0.9)) for s in mark.row)
        kept = [s for s in row if chance.random() >= missing or s.region == seed]
        marks.append(mark._replace(row=tuple(kept)))
    # Nobody stands in a region's own city, where less is measured than is known.
    marks = [m for m in marks if all(great_circle_km(m.point, at) > 30 for at in REGIONS.values())]
    field = Kriging(marks, NAMES, REGIONS).field()
    weights, bases, slopes = slow_fit(marks, REGIONS)
    assert field.bases == pytest.approx(bases, abs=1e-9)
    assert field.slopes == pytest.approx(slopes, abs=1e-12)
    for region, by_landmark in enumerate(weights):
        made = [origin.weights[region] for origin in field.origins]
        assert made == pytest.approx([by_landmark.get(n, 0.0) for n in range(len(marks))], abs=1e-9)


def test_a_fit_takes_seconds_with_as_many_landmarks_as_there_may_be() -> None:
    marks = [landmark(point) for point in cities(MAX_LANDMARKS, 9)]
    begun = time.process_time()
    _field(marks)
    assert time.process_time() - begun < 10.0
