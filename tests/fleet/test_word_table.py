"""Which words are in force at an edge: pure, without NATS."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.word import Address, Word, address_of, packed, unpacked
from resolverd.fleet.word_table import Effect, Pending, Said, WordTable
from resolverd.health.overrides import OverrideKind

ALL, OURS, THEIRS = Address("all", "eu"), Address("fra1", "eu"), Address("ams1", "eu")
NOW = 1_000.0


def word(kind: str = "drain", *, why: str = "disks", until: float | None = None) -> Word:
    """A word said just now."""
    return Word(OverrideKind(kind), "op", why, NOW, until)


def kinds(table: WordTable, now: float = NOW) -> dict[str, str]:
    """What is in force, by target."""
    return {target: found.word.kind.value for target, found in table.in_force(now).items()}


def test_what_the_fleet_says_to_all_or_to_this_edge_holds_here() -> None:
    table = WordTable("fra1")
    table.hear(Address("all", "eu"), Said(word("drain"), 1))
    table.hear(Address("fra1", "us"), Said(word("up"), 2))
    table.hear(Address("ams1", "ap"), Said(word("down"), 3))
    assert kinds(table) == {"eu": "drain", "us": "up"}


@pytest.mark.parametrize(("to_all", "to_us", "holds"), [(1, 2, "up"), (2, 1, "drain")])
def test_of_a_word_to_all_and_one_to_this_edge_the_newer_holds(
    to_all: int, to_us: int, holds: str
) -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("drain"), to_all))
    table.hear(OURS, Said(word("up"), to_us))
    assert kinds(table) == {"eu": holds}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"kind": "drain", "who": "op", "why": "", "set_at": 1e999, "until": null}',
        b'{"kind": "drain", "who": "op", "why": "", "set_at": 1.0, "until": NaN}',
        b'{"kind": "drain", "who": "op", "why": "", "set_at": true, "until": null}',
        b'{"kind": "drain", "who": 7, "why": "", "set_at": 1.0, "until": null}',
        b'{"kind": "rest", "who": "op", "why": "", "set_at": 1.0, "until": null}',
    ],
)
def test_what_is_no_word_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"no word|rest"):
        unpacked(value)


def test_an_older_revision_says_nothing() -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(None, 5))
    table.hear(ALL, Said(word(), 4))
    assert kinds(table) == {}


def test_what_is_said_here_holds_before_the_fleet_has_it() -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("up"), 7))
    table.say(ALL, word("drain"))
    assert table.in_force(NOW)["eu"].pending
    assert kinds(table) == {"eu": "drain"}
    assert table.pending == {ALL: Pending(word("drain"), 7)}


def test_a_word_to_all_replaces_those_to_edges() -> None:
    table = WordTable("fra1")
    table.hear(OURS, Said(word("up"), 1))
    table.hear(THEIRS, Said(word("up"), 2))
    table.say(ALL, word("drain"))
    assert table.pending == {
        ALL: Pending(word("drain"), 0), OURS: Pending(None, 1), THEIRS: Pending(None, 2),
    }  # fmt: skip


def test_a_word_to_one_edge_leaves_that_to_all() -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("drain"), 1))
    table.say(OURS, word("up"))
    assert set(table.pending) == {OURS}
    table.say(OURS, None)
    assert kinds(table) == {"eu": "drain"}


def test_where_another_was_written_first_that_stands() -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("up"), 7))
    table.say(ALL, word("drain"))
    assert table.hear(ALL, Said(word("down", why="theirs"), 8)) is Effect.LOST
    assert kinds(table) == {"eu": "down"}
    assert not table.pending


def test_what_comes_back_as_it_was_said_is_written() -> None:
    table = WordTable("fra1")
    table.say(ALL, word())
    assert table.hear(ALL, Said(word(), 3)) is Effect.WRITTEN
    assert not table.pending
    assert not table.in_force(NOW)["eu"].pending


def test_an_attempt_that_was_written_after_all_is_nobody_elses_word() -> None:
    """A put may time out and be committed all the same, after the operator has cleared it."""
    table = WordTable("fra1")
    table.say(ALL, word())
    table.say(ALL, None)
    assert kinds(table) == {}
    assert table.hear(ALL, Said(word(), 3)) is Effect.NONE
    assert kinds(table) == {}
    assert table.pending[ALL].upon == 3
    assert table.hear(ALL, Said(None, 4)) is Effect.WRITTEN


def test_what_nobody_has_said_needs_no_clearing() -> None:
    table = WordTable("fra1")
    table.say(ALL, None)
    table.hear(ALL, Said(None, 3))
    table.say(ALL, None)
    assert not table.pending


@pytest.mark.parametrize(("now", "holds"), [(NOW + 59, True), (NOW + 60, False)])
def test_a_word_ends_by_itself_and_another_holds_on(now: float, holds: bool) -> None:
    table = WordTable("fra1")
    table.hear(ALL, Said(word("drain"), 1))
    table.hear(OURS, Said(word("up", until=NOW + 60), 2))
    assert kinds(table, now) == {"eu": "up" if holds else "drain"}
    assert table.next_end(NOW) == NOW + 60
    assert table.over(now) == ([] if holds else [OURS])


def test_in_a_bucket_made_anew_what_was_known_is_said_again() -> None:
    table = WordTable("fra1")
    table.begin("monday")
    table.hear(ALL, Said(word(), 900))
    table.hear(Address("all", "us"), Said(None, 901))
    table.begin("tuesday")
    assert table.pending == {ALL: Pending(word(), 0)}
    assert kinds(table) == {"eu": "drain"}
    assert table.hear(ALL, Said(word(), 4)) is Effect.WRITTEN


def test_overrides_of_a_time_without_a_fleet_are_of_this_edge_alone() -> None:
    table = WordTable("fra1")
    table.adopt({"eu": word()})
    assert table.pending == {OURS: Pending(word(), 0)}


WORDS = st.builds(
    Word,
    st.sampled_from(OverrideKind),
    st.text(max_size=5),
    st.text(max_size=5),
    st.floats(0, 2e9),
    st.none() | st.floats(0, 2e9),
)


@given(WORDS)
def test_a_word_is_read_as_it_was_written(said: Word) -> None:
    assert unpacked(packed(said)) == said


def with_times(set_at: str, until: str, why: str = "disks") -> bytes:
    return (
        f'{{"kind": "drain", "set_at": {set_at}, "until": {until}, "who": "op", "why": "{why}"}}'
    ).encode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"[]",
        b'{"kind": "drain"}',
        b"null",
        b"\xff",
        b"[" * 200_000,
        *(
            with_times("1", until)
            for until in ("NaN", "Infinity", "1e400", "1e300", "-1", "9" * 400)
        ),
        *(with_times(at, "null") for at in ("NaN", "-1e300", "1e300", "true")),
        with_times("1", "null", "y" * 100_000),
    ],
)
def test_a_value_that_is_no_word_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        unpacked(value)


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_an_address_is_read_as_it_was_written(scope: str, target: str) -> None:
    assert address_of(Address(scope, target).key) == Address(scope, target)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ALL, OURS, THEIRS]),
            st.sampled_from(["say", "clear", "hear", "cleared"]),
        ),
        max_size=12,
    )
)
def test_what_is_kept_is_known_again(steps: list[tuple[Address, str]]) -> None:
    table = WordTable("fra1")
    table.begin("monday")
    for revision, (address, step) in enumerate(steps, 1):
        said = word(why=str(revision))
        if step in ("say", "clear"):
            table.say(address, said if step == "say" else None)
        else:
            table.hear(address, Said(said if step == "hear" else None, revision))
    other = WordTable("fra1")
    other.restore(json.loads(json.dumps(table.kept())))
    assert other.in_force(NOW) == table.in_force(NOW)
    assert other.said == table.said
    assert other.pending == table.pending


@pytest.mark.parametrize(
    "document",
    [{}, {"made": "", "said": [{}], "pending": []}, {"made": "", "said": 3, "pending": []}],
)
def test_what_is_damaged_is_refused(document: dict[str, object]) -> None:
    table = WordTable("fra1")
    with pytest.raises(ValueError, match="damaged"):
        table.restore(document)
    assert not table.said
