"""Values of kept documents: written, and read without trust. Each raises ValueError for others."""

from __future__ import annotations

import math
from typing import Any

from resolverd.policy.share import Positions


def placed(positions: Positions) -> dict[str, Any]:
    """Where blocks stand; the draws of heavy blocks as text, since JSON's keys are."""
    return {
        "bins": list(positions.bins),
        "heavy": {
            str(word): [position, positions.weights.get(word, 0.0)]
            for word, position in positions.heavy.items()
        },
    }


def placed_read(record: Any) -> Positions:
    """What `placed` wrote."""
    bins = tuple(ratio(position) for position in record["bins"])
    heavy = {
        int(word): [ratio(number) for number in pair] for word, pair in record["heavy"].items()
    }
    if not bins or any(len(pair) != 2 for pair in heavy.values()):
        raise ValueError("it is damaged: blocks are placed otherwise")
    if not all(0 <= word < 1 << 64 for word in heavy):
        raise ValueError("it is damaged: a block is none")
    return Positions(
        bins,
        {word: position for word, (position, _) in heavy.items()},
        {word: weight for word, (_, weight) in heavy.items()},
    )


def ratio(value: Any) -> float:
    """A number from 0 to 1."""
    found = number(value)
    if not 0 <= found <= 1:
        raise ValueError("it is damaged: a position is not between 0 and 1")
    return found


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"it is damaged: {value!r} is no number")
    return float(value)


def count(value: Any) -> int:
    """A whole number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"it is damaged: {value!r} is no count")
    return value


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError(f"it is damaged: {value!r} is no text")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"it is damaged: {value!r} is neither true nor false")
    return value
