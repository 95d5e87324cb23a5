"""Pages of metrics asked for by the native library, on the event loop: what has ended is told.

The loop watches one descriptor, which stands for all connections. Between the beginning of an
exchange and its end nothing of it happens in Python: connecting, sending, receiving and reading the
numbers of the page are the library's (`native/src/io/exchanges/`).
"""

from __future__ import annotations

import os
from typing import Protocol

from resolverd.abi.exchanges import (
    ConnectionFailed,
    Exchanges,
    ExpectedPage,
    OtherCame,
    PageRead,
    Record,
    Shown,
)
from resolverd.abi.library import why_not
from resolverd.health.probes.polling import Polling

# Exchanges that are seen to at once: each that ends takes some 0.1 ms.
_AT_ONCE = 8


class Asking(Protocol):
    """Who has asked for a page; one of these is called, once, and never by `begin` itself."""

    def page_read(self, read: PageRead) -> object:
        """The page is there."""

    def connection_failed(self, failed: ConnectionFailed) -> object:
        """There is no response."""

    def other_came(self, other: OtherCame) -> object:
        """There is something else, and its connection is who asked's."""


class PagePoller(Polling):
    """To be made and closed inside one running event loop. Raises OSError where it cannot be."""

    def __init__(self) -> None:
        self._exchanges = Exchanges()
        self._asking: dict[int, Asking] = {}
        super().__init__(self._exchanges.descriptor)

    @staticmethod
    def available() -> bool:
        """Whether there is the library that it takes."""
        return why_not() is None

    def begin(self, page: ExpectedPage, asking: Asking) -> int:
        """Ask for `page`; the number to cancel it by. Raises OSError."""
        number = self._exchanges.begin(page)
        self._asking[number] = asking
        return number

    def cancel(self, number: int) -> Shown:
        """End it, whatever it has shown so far; nobody is called any more."""
        if self._asking.pop(number, None) is None:
            return Shown()
        return self._exchanges.cancel(number)

    def close(self) -> None:
        """End all of them."""
        super().close()
        self._asking.clear()
        self._exchanges.close()

    def look(self, number: int) -> bool:
        """See to what has come of one of them, out of turn; whether anything has."""
        seen, records = self._exchanges.look(number)
        self._tell(records)
        return seen

    def _see_to_some(self) -> bool:
        """See to so many; whether there may be more."""
        seen, records = self._exchanges.turn(_AT_ONCE)
        self._tell(records)
        return seen == _AT_ONCE

    def _tell(self, records: list[Record]) -> None:
        for record in records:
            asking = self._asking.pop(record.number, None)
            try:
                if asking is None:  # it was cancelled in this very turn
                    _drop(record)
                elif isinstance(record, PageRead):
                    asking.page_read(record)
                elif isinstance(record, ConnectionFailed):
                    asking.connection_failed(record)
                else:
                    asking.other_came(record)
            except Exception as defect:  # noqa: BLE001 - of ours: it costs that probe alone
                self._report(defect)


def _drop(record: Record) -> None:
    if isinstance(record, OtherCame) and record.descriptor is not None:
        os.close(record.descriptor)
