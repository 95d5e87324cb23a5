"""What a client map is asked, and what it says; `clientmap.py` and `compiledmap.py` make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from resolverd.dns.prefix import Prefix
from resolverd.policy.ranking import PreferenceList


class MapEntry(NamedTuple):
    """What a client map says of a prefix.

    `scope` counts bits in the family that was asked; inside a prefix of that length every
    address has this same entry. `pins` names the pins that made the fence.
    """

    preference: PreferenceList
    scope: int
    pins: tuple[str, ...]


class Block(NamedTuple):
    """The block of addresses, of the family looked up, that keeps one draw where shares decide.

    `scope` counts its bits in the family that was asked.
    """

    prefix: Prefix
    scope: int


class MapSize(NamedTuple):
    """Networks told apart, distinct preference lists with their pins, octets of memory."""

    leaves: int
    lists: int
    octets: int


class ClientMap(Protocol):
    """Geography, pins and ranking behind one question."""

    @property
    def kind(self) -> Literal["lazy", "compiled"]:
        """Whether it asks the databases as clients come, or knows all beforehand."""

    @property
    def size(self) -> MapSize | None:
        """How large it is; None for one that has nothing but a cache."""

    def lookup(self, client: Prefix) -> MapEntry:
        """The preference list for a client prefix; empty where no region is allowed."""

    def block(self, client: Prefix) -> Block:
        """The block that a client prefix lies in; of a shorter one, that prefix itself."""

    def from_region(self, region: str) -> tuple[PreferenceList, Mapping[str, float]]:
        """The list for an unpinned client who stands where `region` does.

        With it the cost of each region, in km, or ms where round trips decide; else empty.
        """
