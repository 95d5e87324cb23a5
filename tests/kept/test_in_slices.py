"""What is kept of thousands of endpoints is written as JSON that says the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.kept.keeper import in_slices

NAMES = st.text(max_size=3)
VALUES = st.none() | st.integers() | NAMES | st.dictionaries(NAMES, st.integers(), max_size=2)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.integers(0, 250))
def test_the_document_is_the_same_however_many_entries_it_has(
    document: dict[str, object], many: int
) -> None:
    document["many"] = {f"t{number}": {"b": number, "a": None} for number in range(many)}
    assert json.loads(asyncio.run(in_slices(document))) == document


async def test_others_have_their_turn_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolverd.turns.SLICE", 0.0)  # however fast a machine is
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await in_slices({"verdicts": {str(number): number for number in range(2000)}})
    counting.cancel()
    assert turns > 10


def test_entries_are_made_some_at_a_time_of_what_is_written_of_them() -> None:
    sizes = []

    def made(some: Mapping[str, int]) -> str:
        sizes.append(len(some))
        return json.dumps({name: f"#{number}" for name, number in some.items()})[1:-1]

    document = {"verdicts": {str(number): number for number in range(250)}, "shares": {"a": 1}}
    written = json.loads(asyncio.run(in_slices(document, {"verdicts": made})))
    assert written == {
        "verdicts": {str(number): f"#{number}" for number in range(250)},
        "shares": {"a": 1},
    }
    assert sizes == [100, 100, 50]
