"""What can be read of a main file whatever is wrong with it: its tables, or a single option.

It loads nothing of the model: those who ask a running process start with this.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resolverd.config.toml_text import loads, parsed
from resolverd.files.reading import MAX_CONFIG, read_file

# Lines above a mistake that are left out one by one until the rest is TOML. More would cost a check
# of a large broken file its time; fewer would lose what stands above a long list.
_MAX_CUTS = 200


def said(path: Path, table: str, key: str, overrides: Sequence[tuple[str, Any]] = ()) -> Any:
    """What `--set`, or else the main file, says of `table.key`; None where neither does.

    Where keys are written is not looked for: that would cost two seconds where there are 2,000
    regions. Blocks.
    """
    for name, value in reversed(overrides):
        if name == f"{table}.{key}":
            return value
    tree, _ = tables_read(path)
    found = tree.get(table)
    return found.get(key) if isinstance(found, dict) else None


def tables_read(path: Path) -> tuple[dict[str, Any], bool]:
    """What of a file is TOML in UTF-8, and whether that is all of it; none of one not to be read.

    Of one with a mistake it is what stands whole above that; octets that are not UTF-8 are U+FFFD
    in it. Blocks.
    """
    text, whole = _text(path)
    try:
        return parsed(text), whole
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        return tables_above(text, int(at[1]) if at else text.count("\n") + 2), False


def tables_of_whole(path: Path) -> dict[str, Any] | None:
    """What a file says; None where it cannot be read, or is not TOML in UTF-8 to its end.

    It does not look for what stands above a mistake, which may take 200 times as long. Blocks.
    """
    text, whole = _text(path)
    try:
        return parsed(text) if whole else None
    except tomllib.TOMLDecodeError:
        return None


def _text(path: Path) -> tuple[str, bool]:
    """What a file says, and whether all of it is UTF-8; nothing of one that cannot be read."""
    try:
        content = read_file(path, MAX_CONFIG)
    except OSError:
        return "", False
    try:
        text, whole = content.decode(), True
    except UnicodeDecodeError:
        text, whole = content.decode(errors="replace"), False
    return text.removeprefix("\ufeff"), whole


def tables_above(text: str, line: int) -> dict[str, Any]:
    """The tables of a TOML text that stand whole above the mistake in `line`, counted from 1."""
    lines = text.split("\n")
    last = min(line - 1, len(lines))
    for end in range(last, max(-1, last - _MAX_CUTS), -1):
        try:
            return loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # the mistake lies in an array or a string of several lines
    return {}
