"""Which words are in force at an edge: pure, without NATS."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.word import Address, Rank, Word
from resolverd.fleet.word_table import Effect, Pending, Said, WordTable
from resolverd.health.overrides import OverrideKind

ALL, OURS, THEIRS = Address("all", "eu"), Address("fra1", "eu"), Address("ams1", "eu")
NOW = 1_000.0


def word(kind: str = "drain", *, why: str = "disks", until: float | None = None) -> Word:
    """A word said just now."""
    return Word(OverrideKind(kind), "op", why, NOW, until)


def kinds(table: WordTable, now: float = NOW) -> dict[str, str]:
    """What is in force, by target."""
    return {target: found.word.in_words for target, found in table.in_force(now).items()}


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
    us = Address("all", "us")
    assert table.pending == {
        ALL: Pending(word(), 0, was=("monday", 900), again=True),
        us: Pending(None, 0, was=("monday", 901), again=True),
    }
    assert kinds(table) == {"eu": "drain"}
    assert table.hear(ALL, Said(word(), 4, ("monday", 900))) is Effect.WRITTEN
    assert table.hear(us, Said(word("up"), 5, ("monday", 899))) is Effect.NONE
    assert table.pending == {us: Pending(None, 5, was=("monday", 901), again=True)}
    assert kinds(table) == {"eu": "drain"}


@pytest.mark.parametrize(
    ("heard", "holds"),
    [
        pytest.param(Said(None, 2, ("monday", 901)), None, id="a clear that is newer"),
        pytest.param(Said(word("up"), 2, ("monday", 901)), "up", id="a word that is newer"),
        pytest.param(Said(word("up"), 2, ("monday", 899)), "drain", id="one that is older"),
        pytest.param(Said(None, 2), None, id="a clear of since then"),
        pytest.param(Said(word("up"), 2), "up", id="a word of since then"),
        pytest.param(Said(word("up"), 2, ("friday", 999)), "drain", id="one of a bucket before"),
    ],
)
def test_of_what_edges_say_again_the_newest_stands(heard: Said, holds: str | None) -> None:
    table = WordTable("fra1")
    table.begin("monday")
    table.hear(ALL, Said(word(), 900))
    table.begin("tuesday")
    assert table.hear(ALL, heard) is Effect.NONE, "nobody has lost a word that they said"
    assert kinds(table) == ({"eu": holds} if holds else {})


@pytest.mark.parametrize(
    ("was", "effect", "holds"),
    [(900, Effect.NONE, "drain"), (899, Effect.NONE, "drain"), (901, Effect.LOST, "up")],
)
def test_what_an_operator_had_seen_is_not_in_the_way_when_it_is_said_again(
    was: int, effect: Effect, holds: str
) -> None:
    table = WordTable("fra1")
    table.begin("monday")
    table.hear(ALL, Said(word("up"), 900))
    table.say(ALL, word("drain"))
    table.begin("tuesday")
    assert table.hear(ALL, Said(word("up", why="again"), 2, ("monday", was))) is effect
    assert kinds(table) == {"eu": holds}


def test_words_that_are_said_again_keep_their_order_however_they_are_written() -> None:
    table = WordTable("fra1")
    table.begin("monday")
    table.hear(ALL, Said(word("drain"), 5))
    table.hear(OURS, Said(word("up"), 9))
    table.begin("tuesday")
    assert kinds(table) == {"eu": "up"}
    for revision, address in enumerate((OURS, ALL), 2):
        table.written(address, table.pending[address], revision)
    assert kinds(table) == {"eu": "up"}


def test_of_words_that_nobody_else_has_the_one_said_last_holds() -> None:
    for first, last in ((ALL, OURS), (OURS, ALL)):
        table = WordTable("fra1")
        table.say(OURS, word("down"))
        table.say(first, word("drain")._replace(set_at=NOW + 1))
        table.say(last, word("up")._replace(set_at=NOW + 2))
        assert kinds(table) == {"eu": "up"}
        assert list(table.pending)[-1] == last


def test_words_on_what_is_spilled_are_apart_from_overrides() -> None:
    table, chat = WordTable("fra1"), Address("all", "eu", "spill")
    table.hear(ALL, Said(word("drain"), 1))
    table.say(chat, Word(0.3, "op", "a surge", NOW, None))
    assert kinds(table) == {"eu": "drain"}
    assert {t: f.word.in_words for t, f in table.in_force(NOW, "spill").items()} == {"eu": "30%"}


class Bucket:
    """What NATS keeps: the newest of each key with its revision, and what each edge has heard."""

    def __init__(self, made: str) -> None:
        self.made, self.revision = made, 1
        self.newest: dict[Address, Said] = {}

    def put(self, address: Address, said: Word | None, was: Rank | None, upon: int) -> int | None:
        """Write upon that revision; None where the key has another."""
        newest = self.newest.get(address)
        if upon != (newest.revision if newest else 0) and not (
            upon == 0 and newest and newest.word is None and newest.was is None
        ):
            return None
        self.revision += 1
        self.newest[address] = Said(said, self.revision, was)
        return self.revision


def follow(table: WordTable, bucket: Bucket) -> None:
    """An edge hears all, and writes what is pending until nothing is."""
    table.begin(bucket.made)
    for _ in range(20):
        for address, said in sorted(bucket.newest.items(), key=lambda item: item[1].revision):
            table.hear(address, said)
        for address, pending in list(table.pending.items()):
            was = pending.was if pending.again else None
            revision = bucket.put(address, pending.word, was, pending.upon)
            if revision is not None:
                table.written(address, pending, revision)
    assert not table.pending


EDGES = ("fra1", "ams1", "lon1")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(EDGES),
            st.sampled_from(["drain", "up", "clear"]),
            st.sets(st.sampled_from(EDGES)),
        ),
        max_size=6,
    ),
    st.lists(st.permutations(EDGES), min_size=1, max_size=3),
)
def test_in_whatever_order_edges_come_back_to_lost_buckets_the_newest_that_any_knows_stands(
    steps: list[tuple[str, str, set[str]]], returns: list[list[str]]
) -> None:
    """Each step is said at one edge, and heard by those that are not away; then NATS loses all."""
    tables, bucket = {edge: WordTable(edge) for edge in EDGES}, Bucket("2026-11-30T10:00:00Z")
    stands: Word | None = None
    for number, (edge, says, others) in enumerate(steps):
        follow(tables[edge], bucket)
        said = None if says == "clear" else word(says, why=str(number))
        tables[edge].say(ALL, said)
        follow(tables[edge], bucket)
        stands = said
        for other in others:
            follow(tables[other], bucket)
    for number, order in enumerate(returns, 1):
        bucket = Bucket(f"2026-11-30T10:0{number}:00Z")
        for edge in order:
            follow(tables[edge], bucket)
        for edge in order:
            follow(tables[edge], bucket)
    for table in tables.values():
        found = table.in_force(NOW).get("eu")
        assert (found.word if found else None) == stands


def test_overrides_of_a_time_without_a_fleet_are_of_this_edge_alone() -> None:
    table = WordTable("fra1")
    table.adopt({"eu": word()})
    assert table.pending == {OURS: Pending(word(), 0)}


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
