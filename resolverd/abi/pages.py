"""Pages of metrics, read by the native library (`native/src/ffi/pages.rs`)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from ctypes import addressof, c_char

from resolverd.abi.contract import Numbers
from resolverd.abi.library import Span, library, release_after


class PageLayout:
    """That of pages whose samples of `names` are just `series`, in this order.

    Neither has a line feed, and a name has eight octets at least, else this raises ValueError; and
    RuntimeError as `library` does.
    """

    def __init__(self, names: Sequence[bytes], series: Sequence[bytes]) -> None:
        lines = _lines(names), _lines(series)
        handle = library().resolverd_layout_new(*map(Span.of, lines))
        if handle is None:
            raise ValueError("a name that is too short")
        self.handle: int = handle
        self.series = len(series)
        release_after(self, library().resolverd_layout_release, handle)


class SeriesReader:
    """Reads the values of pages of a layout."""

    def __init__(self, layout: PageLayout) -> None:
        self._read, self._layout = library().resolverd_page_read, layout
        self._values = array("d", bytes(8 * layout.series))
        self._room = Numbers(*self._values.buffer_info())

    def read(self, page: bytes) -> Sequence[float] | None:
        """The values; None where the page looks otherwise, or one is not plainly a number.

        Until the next call, which writes over them.
        """
        count = self._read(Span(page, len(page)), self._layout.handle, self._room)
        return self._values if count == len(self._values) else None

    def read_in(self, room: bytearray | memoryview, begin: int, end: int) -> Sequence[float] | None:
        """As `read`, of the page that lies from `begin` to `end`, not before it, in `room`."""
        if begin == end:
            return self.read(b"")
        lent = c_char.from_buffer(room, begin)
        span = Span(addressof(lent), end - begin)
        count = self._read(span, self._layout.handle, self._room)
        return self._values if count == len(self._values) else None


def _lines(texts: Sequence[bytes]) -> bytes:
    return b"".join([text + b"\n" for text in texts])
