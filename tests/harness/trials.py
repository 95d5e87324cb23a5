"""How many trials of a kind are made: few by default, many under LONG=1.

`make test LONG=1` and `make fuzz` take the many.
"""

from __future__ import annotations

import os

LONG = os.environ.get("LONG", "") not in ("", "0")


def trials(few: int, many: int) -> int:
    """So many trials."""
    return many if LONG else few
