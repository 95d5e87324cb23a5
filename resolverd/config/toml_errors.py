"""What Python's TOML reader says is wrong, in an operator's words, and what to write.

`tomllib` says what it expected of a character; who wrote ``ttl = 60s`` wants to hear of quotes.
What is quoted of a line is a key or a plain value, and no value of a line that may not be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from resolverd.config.secrets import shown_line
from resolverd.config.toml_text import DIGITS, NESTED

# Blanks are taken once, by what is possessive: each of them tried as the end of a name or a value
# takes the square of a line of many, and `re` lets no other thread have a turn meanwhile.
_HEADER = re.compile(
    r"\s*+\[\[?+\s*+(?:([A-Za-z0-9_.\"'-]++(?: ++[A-Za-z0-9_.\"'-]++)*+)\s*+|(?<=\s))\]"
)
_PAIR = re.compile(r"\s*+([A-Za-z0-9_.-]++)\s*+=\s*+((?:[^\s#]++|\s++(?=[^\s#]))*+)\s*+(?:#.*)?")
_DURATION = re.compile(r"\d+(?:\.\d+)?(?:ms|s|m|h|d)")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./:-]*|\d+(?:\.\d+){3}(?::\d+|/\d+)?")
# What tomllib says, in words that say what is expected.
_REASONS = {
    "Invalid value": "a value is text in quotes, a number, true, false, a list or a table",
    "Expected newline": "something follows the value",
    "Expected ']": "a table's name stands in [ and ], an element of a list of tables in [[ and ]]",
    "Expected '='": "a key has an = after it",
    "Invalid statement": "a line begins with a key, with [ or with #",
    "Invalid initial character": "a key begins with a letter, a digit, - or _",
    "Unescaped": "a backslash in double quotes is no escape",
    "Illegal character": "a character may not stand here",
    "Unterminated string": "quotes are not closed",
    "Unclosed": "what is open is not closed",
}
_UNREADABLE = {NESTED: "write tables of options", DIGITS: "write a number that the option can be"}
# An escaped quote begins nothing: looking from each on for its partner takes the square of them.
_QUOTED = re.compile(r"""(?<!\\)"(?:\\.|[^"\\])*+"|'[^']*'|#.*""")
_TRIPLE = re.compile(r"\"{3}|'{3}")
_ALONE = re.compile(r"\s*\[\[?[A-Za-z][A-Za-z0-9_. -]*\]?\]\s*")
_TYPOGRAPHIC = "“”„‘’"
_BACKSLASH = "write \\\\, or put the text in single quotes"
_CLOSING = {"[": "]", "{": "}"}
_BOOLEANS = {"yes": "true", "no": "false", "on": "true", "off": "false"}


class Explained(NamedTuple):
    """What is wrong, and what to write; where that is, from 1, if not where the reader stopped."""

    message: str
    hint: str
    column: int | None = None
    line: int | None = None


def explain_toml(text: str, line: int, reason: str) -> Explained:
    """`reason` is tomllib's, without the place; `line` counts from 1."""
    lines = text.split("\n")
    written = lines[line - 1] if line <= len(lines) else ""
    if reason.startswith(("Cannot declare", "Cannot mutate", "Cannot overwrite")):
        return _twice(lines, line, written)
    if reason in _UNREADABLE:
        return Explained(reason, _UNREADABLE[reason])
    if (opened := _opened(lines, line, reason)) is not None:
        return opened
    pair = _PAIR.fullmatch(written)
    if pair is not None and shown_line(written, parsed=False) == written:
        return _value(pair[1], pair[2], reason)._replace(column=pair.start(2) + 1)
    words = next((said for begin, said in _REASONS.items() if reason.startswith(begin)), reason)
    if pair is not None:
        return Explained(f"not TOML: {words}", "write KEY = VALUE, and text in quotes")
    if "Unclosed" in reason or "end of document" in reason.lower():
        return Explained(
            f"not TOML: {words}", "close what is open: each [ and { and quote needs its partner"
        )
    begin = written.lstrip()
    if begin.startswith(("//", ";", "--", "/*")):
        return Explained("a comment begins with #", "write # before it")
    if begin.startswith("["):
        right = "[[TABLE]]" if begin.startswith("[[") else "[TABLE]"
        return Explained("this is no table's name in brackets", f"write {right} on the line alone")
    if "'='" in reason or "=" not in written:
        return Explained("there is no = here, and no [table]", "write KEY = VALUE, or [TABLE]")
    return Explained(f"not TOML: {words}", "write KEY = VALUE; https://toml.io has the syntax")


