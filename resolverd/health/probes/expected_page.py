"""The page of metrics that a server is expected to have next, as the native library asks for it."""

from __future__ import annotations

from resolverd.abi.exchanges import ExpectedPage
from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.vllm_layout import Layout


class PageExpectation:
    """That of one server, which is nearly always the one before again."""

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._request: PlainRequest | None = None
        self._address = ""
        self._page: ExpectedPage | None = None

    def page(self, layout: Layout, request: PlainRequest, address: str) -> ExpectedPage | None:
        """What to ask for; None where the library cannot, as of very many series."""
        known = layout is self._layout and request is self._request
        if not known or address != self._address:
            self._layout, self._request, self._address = layout, request, address
            self._page = _expected(layout, request, address)
        return self._page


def _expected(layout: Layout, request: PlainRequest, address: str) -> ExpectedPage | None:
    if layout.native is None:
        return None
    try:
        return ExpectedPage(address, request.port, request.octets, layout.native)
    except ValueError:
        return None
