"""Reads a page in one go that the daemon reads in steps, with the event loop's turns between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def at_once(steps: Generator[None, None, T]) -> T:
    """Run `steps` to its end and return its value."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        value: T = end.value
        return value
