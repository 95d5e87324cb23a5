"""What Python's TOML reader says is wrong, in an operator's words, and what to write.

`tomllib` says what it expected of a character; who wrote ``ttl = 60s`` wants to hear of quotes.
What is quoted of a line is a key or a plain value, and no value of a line that may not be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from resolverd.config.secrets import shown_line

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\"' -]+?)\s*\]")
_PAIR = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(.*?)\s*(?:#.*)?")
_DURATION = re.compile(r"\d+(?:\.\d+)?(?:ms|s|m|h|d)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./:-]*|\d+(?:\.\d+){3}(?::\d+|/\d+)?")
_BOOLEANS = {"yes": "true", "no": "false", "on": "true", "off": "false"}


class Explained(NamedTuple):
    """What is wrong, and what to write; the column of what is, from 1, where that is known."""

    message: str
    mend: str
    column: int | None = None


def explain_toml(text: str, line: int, reason: str) -> Explained:
    """`reason` is tomllib's, without the place; `line` counts from 1."""
    lines = text.split("\n")
    written = lines[line - 1] if line <= len(lines) else ""
    if reason.startswith(("Cannot declare", "Cannot mutate", "Cannot overwrite")):
        return _twice(lines, line, written)
    pair = _PAIR.fullmatch(written)
    if pair is not None and shown_line(written, parsed=False) == written:
        return _value(pair[1], pair[2], reason)._replace(column=pair.start(2) + 1)
    if pair is not None:
        return Explained(f"not TOML: {reason}", "write KEY = VALUE, and text in quotes")
    if "Unclosed" in reason or "end of document" in reason.lower():
        return Explained(
            f"not TOML: {reason}", "close what is open: each [ and { and quote needs its partner"
        )
    if "'='" in reason or "=" not in written:
        return Explained("there is no = here, and no [table]", "write KEY = VALUE, or [TABLE]")
    return Explained(f"not TOML: {reason}", "write KEY = VALUE; https://toml.io has the syntax")


def _twice(lines: list[str], line: int, written: str) -> Explained:
    header = _HEADER.match(written)
    if header is not None:
        before = _first(lines, line, lambda text: (m := _HEADER.match(text)) and m[1] == header[1])
        stands = f"in line {before} already" if before else "here, and is written already above"
        mend = "write its keys there"
        if header[1].endswith("endpoint"):
            mend = f"write [[{header[1]}]] in both places: it is a list of tables"
        return Explained(
            f"[{header[1]}] stands {stands}",
            mend,
            header.start(1) + 1,
        )
    pair = _PAIR.fullmatch(written)
    key = pair[1] if pair and shown_line(written, parsed=False) == written else "the key"
    before = _first(lines, line, lambda text: (m := _PAIR.fullmatch(text)) and m[1] == key)
    stands = f"in line {before} already" if before else "already"
    column = pair.start(1) + 1 if pair else None
    return Explained(f"{key} is set {stands}", "keep one of them", column)


def _first(lines: list[str], line: int, wanted: Callable[[str], object]) -> int | None:
    """The nearest line above `line` that is wanted, counted from 1."""
    return next((number for number in range(line - 1, 0, -1) if wanted(lines[number - 1])), None)


def _value(key: str, value: str, reason: str) -> Explained:
    if not value:
        return Explained(f"{key} has no value", f"write one after {key} =, or remove the line")
    if value.lower() in {"true", "false", *_BOOLEANS}:
        right = _BOOLEANS.get(value.lower(), value.lower())
        return Explained(f"{key} = {value} is neither true nor false", f"write {key} = {right}")
    if _DURATION.fullmatch(value) or _WORD.fullmatch(value):
        return Explained(f"{key} has a value without quotes", f'write {key} = "{value}"')
    if value.count('"') % 2 or (value.count("'") % 2 and '"' not in value):
        return Explained(f"the quotes of {key} are not closed", "close them on the same line")
    if value[0] in "[{" and "Unclosed" in reason:
        closing = "]" if value[0] == "[" else "}"
        return Explained(
            f"{key} has a {value[0]} that is not closed", f"write {closing} at its end"
        )
    return Explained(
        f"the value of {key} is not TOML: {reason}",
        f'write text in quotes, {key} = "…"; numbers, true and false without',
    )
