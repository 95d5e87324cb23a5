"""The exception tree, the exit codes, and `Problem`: one finding in a file an operator wrote.

An error is treated by its consequence (docs/architecture.md): fatal at start, reported
and survived while running, counted and answered per packet. Everything raised on purpose
derives from `ResolverdError`; whatever else escapes is a defect of ours.
"""

from __future__ import annotations

import traceback
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Severity = Literal["error", "warning"]


class ExitCode(IntEnum):
    """What each exit status of the command line means."""

    OK = 0
    PROBLEMS = 1
    USAGE = 2
    UNAVAILABLE = 3
    INTERNAL = 70


# Characters of a line that are shown with a caret, of longer ones an excerpt around it: a list of
# 255 regions may be one line, and a terminal that wraps it would part the caret from its place.
_MAX_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a file: where it is, what is wrong, and how to fix it.

    `line` and `column` count from 1; 0 means the finding is about the whole file.
    `id` is stable and searchable (``zone-missing-soa``); `source` is the line's own text.
    """

    file: str
    line: int
    column: int
    id: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    source: str = ""

    def __str__(self) -> str:
        """``file:line:column: id: message``, the line with a caret, and the hint."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        rows = [f"{place}: {self.id}: {self.message}"]
        if self.source:
            shown, before = _excerpt(self.source, max(0, self.column - 1))
            rows += [f"    {shown}", f"    {''.join(map(_blank, shown[:before]))}^"]
        if self.hint:
            rows.append(f"    hint: {self.hint}")
        return "\n".join(rows)


def _excerpt(source: str, before: int) -> tuple[str, int]:
    """What of a line is shown, and how many characters of that stand before the caret."""
    if len(source) <= _MAX_SHOWN:
        return source, before
    begin = max(0, min(before - _MAX_SHOWN // 2, len(source) - _MAX_SHOWN))
    left = "…" if begin else ""
    right = "…" if begin + _MAX_SHOWN < len(source) else ""
    return f"{left}{source[begin : begin + _MAX_SHOWN]}{right}", before - begin + len(left)


def _blank(character: str) -> str:
    """As much space as a character takes: a tab a tab, a wide one two, one that combines none."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return ""
    return "  " if unicodedata.east_asian_width(character) in {"W", "F"} else " "


def errors_among(problems: Iterable[Problem]) -> list[Problem]:
    """Those problems that forbid adoption; the others are warnings."""
    return [p for p in problems if p.severity == "error"]


class ResolverdError(Exception):
    """Root of every error that resolverd raises on purpose."""

    exit_code = ExitCode.UNAVAILABLE


class ProblemsError(ResolverdError):
    """Files were read and found wrong; carries every problem, not just the first."""

    exit_code = ExitCode.PROBLEMS

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class DefectError(ResolverdError):
    """A defect of ours met files, which are refused for it; the message says which defect."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, what: str, defect: Exception) -> None:
        super().__init__(f"a defect of resolverd met {what}: {defect!r}")


def where_met(defect: Exception) -> str:
    """A defect of ours in a line: what was raised, and in which function."""
    *_, frame = traceback.extract_tb(defect.__traceback__)
    return f"{defect!r} in {frame.name}"


class ConfigError(ProblemsError):
    """The TOML configuration cannot be served; `problems` say why, with file and line."""


class GeoError(ResolverdError):
    """A geographic database is broken, truncated, or of a type that has no places."""

    exit_code = ExitCode.PROBLEMS


class PlanError(ResolverdError):
    """A compiled Plan failed its verification, and is not served; the message says where."""

    exit_code = ExitCode.PROBLEMS


class EngineError(ResolverdError):
    """The engine cannot start or has died: an address in use, a worker gone."""
