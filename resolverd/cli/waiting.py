"""Seconds counted down: a bar at a terminal, one line in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from resolverd.cli.console import out
from resolverd.cli.spans import span


@contextmanager
def waiting(what: str, *, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """Gives what is to be called with the seconds left, again and again."""
    if quiet:
        yield _nothing
    elif sys.stdout.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
        with Progress(*columns, console=out(), transient=True) as bar:
            bar.add_task(what, total=None, left="")
            yield lambda left: _advance(bar, left)
    else:
        yield _Once(what)


def _nothing(_left: float) -> None:
    """Show nothing of the time left, where output is for programs."""


class _Once:
    """Tells how long it will take, and then no more."""

    def __init__(self, what: str) -> None:
        self._what, self._announced = what, False

    def __call__(self, left: float) -> None:
        if not self._announced and left:
            out().print(f"waiting {span(left + 0.5)}: {self._what}", markup=False)
        self._announced = True


def _advance(bar: Progress, left: float) -> None:
    (shown,) = bar.tasks
    total = shown.total or left
    bar.update(shown.id, total=total, completed=total - left, left=f"{span(left + 0.5)} left")
