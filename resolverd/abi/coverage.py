"""Where the rules of a geography hold, counted by the library."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from resolverd.abi.contract import Handles, Numbers, Spans
from resolverd.abi.library import OutBuf, Span, library
from resolverd.abi.map import REASON_OCTETS, Content, Geography, PlaceIndex, lent_databases
from resolverd.abi.meter import Meter
from resolverd.errors import GeoError


class Share(NamedTuple):
    """Parts of the IPv4 and of the IPv6 address space, from 0 to 1."""

    v4: float
    v6: float


def coverage(
    databases: Sequence[tuple[Content, PlaceIndex]],
    geography: Geography,
    meter: Meter | None = None,
) -> list[Share]:
    """Where no pin holds, and where each of `geography` does, of what the databases place.

    IPv6 is counted without what embeds IPv4. Blocks for up to seconds. Raises GeoError with the
    reason where the databases do not allow it.
    """
    spans, handles = lent_databases(databases)
    shares = array("d", bytes(8 * 2 * (len(geography.pins) + 1)))
    reason = ctypes.create_string_buffer(REASON_OCTETS)
    written = library().resolverd_map_coverage(
        Spans(ctypes.addressof(spans), len(databases)),
        Handles(ctypes.addressof(handles), len(databases)),
        Span.of(geography.octets()),
        (meter or Meter()).lent(),
        Numbers(*shares.buffer_info()),
        OutBuf.of(reason),
    )
    if written != len(shares):
        raise GeoError(reason.value.decode("utf-8", "replace"))
    return list(map(Share, shares[::2], shares[1::2]))
