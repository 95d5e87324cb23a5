"""What speaks BGP, as the rest of this room sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from resolverd.anycast.transitions import Phase
from resolverd.errors import ResolverdError


def network(address: str) -> str:
    """The route to an address alone, as BIRD and ExaBGP write it."""
    return f"{address}/{128 if ':' in address else 32}"


class SpeakerError(ResolverdError):
    """What speaks BGP cannot be asked, refuses, or does not do what it said."""


class Speaker(Protocol):
    """One route per address. Each method raises SpeakerError."""

    @property
    def proves(self) -> bool:
        """Whether `proved` looks at routes, rather than at what was acknowledged."""

    async def apply(self, address: str, phase: Phase) -> None:
        """Bring an address into a phase; returns once that is proved."""

    async def proved(self) -> Mapping[str, Phase]:
        """The phase of each address, as it is at the speaker now."""

    async def close(self) -> None:
        """Leave the speaker as it is."""
