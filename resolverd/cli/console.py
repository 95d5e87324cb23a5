"""Where the verbs print: rich tables at a terminal, plain text when piped."""

from __future__ import annotations

import sys

from rich.console import Console


def out() -> Console:
    """Standard output; no colour and no wrapping at 80 columns when it is not a terminal."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def complain(text: str) -> None:
    """One message on standard error, red at a terminal, its own line breaks kept."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(text, style="red" if sys.stderr.isatty() else None, markup=False)
