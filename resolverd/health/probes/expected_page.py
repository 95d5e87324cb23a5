"""The page of metrics that a server is expected to have next, as the native library asks for it."""

from __future__ import annotations

from resolverd.abi.exchanges import ExpectedPage
from resolverd.health.probes.plain_request import PlainRequest
from resolverd.health.probes.vllm_layout import KnownLayout, Layout


class PageExpectation:
    """That of one server, which is nearly always the one before again."""

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._names: frozenset[str] = frozenset()
        self._request: PlainRequest | None = None
        self._address = ""
        self._page: tuple[Layout, ExpectedPage] | None = None

    def page(
        self, known: KnownLayout, names: frozenset[str], request: PlainRequest, address: str
    ) -> tuple[Layout, ExpectedPage] | None:
        """What to ask for, and its layout, where the model goes by one of `names`.

        None where nothing is known of it, and where the library cannot, as of very many series.
        """
        if (
            known.layout is not self._layout
            or names is not self._names
            or request is not self._request
            or address != self._address
        ):
            self._layout, self._names = known.layout, names
            self._request, self._address = request, address
            layout = known.expected(names)
            self._page = None if layout is None else _expected(layout, request, address)
        return self._page


def _expected(
    layout: Layout, request: PlainRequest, address: str
) -> tuple[Layout, ExpectedPage] | None:
    if layout.native is None:
        return None
    try:
        return layout, ExpectedPage(address, request.port, request.octets, layout.native)
    except ValueError:
        return None
