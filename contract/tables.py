"""All that is declared, and every file that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from contract import codes


class Tables(NamedTuple):
    """Every group of rows."""

    codes: codes.Codes = codes.CODES


OUTPUTS: Mapping[str, Callable[[Tables], str]] = {
    "resolverd/dns/codes.py": lambda tables: codes.python(tables.codes),
    "native/src/wire/codes.rs": lambda tables: codes.rust(tables.codes),
}
"""What makes each generated file, by its path from the top."""


def written(tables: Tables | None = None) -> dict[str, str]:
    """The text of each generated file. Raises ValueError where rows contradict one another."""
    given = Tables() if tables is None else tables
    return {path: make(given) for path, make in OUTPUTS.items()}
