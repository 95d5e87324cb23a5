"""Long work on the event loop, a little at a time: a verdict may wait for the loop's next turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

SLICE = 0.001
"""Seconds of work after which others have their turn: a few times as long as most of it takes."""


async def in_turns(steps: Generator[None, None, T]) -> T:
    """Run `steps` to its end and return its value, with turns of the loop in between.

    It yields wherever it can be left for a turn, in which all that it works on may change.
    """
    until = time.monotonic() + SLICE
    try:
        while True:
            next(steps)
            if time.monotonic() >= until:
                await asyncio.sleep(0)
                until = time.monotonic() + SLICE
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        steps.close()


def at_once(steps: Generator[None, None, T]) -> T:
    """The same without a turn of anybody else, for who cannot wait."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        value: T = end.value
        return value
