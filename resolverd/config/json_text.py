"""A fragment in JSON, as tools write it (Terraform's `jsonencode`), read as TOML is: values, and
where each key stands.

What TOML does not have, or only by accident, is refused: a key twice in one object, NaN and
infinity, null, and anything but an object at the top.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NoReturn

from resolverd.config.positions import KeyPosition, Path, Position

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\s]+")


class JsonError(Exception):
    """The text is no fragment, with where (from 1), why, and what to write."""

    def __init__(self, at: Position, message: str, hint: str) -> None:
        super().__init__(message)
        self.at, self.message, self.hint = at, message, hint


def parse(text: str) -> tuple[dict[str, Any], Mapping[Path, KeyPosition]]:
    """The object, and where each of its keys and elements stands. Raises JsonError."""
    try:
        tree = json.loads(text, parse_constant=_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        at = Position(error.lineno, error.colno)
        raise JsonError(at, f"not JSON: {error.msg}", "see that a JSON reader takes it") from None
    except _ConstantError as error:
        raise JsonError(Position(1, 1), str(error), "write a number") from None
    except RecursionError:
        raise _nested() from None
    except ValueError:  # of Python, which converts no number of more than 4,300 digits
        raise JsonError(Position(1, 1), "a number has too many digits", "shorten it") from None
    if not isinstance(tree, dict):
        raise JsonError(
            Position(1, 1), "not an object", 'write {"region": {…}}, as the tables of TOML'
        )
    scan = _Scan(text)
    try:
        scan.value(())
    except RecursionError:
        raise _nested() from None
    return tree, scan.found


def _nested() -> JsonError:
    return JsonError(Position(1, 1), "nested too deeply", "write tables of options")


class _ConstantError(Exception):
    pass


def _constant(name: str) -> NoReturn:
    raise _ConstantError(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise _ConstantError(f"{text} is too large for a number")
    return number


class _Scan:
    """One pass over a text that is valid JSON, for positions and for what `json` lets pass."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, KeyPosition] = {}
        self._starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def value(self, path: Path) -> None:
        self._skip_blank()
        match self.text[self.at]:
            case "{":
                self._object(path)
            case "[":
                self._array(path)
            case '"':
                self._step(_STRING)
            case _:
                start = self._position()
                if self._step(_SCALAR) == "null":
                    raise JsonError(start, "null is no value", "leave the key out")

    def _object(self, path: Path) -> None:
        while self._enter("}"):
            key_at = self._position()
            key = json.loads(self._step(_STRING))
            if (*path, key) in self.found:
                raise JsonError(key_at, f'"{key}" stands twice in one object', "write it once")
            self._skip_blank()
            self.at += 1  # the colon
            self._skip_blank()
            self.found[(*path, key)] = KeyPosition(key_at, self._position())
            self.value((*path, key))

    def _array(self, path: Path) -> None:
        index = 0
        while self._enter("]"):
            at = self._position()
            self.found[(*path, index)] = KeyPosition(at, at)
            self.value((*path, index))
            index += 1

    def _enter(self, closing: str) -> bool:
        """Step over the opening bracket or the comma to the next member; False past the last."""
        if self.text[self.at] != closing:
            self.at += 1
        self._skip_blank()
        if self.text[self.at] == closing:
            self.at += 1
            return False
        return True

    def _step(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the text is valid JSON"
        self.at = match.end()
        return match.group()

    def _skip_blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _position(self) -> Position:
        line = bisect_right(self._starts, self.at)
        return Position(line, self.at - self._starts[line - 1] + 1)
