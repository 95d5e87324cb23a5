"""Blocks placed by their load: what a step moves, what moves nobody, what memory it takes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.policy.share import Positions, bin_of, draw_of_word
from resolverd.policy.weighing import (
    BINS,
    HALF_LIFE,
    HEAVY,
    MAX_HEAVY,
    TOLERANCE,
    BlockLoad,
    placed,
)

WORDS = st.integers(0, 2**64 - 1)
SEEDS = st.integers(0, 2**32)
Truth = Mapping[int, float]


def zipf(chance: random.Random, number: int, exponent: float = 1.2) -> Truth:
    """So many blocks by `draw_word`, with their shares of the load."""
    weights = [(rank + 1) ** -exponent for rank in range(number)]
    whole = sum(weights)
    return {chance.getrandbits(64): weight / whole for weight in weights}


def asked(chance: random.Random, truth: Truth, queries: int) -> Counter[int]:
    """What blocks of these shares ask by chance."""
    return Counter(
        chance.choices([*truth], cum_weights=list(accumulate(truth.values())), k=queries)
    )


def load_of(queries: Mapping[int, int]) -> BlockLoad:
    load = BlockLoad(0.0)
    for word, count in queries.items():
        load.count(word, count)
    load.samples = load.total
    return load


def below(positions: Positions | None, share: float, words: Iterable[int]) -> set[int]:
    """The blocks that are sent on at a share."""
    return {word for word in words if position(positions, word) < share}


def position(positions: Positions | None, word: int) -> float:
    return draw_of_word(word) if positions is None else positions.of(word)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(200, 20_000))
def test_each_step_of_ten_percent_moves_ten_percent_of_a_load_as_unequal_as_zipf(
    seed: int, number: int
) -> None:
    """As it was counted, and of the queries that come after; up to half, and back."""
    chance = random.Random(seed)
    truth = zipf(chance, number)
    load = load_of(asked(chance, truth, 40_000))
    later = asked(chance, truth, 50_000)
    positions, held, before = None, 0.0, 0.0
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.3, 0.2, 0.1):
        positions = placed(load, [share], positions, [held] if held else [])
        sent = below(positions, share, truth)
        served = sum(later[word] for word in sent) / later.total()
        counted = sum(truth[word] for word in sent)
        assert abs(abs(served - before) - 0.1) <= 0.02
        assert abs(counted - share) <= 0.02
        held, before = share, served


@settings(max_examples=40, deadline=None)
@given(
    SEEDS, st.integers(1, 3000), st.floats(0.0, 2.0), st.lists(st.floats(0.01, 0.99), min_size=2)
)
def test_who_was_sent_on_stays_so_while_a_share_grows_and_who_was_not_while_it_shrinks(
    seed: int, number: int, exponent: float, shares: list[float]
) -> None:
    """Whatever else is counted between two steps."""
    chance = random.Random(seed)
    words = [*zipf(chance, number, exponent), *(chance.getrandbits(64) for _ in range(200))]
    positions, held = None, None
    for share in shares:
        load = load_of(asked(chance, zipf_again(chance, words, exponent), 2000))
        before = below(positions, held, words) if held is not None else set()
        known = positions is not None
        positions = placed(load, [share], positions, [] if held is None else [held])
        after = below(positions, share, words)
        if known and held is not None:
            assert before <= after if share >= held else after <= before
        held = share


def zipf_again(chance: random.Random, words: list[int], exponent: float) -> Truth:
    """Other blocks of the same are the large ones now."""
    shuffled = chance.sample(words, len(words))
    return dict(zip(shuffled, zipf(chance, len(words), exponent).values(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4),
    st.integers(1, 2000),
    st.lists(WORDS, max_size=20),
)
def test_to_place_blocks_anew_moves_nobody(
    seed: int, shares: list[float], number: int, others: list[int]
) -> None:
    """Each stays on its side of each share in use, even if all that is known has changed."""
    chance = random.Random(seed)
    words = [*zipf(chance, number), *others]
    first = placed(load_of(asked(chance, zipf_again(chance, words, 1.2), 3000)), shares)
    again = first
    for _ in range(3):
        load = load_of(asked(chance, zipf_again(chance, words, 1.2), 3000))
        again = placed(load, shares, again, shares)
    for share in shares:
        assert below(again, share, words) == below(first, share, words)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.01, 0.99), st.dictionaries(WORDS, st.integers(1, 10**6), min_size=1))
def test_a_share_is_met_as_nearly_as_light_blocks_and_one_heavy_one_more_can(
    share: float, queries: dict[int, int]
) -> None:
    """Of any load at all, within what is in one bin; against what was really asked."""
    load = load_of(queries)
    load.samples = 10**9  # so that nothing is left of what is presumed before anything is known
    positions = placed(load, [share])
    assert positions is not None
    heavy = {word: queries[word] / load.total for word in positions.heavy}
    light = Counter[int]()
    for word in queries.keys() - heavy.keys():
        light[bin_of(word, BINS)] += queries[word]
    fine = max(light.values(), default=0) / load.total + 1e-6
    missed = abs(sum(queries[w] for w in below(positions, share, queries)) / load.total - share)
    room = share - sum(heavy[word] for word in below(positions, share, heavy))
    for more in (0.0, *(weight for word, weight in heavy.items() if positions.of(word) >= share)):
        short = room - more
        least = max(-short, short - light.total() / load.total, 0.0)
        assert missed <= max(least, TOLERANCE) + fine


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 64)), max_size=6000))
@settings(max_examples=20, deadline=None)
def test_counts_are_bounded_and_never_more_than_what_came(queries: list[tuple[int, int]]) -> None:
    load, truth = BlockLoad(0.0), Counter[int]()
    for number, count in queries:
        load.count(number << 40, count)
        truth[number << 40] += count
        assert len(load.blocks) <= 1024
    assert load.total == truth.total() == sum(load.bins)
    for word, count in truth.items():
        assert count - load.total / 512 <= load.blocks.get(word, 0.0) <= count


def test_a_crowd_of_blocks_takes_no_more_memory_than_a_few() -> None:
    chance, load = random.Random(1), BlockLoad(0.0)
    heavy = chance.getrandbits(64)
    for _ in range(30_000):
        load.count(chance.getrandbits(64), 1)
        if chance.random() < 0.05:
            load.count(heavy, 1)
    assert len(load.blocks) <= 1024
    assert load.blocks[heavy] / load.total == pytest.approx(0.05, abs=0.01)
    positions = placed(load, [0.5])
    assert positions is not None
    assert set(positions.heavy) == {heavy}


def test_more_heavy_blocks_than_fit_leave_the_lightest_of_them_among_the_light() -> None:
    chance = random.Random(2)
    load = load_of({chance.getrandbits(64): 1000 + n for n in range(100)})
    positions = placed(load, [0.3])
    assert positions is not None
    assert len(positions.heavy) == MAX_HEAVY
    assert min(positions.weights.values()) >= 1036 / load.total
    sent = sum(n for word, n in load.blocks.items() if positions.of(word) < 0.3)
    assert sent / load.total == pytest.approx(0.3, abs=0.01)


def test_the_same_counts_are_placed_alike_in_whatever_order_they_came() -> None:
    chance = random.Random(3)
    queries = {chance.getrandbits(64): chance.randrange(1, 1000) for _ in range(900)}
    one, other = (
        placed(load_of(queries), [0.1]),
        placed(load_of(dict([*queries.items()][::-1])), [0.1]),
    )
    assert one is not None
    assert other is not None
    assert (one.bins, one.heavy, one.weights) == (other.bins, other.heavy, other.weights)


def test_equal_blocks_stand_where_their_draws_are() -> None:
    """So that where blocks are alike the clients that move are those that move on any edge host."""
    load = load_of({n << 48: 5 for n in range(2**16)})
    positions = placed(load, [0.2])
    assert positions is not None
    assert positions.heavy == {}
    for word in range(0, 2**64, 2**55 + 12345):
        assert positions.of(word) == pytest.approx(draw_of_word(word), abs=2 / BINS)


def test_nothing_is_placed_before_anything_is_known() -> None:
    assert placed(BlockLoad(0.0), [0.1]) is None


def test_a_few_samples_hardly_move_a_share() -> None:
    """Two queries of one block say little of the load; its draw still counts for most."""
    load = BlockLoad(0.0)
    load.count(2**63, 1)
    load.count(2**63, 1)
    positions = placed(load, [0.1])
    assert positions is not None
    assert positions.of(2**62) == pytest.approx(0.25, abs=0.05)


def test_a_block_is_heavy_down_to_half_of_what_makes_it_so() -> None:
    """Else one at the mark would go in and out of the table with each count."""
    filler = {n << 48 | 1: 100 for n in range(2000)}
    whole = sum(filler.values())
    above, between, under = (round(whole * HEAVY * part) for part in (1.2, 0.7, 0.4))
    positions = placed(load_of({**filler, 7: above}), [0.1])
    for queries, before, heavy in (
        (above, None, True),
        (between, positions, True),
        (between, None, False),
        (under, positions, False),
    ):
        found = placed(load_of({**filler, 7: queries}), [0.1], before)
        assert found is not None
        assert (7 in found.heavy) is heavy


def test_what_was_asked_a_half_life_ago_counts_half() -> None:
    load = BlockLoad(100.0)
    load.count(5, 8)
    load.fade(100.0 + HALF_LIFE)
    assert (load.total, load.samples, load.blocks[5], sum(load.bins)) == (4, 0.5, 4, 4)
    load.count(6, 4)
    assert load.largest == 0.5
