"""Seconds counted down: a bar at a terminal, one line in a pipe; on standard output or error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from resolverd.cli.console import out
from resolverd.cli.spans import span


@contextmanager
def waiting(
    what: str, *, quiet: bool = False, console: Console | None = None
) -> Iterator[Callable[[float], None]]:
    """Gives what is to be called with the seconds left, again and again.

    It is shown on `console`, standard output unless another is given.
    """
    console = out() if console is None else console
    if quiet:
        yield _nothing
    elif console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"))
        bar = Progress(*columns, console=console, transient=True)
        bar.add_task(what, total=None, left="")
        try:
            yield lambda left: _advance(bar, left)
        finally:
            if bar.live.is_started:
                bar.stop()
    else:
        yield _Once(what, console)


def _nothing(_left: float) -> None:
    """Show nothing of the time left, where output is for programs."""


class _Once:
    """Tells how long it will take, and then no more."""

    def __init__(self, what: str, console: Console) -> None:
        self._what, self._console, self._announced = what, console, False

    def __call__(self, left: float) -> None:
        if not self._announced and left:
            self._console.print(f"waiting {span(left + 0.5)}: {self._what}", markup=False)
        self._announced = True


def _advance(bar: Progress, left: float) -> None:
    bar.start()  # at the first, so that what is quick shows none
    (shown,) = bar.tasks
    total = shown.total or left
    bar.update(shown.id, total=total, completed=total - left, left=f"{span(left + 0.5)} left")
