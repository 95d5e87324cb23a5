"""The sections of a Steering's image that say where blocks of clients stand (`policy/share.py`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from resolverd.policy.share import Positions

_COUNTS = struct.Struct("<2I")
_HEAVY = struct.Struct("<Qd")


def positions_image(positions: Sequence[Positions]) -> Iterator[bytes]:
    """Counts of each, then bins, then heavy blocks in the order of draws."""
    for one in positions:
        yield _COUNTS.pack(len(one.bins), len(one.heavy))
    for one in positions:
        yield struct.pack(f"<{len(one.bins)}d", *one.bins)
    for one in positions:
        for word, position in sorted(one.heavy.items()):
            yield _HEAVY.pack(word, position)
