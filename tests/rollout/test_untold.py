"""Which edges of a fleet do not obey a drain, by what a daemon answered."""

from __future__ import annotations

from typing import Any

import pytest

from resolverd.rollout.withdrawal import untold


def fleet(*, pending: bool = False, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """How far a word has come."""
    return {"scope": "all", "pending": pending, "edges": ["fra1"], "without": list(without)}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, ""),
        ({"fleet": None}, ""),
        ({"fleet": fleet()}, ""),
        ({"fleet": fleet(without=("ams1",))}, "not obeyed yet by 1 edge: ams1"),
        ({"fleet": fleet(without=("a", "b"))}, "not obeyed yet by 2 edges: a, b"),
        (
            {"fleet": fleet(pending=True, without=("ams1",))},
            "said here only, for NATS is away: it is told once that is back; "
            "not told: 1 edge: ams1",
        ),
        (
            {"fleet": fleet(pending=True)},
            "said here only, for NATS is away: it is told once that is back; not told: no edge",
        ),
    ],
)
def test_an_edge_that_does_not_obey_is_named(answer: dict[str, Any], says: str) -> None:
    assert untold(answer) == says
