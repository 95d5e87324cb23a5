"""What is declared of a log event."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One event; names in one text, separated by blanks.

    `fields` are always there, `optional` ones where they are known. Levels: error, somebody has
    to act, or answers are wrong or absent; warning, somebody should look; info, what happened.
    """

    name: str
    levels: str
    text: str
    fields: str = ""
    optional: str = ""

    @property
    def known(self) -> frozenset[str]:
        """The names of all fields that it may have, required and optional."""
        return frozenset(self.fields.split()) | frozenset(self.optional.split())
