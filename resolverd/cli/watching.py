"""Looking again and again: in place at a terminal, one block after another in a pipe.

A look that fails is shown as such, and the next one is made all the same: a daemon may be
restarted meanwhile. Interrupting ends it well, and so does a reader who leaves.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from resolverd.cli.console import watched_out
from resolverd.errors import ResolverdError

_HOME, _TO_LINE_END, _TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"


def watch(render: Callable[[], str], interval: float) -> None:
    """Show what `look` returns, every `interval` seconds, until interrupted.

    The first look may raise ResolverdError; a later one's error is shown.
    """
    console = watched_out()
    try:
        text = render()
        if console.is_terminal:
            sys.stdout.write(_HOME + _TO_SCREEN_END)
        while True:
            stamp = datetime.now(UTC).isoformat(timespec="seconds")
            block = f"{stamp}, every {interval:g} s, Ctrl-C ends\n\n{text}"
            if console.is_terminal:
                sys.stdout.write("".join(_in_place(block.split("\n"), console.height)))
            else:
                sys.stdout.write(block + "\n\n")
            sys.stdout.flush()
            time.sleep(interval)
            text = _rendered(render)
    except KeyboardInterrupt:
        sys.stdout.write("\n" if console.is_terminal else "")


def _rendered(render: Callable[[], str]) -> str:
    try:
        return render()
    except ResolverdError as error:
        return f"no answer: {error}"


def _in_place(lines: list[str], height: int) -> Iterator[str]:
    """Lines over those of the last look; what has no room on the screen is counted."""
    room = max(2, height) - 1
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], f"… {hidden} lines more than the terminal is high"]
    yield _HOME
    for line in lines:
        yield f"{line}{_TO_LINE_END}\n"
    yield _TO_SCREEN_END
