"""When an edit is finished: pure, from what the files hold and a reading of the clock.

An edit is taken once all files have been the same, in size, times and content, for `settle`
seconds. A file that never rests holds up the others; `PendingEdit.began` says for how long.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from resolverd.files.reading import FileState


class EditState(Enum):
    """How an edit stands."""

    UNCHANGED = "the files hold what was tried last"
    UNSETTLED = "they hold something else, but not for long enough"
    SETTLED = "they have held something else for long enough"


class PendingEdit(NamedTuple):
    """An edit that is not settled: the files as they are `since` then, and when it `began`.

    Both times are monotonic seconds."""

    found: Mapping[str, FileState]
    since: float
    began: float


def edit_state(
    pending: PendingEdit | None,
    found: Mapping[str, FileState],
    tried: Mapping[str, str],
    now: float,
    settle: float,
) -> tuple[PendingEdit | None, EditState]:
    """How the edit stands that makes the files as `found`, and what to pass as `pending` next time.

    `tried` are the contents that were adopted or refused last, by path; `now` and `settle` are
    seconds, `now` of the monotonic clock.
    """
    if not differing(found, tried):
        return None, EditState.UNCHANGED
    if pending is None or pending.found != found:
        pending = PendingEdit(found, now, now if pending is None else pending.began)
    finished = now - pending.since >= settle
    return pending, EditState.SETTLED if finished else EditState.UNSETTLED


def differing(found: Mapping[str, FileState], tried: Mapping[str, str]) -> list[str]:
    """The files that do not hold what was tried, sorted.

    So is a directory that could not be listed (its name ends with a slash) and is not found now.
    """
    listed = {path for path in tried if path.endswith("/") and path not in found}
    return sorted(
        listed.union(path for path, seen in found.items() if seen.content != tried.get(path))
    )
