"""How old the rows of one table of round-trip times are, and which say that they are not yet; pure.

A row is as old as it says, or as its file. A time that has not come would be believed as new until
it does, and for as long as `rtt.stale_after` beyond that: by a year that was mistyped, or a clock
that is ahead. What says so is taken for as old as its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

CLOCKS_APART: Final = 300.0
"""Seconds by which the clock of another host may be ahead."""

_HINT = "correct the time, or the clock of the host that wrote it"


class Doubt(NamedTuple):
    """What is doubted of a table's times, at a line of it; 0 for the file itself."""

    line: int
    message: str
    hint: str


class RowTimes:
    """The ages of one file's rows, in seconds; `written` and `now` are in seconds since 1970.

    `of_file` is the file's own age.
    """

    def __init__(self, written: float, now: float) -> None:
        self._now, self._file_ahead = now, written - now
        self.of_file = max(0.0, now - written)
        self._known: dict[str, float] = {}
        self._rows, self._line, self._ahead = 0, 0, 0.0

    def since(self, text: str) -> float:
        """Seconds since the time of an ISO 8601 text, in UTC unless it says otherwise.

        Raises ValueError or OverflowError for what is none.
        """
        known = self._known.get(text)
        if known is None:
            time = datetime.fromisoformat(text.strip())
            known = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
            self._known[text] = known
        return self._now - known

    def is_time(self, text: str) -> bool:
        """Whether it is such a text."""
        try:
            self.since(text)
        except (ValueError, OverflowError):
            return False
        return True

    def ahead(self, age: float, line: int) -> float:
        """The age of a row whose own is below 0."""
        if age >= -CLOCKS_APART:
            return 0.0
        if not self._rows:
            self._line, self._ahead = line, -age
        self._rows += 1
        return self.of_file

    def doubts(self, *, by_file: bool) -> Iterator[Doubt]:
        """What is ahead; with `by_file` rows without a time of their own are as old as the file.

        It may be ahead too, and a row that is ahead is then as new as it.
        """
        if self._rows:
            rows = "one row is" if self._rows == 1 else f"{self._rows} rows are"
            message = (
                f"{rows} of a time that has not come, this one by {_span(self._ahead)}, and taken "
                "for as old as the file"
            )
            yield Doubt(self._line, message, _HINT)
        if (by_file or self._rows) and self._file_ahead > CLOCKS_APART:
            message = (
                f"it was written {_span(self._file_ahead)} from now by its own time, and its rows "
                "are taken for new until then"
            )
            yield Doubt(0, message, "see that this host's clock is right, and then touch the file")


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"
