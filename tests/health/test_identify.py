"""Finding the model on a list that is long, has adapters, or has nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.probes.identify import Expected, Listing, mismatch, read_listing

BASE = {"id": "llama", "root": "/m/llama", "parent": None, "max_model_len": 8192}
ALIAS = BASE | {"id": "chat"}
LORA = {"id": "sql", "root": "/lora/sql", "parent": "llama", "max_model_len": None}


def listing(cards: list[Any], model: str) -> Listing:
    return read_listing(json.dumps({"object": "list", "data": cards}).encode(), None, model)


def test_a_model_behind_its_hundredth_card_is_found_and_kept() -> None:
    cards = [{"id": f"other-{n}", "root": f"r{n}"} for n in range(500)] + [BASE]
    listed = listing(cards, "llama")
    assert listed.serves
    assert listed.identity is not None
    assert listed.identity.max_model_len == 8192
    assert len(listed.identity.models) == 100
    assert "llama" in listed.identity.models


@pytest.mark.parametrize(
    ("lora", "length"),
    [
        (LORA, 8192),
        (LORA | {"parent": "gone"}, 8192),  # the base that there is
        (LORA | {"max_model_len": 4096}, 4096),
        (LORA | {"parent": None}, 0),
    ],
)
def test_an_adapter_that_tells_no_length_has_its_bases(lora: dict[str, Any], length: int) -> None:
    listed = listing([BASE, lora], "sql")
    assert listed.serves
    assert listed.identity is not None
    assert listed.identity.max_model_len == length
    wrong = mismatch(listed.identity, Expected("sql", max_model_len=8192), serves=listed.serves)
    assert (wrong is None) is (length == 8192)


def test_samples_may_go_by_the_base_of_an_adapter_and_by_other_names_of_it() -> None:
    names = listing([ALIAS, BASE, LORA, {"id": "other", "root": "/m/other"}], "sql").names
    assert {"sql", "llama", "chat"} <= names
    assert "other" not in names


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        (b'{"data": []}', True),
        (b'{"data": [{"id": ""}]}', False),
        (b'{"data": null}', False),
        (b"{}", False),
        (b"", False),
        (b"<html>", False),
    ],
)
def test_only_an_empty_list_tells_that_nobody_is_there(body: bytes, empty: bool) -> None:
    listed = read_listing(body, None, "m")
    assert (listed.empty, listed.serves, listed.identity) == (empty, False, None)


@pytest.mark.parametrize("length", [100, 199, 200, 201, 1000])
def test_a_name_is_compared_whole_however_it_is_shown(length: int) -> None:
    name = "m" * length
    listed = listing([{"id": name, "root": name}], name)
    assert listed.identity is not None
    assert mismatch(listed.identity, Expected(name), serves=listed.serves) is None
    other = listing([{"id": name, "root": name}], name + "x")
    assert other.identity is not None
    assert mismatch(other.identity, Expected(name + "x"), serves=other.serves) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "root", "parent", "max_model_len", "data"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


cards_of_a_kind = st.fixed_dictionaries(
    {"id": st.text(max_size=3)},
    optional=dict.fromkeys(("root", "parent", "max_model_len"), json_values),
)


@given(st.lists(cards_of_a_kind | json_values, max_size=4))
def test_no_list_raises_whatever_its_cards_are(cards: list[Any]) -> None:
    listed = listing(cards, "m")
    assert listed.identity is None or listed.identity.max_model_len >= 0
