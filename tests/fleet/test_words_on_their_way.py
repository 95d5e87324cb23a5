"""What is said while an earlier word is on its way to NATS: what an operator says last holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.word import Address, Word
from resolverd.fleet.word_table import Effect, Pending, Said, WordTable
from resolverd.health.overrides import OverrideKind

ALL = Address("all", "eu")
NOW = 1_000.0


def word(why: str) -> Word:
    """A drain said just now."""
    return Word(OverrideKind.DRAIN, "op", why, NOW, None)


class Fleet:
    """One key of a bucket and one edge: writes, their acknowledgements and news come apart."""

    def __init__(self) -> None:
        self.table = WordTable("fra1")
        self.table.begin("monday")
        self.revision = 0
        self.value: Word | None = None
        self.news: list[Said] = []
        self.acknowledged: tuple[Pending, int] | None = None
        self.wanted: Word | None = None

    def say(self, said: Word | None) -> None:
        """An operator says something here; None clears."""
        self.table.say(ALL, said)
        self.wanted = said

    def write(self, *, lost: bool = False) -> None:
        """Write what is pending, if nothing else is on its way; the answer may be `lost`."""
        pending = self.table.pending.get(ALL)
        if pending is None or self.acknowledged is not None or pending.upon != self.revision:
            return
        self.revision, self.value = self.revision + 1, pending.word
        self.news.append(Said(self.value, self.revision))
        if not lost:
            self.acknowledged = pending, self.revision

    def acknowledge(self) -> None:
        """The answer to the write comes."""
        if self.acknowledged is not None:
            self.table.written(ALL, *self.acknowledged)
            self.acknowledged = None

    def hear(self) -> None:
        """The next of the news comes."""
        if self.news:
            assert self.table.hear(ALL, self.news.pop(0)) is not Effect.LOST, "nobody else speaks"


STEPS = ("say", "clear", "write", "write, and no answer", "answer", "hear")


@given(st.lists(st.sampled_from(STEPS), max_size=14))
def test_what_one_operator_says_last_holds_in_whatever_order_nats_answers(steps: list[str]) -> None:
    fleet = Fleet()
    for number, step in enumerate(steps):
        match step:
            case "say":
                fleet.say(word(str(number)))
            case "clear":
                fleet.say(None)
            case "answer":
                fleet.acknowledge()
            case "hear":
                fleet.hear()
            case _:
                fleet.write(lost=step != "write")
    for _ in range(len(steps) + 2):
        fleet.acknowledge()
        while fleet.news:
            fleet.hear()
        fleet.write()
    assert fleet.table.pending == {}
    assert fleet.value == fleet.wanted
    holds = fleet.table.in_force(NOW)
    assert {target: found.word for target, found in holds.items()} == (
        {"eu": fleet.wanted} if fleet.wanted else {}
    )


@pytest.mark.parametrize("heard_first", [True, False])
def test_a_clear_said_while_the_word_is_written_is_written_upon_it(heard_first: bool) -> None:
    table = WordTable("fra1")
    table.say(ALL, word("a"))
    on_its_way = table.pending[ALL]
    table.say(ALL, None)
    if heard_first:
        table.hear(ALL, Said(word("a"), 7))
    table.written(ALL, on_its_way, 7)
    table.hear(ALL, Said(word("a"), 7))
    assert (table.pending[ALL].word, table.pending[ALL].upon) == (None, 7)


def test_a_word_said_while_its_clear_is_written_is_not_lost_to_that() -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("a"), 7))
    table.say(ALL, None)
    table.say(ALL, word("b"))
    assert table.hear(ALL, Said(None, 8)) is Effect.NONE
    assert (table.pending[ALL].word, table.pending[ALL].upon) == (word("b"), 8)
