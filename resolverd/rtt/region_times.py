"""What an edge keeps of one region: its own row, and those of the region's pages; pure.

What a page said before holds on, and only ages, while the page cannot be read; and so it is over a
restart, until each page of the region has been read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from typing import NamedTuple

from resolverd.rtt.kept_table import KeptRow, Rows, differs, joined
from resolverd.rtt.page_reading import PageRows

MAX_KEPT = 1_000_000
"""Rows of the table at most, shared out evenly among the regions that have pages."""


class PageContent(NamedTuple):
    """What a page says, and of when that is, in Unix seconds; None where it was never read."""

    rows: PageRows
    as_of: float | None


class RegionTimes(NamedTuple):
    """All that is known of one region. `own` is this edge's row; None where there is none.

    `implausible` is whether what the edge measures now is not believed, so that no row of it holds.
    """

    own: KeptRow | None
    implausible: bool
    pages: Sequence[PageContent]

    def same_but_for_age(self, other: RegionTimes) -> bool:
        """Whether `other` says the same, but for ages and jitter."""
        mine, theirs = self.own, other.own
        if (mine is None) != (theirs is None) or self.implausible != other.implausible:
            return False
        if mine is not None and theirs is not None and differs(mine.ms, theirs.ms):
            return False
        if len(self.pages) != len(other.pages):
            return False
        pairs = zip(self.pages, other.pages, strict=True)
        return all(
            one.rows is another.rows and (one.as_of is None) == (another.as_of is None)
            for one, another in pairs
        )


def rows_to_keep(
    known: RegionTimes, earlier: Rows, landmark: str, oldest: float, most: int = MAX_KEPT
) -> dict[str, KeptRow]:
    """The rows to keep, at most so many, none from before `oldest` (Unix seconds).

    `earlier` are those kept last, `landmark` is how a table names this edge.
    """
    rows: dict[str, KeptRow] = {}
    if any(page.as_of is None for page in known.pages):
        networks = ((where, row) for where, row in earlier.items() if "/" in where)
        rows = {where: row for where, row in networks if row.measured >= oldest}
    fresh: dict[str, KeptRow] = {}
    for where, row in _said(known.pages, oldest):
        fresh[where] = joined(fresh[where], row) if where in fresh else row
    rows |= fresh
    if len(rows) > most:
        kept = set(nlargest(most, rows, key=lambda where: (rows[where].samples, where)))
        rows = {where: row for where, row in rows.items() if where in kept}
    own = known.own or (None if known.implausible else earlier.get(landmark))
    if own is not None and own.measured >= oldest:
        rows = {landmark: own, **rows}
    return rows


def _said(pages: Iterable[PageContent], oldest: float) -> Iterable[tuple[str, KeptRow]]:
    for content, as_of in pages:
        if as_of is None:
            continue
        for where, ms, clients, age in content.unpacked():
            if as_of - age >= oldest:
                yield where, KeptRow(ms, clients, as_of - age)
