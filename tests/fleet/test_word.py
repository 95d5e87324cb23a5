"""What an operator says as octets in NATS: read as it was written, and refused where it is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.word import Address, Kind, Rank, Stated, Word, address_of, packed, unpacked
from resolverd.health.overrides import OverrideKind


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
        b'{"share": 0.5, "who": "op", "why": "", "set_at": 1.0, "until": null}',
        b'{"share": NaN, "who": "op", "why": "", "set_at": 1.0, "until": null}',
        b'{"cleared": true}',
        b'{"cleared": true, "was": ["monday", 1.5]}',
        b'{"cleared": true, "was": "monday"}',
    ],
)
def test_what_is_no_word_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"no word|rest"):
        unpacked(value)


WORDS = st.builds(
    Word,
    st.sampled_from(OverrideKind) | st.floats(0, 1),
    st.text(max_size=5),
    st.text(max_size=5),
    st.floats(0, 2e9),
    st.none() | st.floats(0, 2e9),
)


RANKS = st.none() | st.tuples(st.text(max_size=5), st.integers(0, 2**63))


@given(WORDS, RANKS)
def test_a_word_is_read_as_it_was_written(said: Word, was: Rank | None) -> None:
    kind: Kind = "override" if isinstance(said.says, OverrideKind) else "spill"
    assert unpacked(packed(said, was), kind) == Stated(said, was)
    other: Kind = "spill" if kind == "override" else "override"
    with pytest.raises(ValueError, match="no word on"):
        unpacked(packed(said, was), other)


def test_a_clear_that_is_said_again_is_read_as_it_was_written() -> None:
    assert unpacked(packed(None, ("monday", 7)), "spill") == Stated(None, ("monday", 7))


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
