"""A run beside the last record: what is called worse, better, noise, weak, new and missing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, beside, read, written
from bench.record import LIMIT, Comparison, compare, same_machine, worse_by
from bench.words import missed, of_change, sentences

P99 = Figure("p99, one thread", 114.0, "µs", beside="gdnsd", ratio=1.52)
ALONE = Figure("look-up", 100.0, "ns")
RATE = Figure("answers per CPU-second", 9.0, "", "more", "dnslib", 3.0)


def of(was: Figure, now: Figure, *, same: bool = True) -> Comparison:
    return compare([was], [now], same_machine=same)


def bucket(found: Comparison) -> str:
    """The one in which the only figure is."""
    names = ("regressions", "improvements", "same", "new", "missing", "incomparable")
    (name,) = [name for name in names if getattr(found, name)]
    return name


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (P99, replace(P99, ratio=1.81), "regressions"),
        (P99, replace(P99, ratio=1.58), "same"),
        (P99, replace(P99, ratio=1.60), "regressions"),
        (P99, replace(P99, ratio=1.00), "improvements"),
        # The value moves with the machine, the ratio says that nothing has happened.
        (P99, replace(P99, value=999.0), "same"),
        (RATE, replace(RATE, ratio=2.0), "regressions"),
        (RATE, replace(RATE, ratio=4.0), "improvements"),
        (ALONE, replace(ALONE, value=106.0), "regressions"),
        (ALONE, replace(ALONE, value=104.9), "same"),
        (ALONE, replace(ALONE, value=0.0), "improvements"),
        (replace(ALONE, value=0.0), ALONE, "regressions"),
        (replace(ALONE, value=0.0), replace(ALONE, value=0.0), "same"),
        (replace(ALONE, value=-1.0), replace(ALONE, value=-2.0), "improvements"),
        (P99, replace(P99, beside="knot"), "incomparable"),
        (P99, replace(P99, beside=None, ratio=None), "incomparable"),
        (ALONE, replace(ALONE, unit="µs"), "incomparable"),
        (ALONE, replace(ALONE, better="more"), "incomparable"),
    ],
)
def test_what_a_change_is_called_on_the_same_machine(
    was: Figure, now: Figure, expected: str
) -> None:
    assert bucket(of(was, now)) == expected


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (P99, "same"),
        (ALONE, "incomparable"),
        (replace(ALONE, steady=True), "same"),
        (replace(ALONE, unit="×"), "same"),
    ],
)
def test_on_another_machine_only_ratios_and_what_no_machine_enters_into_are_compared(
    figure: Figure, expected: str
) -> None:
    assert bucket(of(figure, figure, same=False)) == expected


@pytest.mark.parametrize(
    ("was_rounds", "now_rounds", "noise"),
    [
        (None, None, "unknown"),
        (None, (1.2, 3.0), "within"),
        ((1.0, 2.0), None, "within"),
        ((1.0, 1.6), (1.7, 2.0), "beyond"),
        (None, (1.7, 2.0), "beyond"),
        # One of them reaches as far as the other had: they cannot be told apart.
        ((1.0, 1.6), (1.5, 3.0), "within"),
    ],
)
def test_a_change_is_within_noise_where_the_rounds_of_one_reach_the_other(
    was_rounds: tuple[float, float] | None, now_rounds: tuple[float, float] | None, noise: str
) -> None:
    was, now = replace(P99, range=was_rounds), replace(P99, ratio=1.81, range=now_rounds)
    (change,) = of(was, now).regressions
    assert change.noise == noise


def test_noise_explains_a_regression_and_does_not_hide_it() -> None:
    found = of(P99, replace(P99, ratio=1.81, range=(1.2, 3.0)))
    assert len(found.regressions) == 1
    assert found.serious() == []


def test_a_value_alone_is_weak_and_never_serious() -> None:
    found = of(ALONE, replace(ALONE, value=500.0))
    assert [change.weak for change in found.regressions] == [True]
    assert found.serious() == []


def test_a_bar_that_the_record_met_and_the_run_misses_is_a_regression_by_however_little() -> None:
    was, now = replace(P99, ratio=0.99, bar=1.0), replace(P99, ratio=1.01, bar=1.0)
    (change,) = of(was, now).regressions
    assert change.lost_bar
    assert "the bar 1.00 was met and is missed" in of_change(change)
    assert bucket(of(now, was)) == "same"
    assert bucket(of(replace(now, ratio=1.02), now)) == "same", "it was missed before"


def test_what_one_of_them_lacks_is_new_or_missing() -> None:
    found = compare([P99, ALONE], [ALONE, RATE], same_machine=True)
    assert ([f.name for f in found.new], [f.name for f in found.missing]) == (
        [RATE.name],
        [P99.name],
    )


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        (
            P99,
            replace(P99, ratio=1.81, range=(1.2, 3.0)),
            "p99, one thread, beside gdnsd: 1.81, was 1.52: 19 % worse "
            "(rounds 1.20 to 3.00: within noise)",
        ),
        (
            ALONE,
            replace(ALONE, value=150.0),
            "look-up: 150 ns, was 100 ns: 50 % worse (weak: a value by itself, not a ratio)",
        ),
        (
            RATE,
            replace(RATE, ratio=4.0),
            "answers per CPU-second, beside dnslib: 4.00, was 3.00: 25 % better",
        ),
        (
            replace(ALONE, value=0.0, steady=True),
            replace(ALONE, value=3.0, steady=True),
            "look-up: 3.00 ns, was 0 ns: worse",
        ),
        (
            replace(P99, range=(1.5, 1.6)),
            replace(P99, ratio=2.0),
            "p99, one thread, beside gdnsd: 2.00, was 1.52: 32 % worse "
            "(rounds of the record 1.50 to 1.60: beyond noise)",
        ),
    ],
)
def test_a_change_is_said_in_words(was: Figure, now: Figure, sentence: str) -> None:
    found = of(was, now)
    (change,) = [*found.regressions, *found.improvements]
    assert of_change(change) == sentence


def test_all_that_has_changed_is_said_and_the_rest_is_counted() -> None:
    figures = [replace(ALONE, name=f"n{n}") for n in range(6)]
    run = [figures[0], figures[1], replace(figures[2], value=200.0), replace(figures[3], value=9.0)]
    run += [replace(figures[4], unit="s"), RATE]
    said = [text for text, _ in sentences(compare(figures, run, same_machine=True))]
    assert said == [
        "n2: 200 ns, was 100 ns: 100 % worse (weak: a value by itself, not a ratio)",
        "n3: 9.00 ns, was 100 ns: 91 % better (weak: a value by itself, not a ratio)",
        "answers per CPU-second, beside dnslib: 3.00, new",
        "n5: was 100 ns, and is not measured any more",
        "2 figures as before, give or take 5 %",
        "1 value not compared: of another machine, or measured otherwise",
    ]


def test_bars_that_are_missed_are_said_of_either_kind() -> None:
    said = [*missed([replace(P99, bar=1.0), replace(RATE, bar=5.0), replace(ALONE, bar=200.0)])]
    assert said == [
        "p99, one thread, beside gdnsd: 1.52, and is to be at most 1.00",
        "answers per CPU-second, beside dnslib: 3.00, and is to be at least 5.00",
    ]


def test_a_machine_is_the_same_by_processor_cores_and_kernel() -> None:
    one = {"cpu": "A", "cores": 2, "platform": "Linux-6.1", "commit": "a"}
    assert same_machine(one, one | {"commit": "b"})
    for other in ({"cpu": "B"}, {"cores": 4}, {"platform": "Linux-6.2"}):
        assert not same_machine(one, one | other)


VALUES = st.floats(0.001, 1e6)
FIGURES = st.builds(
    Figure,
    name=st.sampled_from("abcdef"),
    value=VALUES,
    unit=st.sampled_from(["µs", "s", "×"]),
    better=st.sampled_from(["less", "more"]),
    beside=st.just("gdnsd"),
    ratio=st.none() | VALUES,
    range=st.none() | st.tuples(VALUES, VALUES).map(lambda pair: (min(pair), max(pair))),
    bar=st.none() | VALUES,
    steady=st.booleans(),
)
RUNS = st.lists(FIGURES, max_size=6, unique_by=lambda figure: figure.name)


@given(RUNS, RUNS, st.booleans())
def test_every_figure_is_in_one_place(record: list[Figure], run: list[Figure], same: bool) -> None:
    found = compare(record, run, same_machine=same)
    changes = [*found.regressions, *found.improvements, *found.same, *found.incomparable]
    placed = [change.now.name for change in changes] + [figure.name for figure in found.new]
    assert sorted(placed) == sorted(figure.name for figure in run)
    was = [change.was.name for change in changes] + [figure.name for figure in found.missing]
    assert sorted(was) == sorted(figure.name for figure in record)


@given(RUNS, st.booleans())
def test_a_run_is_neither_worse_nor_better_than_itself(run: list[Figure], same: bool) -> None:
    found = compare(run, run, same_machine=same)
    assert not [*found.regressions, *found.improvements, *found.new, *found.missing]


@given(FIGURES, VALUES)
def test_worse_is_by_the_quotient_and_the_way_back_undoes_it(figure: Figure, value: float) -> None:
    other = replace(figure, value=value, ratio=None if figure.ratio is None else value)
    there, back = worse_by(figure, other), worse_by(other, figure)
    assert (1 + there) * (1 + back) == pytest.approx(1.0)
    grew = other.compared > figure.compared
    if there > LIMIT:
        assert grew == (figure.better == "less")


@given(RUNS)
def test_figures_are_read_as_they_were_written(run: list[Figure]) -> None:
    rows = written(run)
    assert read(rows) == run
    for figure, row in zip(run, rows, strict=True):
        assert (row["met"] is None) == (figure.bar is None)


@pytest.mark.parametrize(
    "row", [{}, {"name": "a", "value": 1, "unit": "s", "worse": 1}, {"nome": "a"}]
)
def test_a_row_that_is_no_figure_is_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no figure"):
        read([row])


def test_better_is_one_of_two_words() -> None:
    with pytest.raises(ValueError, match="better is 'most'"):
        read([{"name": "a", "value": 1.0, "unit": "s", "better": "most"}])


def test_a_spread_gives_ratio_and_rounds() -> None:
    figure = beside("a", 3.0, "µs", "the echo", {"min": 0.9, "median": 1.1, "max": 1.3}, bar=1.1)
    assert (figure.ratio, figure.range, figure.met) == (1.1, (0.9, 1.3), True)
    assert not math.isinf(worse_by(figure, figure))
