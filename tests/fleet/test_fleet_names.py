"""Names in NATS: any name is one token, and no two are the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet import names

# What a key-value bucket takes as a key (ADR-8).
KEY = re.compile(r"[-/_=a-zA-Z0-9]+")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_any_name_is_one_token_and_can_be_read_back(text: str) -> None:
    token = names.token(text)
    assert KEY.fullmatch(token)
    assert names.untoken(token) == text


@given(TEXT, TEXT)
def test_no_two_names_have_one_token(one: str, other: str) -> None:
    assert (names.token(one) == names.token(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("fra1", "fra1"),
        ("eu.west", "eu=2Ewest"),
        ("use-1@chat", "use-1=40chat"),
        ("", "=="),
        ("*", "=2A"),
        ("ü", "=C3=BC"),
    ],
)
def test_plain_names_stay_readable(text: str, token: str) -> None:
    assert names.token(text) == token


@pytest.mark.parametrize("token", ["", "a.b", "=", "=4", "=4g", "=zz", "*", "=C3"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"token|utf-8"):
        names.untoken(token)


def test_keys_and_subjects_begin_with_what_they_are() -> None:
    assert names.key("words", "all", "override", "eu.west") == "words.all.override.eu=2Ewest"
    assert names.key_parts("words.all.override.eu=2Ewest") == (
        "words", "all", "override", "eu.west",
    )  # fmt: skip
    assert names.subject("prod", "observations", "fra.1") == "resolverd.prod.observations.fra=2E1"