def _opened(lines: list[str], line: int, reason: str) -> Explained | None:
    """A value above, or in `line`, that is still open there: the reader stops long after it."""
    open_for = 0
    for number in range(min(line, len(lines)), 0, -1):
        written = lines[number - 1]
        plain = _plain(written)
        mark = _TRIPLE.search(written) if reason.startswith("Unterminated") else None
        if mark is not None and len(_TRIPLE.findall(written)) % 2:
            return Explained(
                "the text that begins here is not closed", f"write {mark[0]} at its end",
                mark.start() + 1, number,
            )  # fmt: skip
        balance = sum(map(plain.count, "[{")) - sum(map(plain.count, "]}"))
        pair = _PAIR.fullmatch(plain)
        # What stands where the reader stopped and is no value may open a table of its own.
        open_for += balance if number < line or pair is not None else min(0, balance)
        if pair is not None and open_for > 0 and pair[2][:1] in _CLOSING:
            key = pair[1] if shown_line(written, parsed=False) == written else ""
            if _is_closed(lines, number, pair.start(2)):
                return _in_lines(lines, line, key, reason)
            return Explained(
                f"{key or 'the value'} has a {pair[2][0]} that is not closed",
                f"write {_CLOSING[pair[2][0]]} at its end", pair.start(2) + 1, number,
            )  # fmt: skip
        if number < line and (pair is not None or _HEADER.match(plain)):
            return None
    return None


def _plain(written: str) -> str:
    """A line with blanks for what stands in quotes, and for its comment."""
    return _QUOTED.sub(lambda text: " " * len(text[0]), written)


def _is_closed(lines: list[str], number: int, start: int) -> bool:
    """Whether what opens at `start` of line `number` has its partner before the next key."""
    opened: list[str] = []
    for at, written in enumerate(lines[number - 1 :]):
        plain = _plain(written)
        inside = at > 0 and opened[-1:] == ["["]
        if (inside and _PAIR.fullmatch(plain)) or (at > 0 and _ALONE.fullmatch(plain)):
            return False
        for character in plain if at > 0 else plain[start:]:
            if character in _CLOSING:
                opened.append(character)
            elif opened and character == _CLOSING[opened[-1]]:
                opened.pop()
                if not opened:
                    return True
    return False


def _in_lines(lines: list[str], line: int, key: str, reason: str) -> Explained:
    """A mistake in `line`, in a list or table of several lines that is closed below; of `key`."""
    plain = _plain(lines[line - 1])
    within = f"the list of {key}" if key else "the list"
    if plain.count("{") > plain.count("}"):
        above = _first(lines, line, _HEADER.match)
        header = _HEADER.match(lines[above - 1]) if above and key else None
        name = header[1] if header and _PAIR.fullmatch(plain) else None
        table = f"[{name}.{key}]" if name else "a [TABLE]"
        return Explained(
            "a table in { and } stands in one line",
            f"write {{ KEY = VALUE, KEY = VALUE }} there, or {table} with its keys below",
            plain.rindex("{") + 1,
        )
    if reason.startswith("Unescaped"):
        return Explained(f"{within} has a backslash that is no escape", _BACKSLASH)
    if any(mark in plain for mark in _TYPOGRAPHIC):
        return Explained(f"{within} has typographic quotes", 'write straight ones, "…"')
    if '"' in plain or "'" in plain:
        return Explained(f"{within} has quotes that are not closed", "close them on the same line")
    if comment := re.search(r"(?:^|[\s,])//", plain):
        return Explained("a comment begins with #", "write # before it", comment.end() - 1)
    return Explained(
        f"{within} has elements without quotes, or without a comma between them",
        f'write {key} = ["…", "…"]' if key else 'write ["…", "…"]',
    )


def _twice(lines: list[str], line: int, written: str) -> Explained:
    header = _HEADER.match(written)
    if header is not None:
        before = _first(lines, line, lambda text: (m := _HEADER.match(text)) and m[1] == header[1])
        stands = f"in line {before} already" if before else "here, and is written already above"
        hint = "write its keys there"
        if header[1].endswith("endpoint"):
            hint = f"write [[{header[1]}]] in both places: it is a list of tables"
        return Explained(
            f"[{header[1]}] stands {stands}",
            hint,
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
    if value[0] in _TYPOGRAPHIC:
        return Explained(f"{key} has typographic quotes", f'write straight ones, {key} = "…"')
    if reason.startswith("Unescaped"):
        return Explained(
            f"{key} has a backslash that is no escape",
            _BACKSLASH,
        )
    if value[0] in "\"'" and reason.startswith("Expected newline"):
        return Explained(f"something follows the value of {key}", "write # before a comment")
    if value[0] == "[":
        return Explained(
            f"the list of {key} has elements without quotes, or without a comma between them",
            f'write {key} = ["…", "…"]',
        )
    if value[0] == "{":
        return Explained(
            f"the table of {key} is not one", f"write {key} = {{ KEY = VALUE, KEY = VALUE }}"
        )
    return Explained(
        f"{key} has a value that is neither a number nor text in quotes",
        f'write text in quotes, {key} = "…"; numbers, true and false without',
    )
