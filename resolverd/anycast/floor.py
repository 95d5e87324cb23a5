"""The fleet's floor: which edges announce an address, and whether one more may withdraw.

Pure. `Floor` is the value of one key in the fleet's store, changed by compare-and-set alone: of
each address the edges that announce it. An edge joins once its route is proved, and leaves before
it withdraws. One that died without leaving does not count: who is `live` is told by what was heard
of late.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple


class FloorError(ValueError):
    """The stored value is no floor."""


class Floor(NamedTuple):
    """The edges that announce, by address."""

    edges: Mapping[str, frozenset[str]]

    @classmethod
    def read(cls, value: bytes | None) -> Floor:
        """From the stored octets; None is an empty floor. Raises FloorError."""
        if value is None:
            return cls({})
        try:
            tree = json.loads(value)
            return cls({str(a): frozenset(map(str, edges)) for a, edges in tree.items()})
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise FloorError(f"anycast.floor is not understood: {error}") from error

    def octets(self) -> bytes:
        """The value to store."""
        named = {address: sorted(edges) for address, edges in sorted(self.edges.items()) if edges}
        return json.dumps(named, separators=(",", ":")).encode()

    def joined(self, address: str, edge: str) -> Floor:
        """With one more edge that announces the address."""
        return Floor({**self.edges, address: self.edges.get(address, frozenset()) | {edge}})

    def others(self, address: str, edge: str, live: frozenset[str]) -> frozenset[str]:
        """The other edges that announce the address and were heard of late."""
        return (self.edges.get(address, frozenset()) & live) - {edge}

    def left(self, address: str, edge: str, live: frozenset[str], least: int) -> Floor | str:
        """Without this edge and those that are not live; or why it has to stay."""
        others = self.others(address, edge, live)
        if len(others) < least:
            return (
                f"{len(others)} other edges announce {address}, and the fleet keeps at least "
                f"{least} (min_edges)"
            )
        return Floor({**self.edges, address: others})
