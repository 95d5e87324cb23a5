"""When an edit is finished: pure, from what the files hold and a reading of the clock.

An edit is taken once all files have been the same, in size, times and content, for `settle`
seconds. A file that never rests holds up the others; whoever asks is told for how long.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from resolverd.files.reading import Seen


class Decision(Enum):
    """What to do now."""

    REST = "the files hold what was tried last"
    WAIT = "they hold something else, but not for long enough"
    ADOPT = "they have held something else for long enough"


class Waiting(NamedTuple):
    """An edit that is waited for: the files, since when they are so, and since when we wait."""

    found: Mapping[str, Seen]
    since: float
    began: float


def judge(
    waiting: Waiting | None,
    found: Mapping[str, Seen],
    tried: Mapping[str, str],
    now: float,
    settle: float,
) -> tuple[Waiting | None, Decision]:
    """What to do about the files as `found`, and what to remember until they are scanned again.

    `tried` are the contents that were adopted or refused last, by path; `now` is monotonic.
    """
    if not differing(found, tried):
        return None, Decision.REST
    if waiting is None or waiting.found != found:
        waiting = Waiting(found, now, now if waiting is None else waiting.began)
    finished = now - waiting.since >= settle
    return waiting, Decision.ADOPT if finished else Decision.WAIT


def differing(found: Mapping[str, Seen], tried: Mapping[str, str]) -> list[str]:
    """The files that do not hold what was tried, sorted."""
    return sorted(path for path, seen in found.items() if seen.content != tried.get(path))
