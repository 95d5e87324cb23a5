"""What single lines of a zone's files said, so that a line is read once and not at each edit.

What a line says depends on its text and on the origin, and on nothing else: what it leaves out
(owner, TTL) is inherited after it was read. A load takes from the `Lines` of the load before, and
makes its own, which holds what its files still say and nothing more. Records of unchanged
lines are therefore the very same objects, by which later stages know what has not changed.
"""

from __future__ import annotations

import dns.name

from resolverd.zone.record import RecordFields


class Lines:
    """Records by the text of their lines, for each origin that they were read with."""

    def __init__(self) -> None:
        self._read: dict[tuple[bytes, ...], dict[str, RecordFields]] = {}

    def under(self, origin: dns.name.Name) -> dict[str, RecordFields]:
        """Those that were read with this origin, spelled so; the reader adds to them."""
        return self._read.setdefault(origin.labels, {})
