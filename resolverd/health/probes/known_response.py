"""The response that an endpoint gave last, to tell at a glance that it has given it again; pure.

What a response says hangs on its octets alone, and on none of those of its Date's value as long as
these are visible ASCII. So one that differs in no more than that says what the last one said, and
is not parsed. Only a response that came whole in one segment can be told so.
"""

from __future__ import annotations

import re

# Octets of a response that is remembered; that of a health check is far shorter.
MAX_KNOWN = 4096

_DATE = re.compile(rb"\r\nDate:[ \t]*([\x20-\x7e]*)\r\n", re.I)
_VISIBLE = re.compile(rb"[\x20-\x7e]*")


class KnownResponse:
    """`octets` are those of a whole response, whose head ends before `end`."""

    __slots__ = ("_after", "_before", "_from", "_length", "_octets", "_to")

    def __init__(self, octets: bytes, end: int) -> None:
        found = _DATE.search(octets, 0, end)
        self._octets, self._length = octets, len(octets)
        self._from, self._to = found.span(1) if found else (0, 0)
        self._before, self._after = octets[: self._from], octets[self._to :]

    def again(self, received: bytes) -> bool:
        """Whether `received` says the same, as far as can be told at a glance."""
        if received == self._octets:
            return True
        return (
            self._from > 0
            and len(received) == self._length
            and received.startswith(self._before)
            and received.endswith(self._after)
            and _VISIBLE.fullmatch(received, self._from, self._to) is not None
        )
