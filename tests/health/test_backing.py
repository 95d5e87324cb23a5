"""Which pages come from one process, and what is never compared."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.health.offers import Processes
from resolverd.health.probes.backing import Backing, Comparison, MetricsSample
from resolverd.health.probes.progress import moved
from resolverd.health.probes.vllm_metrics import Engine, Page

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)
TOTALS = st.lists(st.integers(1, 10**6), min_size=2, max_size=7, unique=True)


def page(started: float | None, total: float, *, running: float = 0, **more: Engine) -> Page:
    engines = {b'engine="0"': Engine(running=running, generated=total, prompt=total)}
    return Page(started=started, engines=engines | {k.encode(): v for k, v in more.items()})


def feed(backing: Backing, pages: Iterable[Page], every: float = 5.0) -> list[Comparison]:
    return [backing.add(MetricsSample(p, n * every)) for n, p in enumerate(pages)]


def growth(seen: list[Comparison], pages: list[Page]) -> int:
    """How many pages were taken for progress."""
    return sum(
        each.before is not None and moved(each.before.page, now)
        for each, now in zip(seen, pages, strict=True)
    )


@given(starts_known=st.booleans(), totals=TOTALS, seed=st.integers())
@unhurried
def test_hung_servers_behind_a_balancer_are_never_progress(
    starts_known: bool, totals: list[int], seed: int
) -> None:
    """Round robin, or at random where their starts are told; whatever their pages differ by."""
    frozen = [page(1000.0 + n if starts_known else None, total) for n, total in enumerate(totals)]
    draw = random.Random(seed)
    at_random = [draw.choice(frozen) for _ in range(60)] if starts_known else []
    for order in (frozen * 6, at_random):
        assert growth(feed(Backing(), order), order) == 0


@given(st.lists(st.integers(0, 5), min_size=10, max_size=60))
@unhurried
def test_of_one_process_all_growth_is_seen(steps: list[int]) -> None:
    pages, total = [], 0
    for step in steps:
        total += step
        pages.append(page(1000.0, total))
    backing = Backing()
    assert growth(feed(backing, pages), pages) == sum(step > 0 for step in steps[1:])
    assert backing.processes is Processes.ONE


def test_without_a_start_growth_counts_once_no_page_fell_for_a_while() -> None:
    pages = [page(None, total) for total in range(20)]
    seen = feed(backing := Backing(), pages)
    assert [each.before is not None for each in seen] == [False] * 8 + [True] * 12
    assert backing.processes is Processes.UNKNOWN


@pytest.mark.parametrize(
    ("starts", "processes"),
    [
        ([1], Processes.ONE),
        ([1, 1, 1], Processes.ONE),
        ([None] * 3, Processes.UNKNOWN),
        ([1, 2], Processes.UNKNOWN),
        ([1, 2, 1], Processes.SEVERAL),
        ([1, 1, 2, 2, 2], Processes.UNKNOWN),
        ([1, 1, *[2] * 17], Processes.ONE),
        ([1, 2, *[1] * 17], Processes.ONE),
    ],
)
def test_a_start_that_comes_back_is_one_of_several(
    starts: list[float | None], processes: Processes
) -> None:
    backing = Backing()
    feed(backing, [page(started, 5) for started in starts])
    assert backing.processes is processes


def test_a_total_that_falls_under_one_start_is_another_process_too() -> None:
    backing = Backing()
    pages = [page(1000.0, total) for total in (9, 5, 9, 5, 9, 5)]
    assert growth(feed(backing, pages), pages) == 0
    assert backing.processes is Processes.SEVERAL


def test_a_page_gathered_from_several_processes_is_several() -> None:
    backing = Backing()
    backing.add(MetricsSample(Page(gathered=True, engines={b"a": Engine(prompt=1)}), 0.0))
    assert backing.processes is Processes.SEVERAL


def test_a_new_start_may_be_another_process_and_one_that_is_known_is_not() -> None:
    seen = feed(Backing(), [page(1, 5), page(2, 5), page(1, 5), page(2, 5)])
    assert [each.replaced for each in seen] == [False, True, False, False]


def test_an_engine_that_stands_still_while_another_moves_has_hung() -> None:
    backing = Backing()
    for n in range(4):
        still = Engine(running=3, generated=7)
        backing.add(MetricsSample(page(1000.0, n, running=1, b=still), 5.0 * n))
    assert (backing.stuck().hung, backing.stuck().engines) == (1, 2)
    assert backing.stuck().share == 0.5


@pytest.mark.parametrize("running", [0, 3])
def test_where_nothing_moves_it_is_for_a_canary_to_tell(running: float) -> None:
    backing = Backing()
    for n in range(6):
        backing.add(MetricsSample(page(1000.0, 7, running=running), 5.0 * n))
    assert backing.stuck().hung == 0


def test_of_two_processes_the_one_that_hangs_is_found() -> None:
    backing = Backing()
    for n in range(8):
        sound = n % 2 == 0
        total = n if sound else 7
        backing.add(MetricsSample(page(1000.0 + n % 2, total, running=2), 5.0 * n))
    assert (backing.stuck().hung, backing.stuck().engines) == (1, 2)


def test_what_is_kept_is_bounded_and_forgotten() -> None:
    backing = Backing()
    feed(backing, [page(float(n), 5) for n in range(1000)], every=0.01)
    assert backing.engines <= 32
    backing.add(MetricsSample(page(5000.0, 5), 1000.0))
    assert backing.engines == 1
