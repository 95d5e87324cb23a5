"""What a Plan says of names: zones, nodes, zone cuts, where a service answers. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from resolverd.dns.names import Key
from resolverd.dns.writer import RRsetWire


class Referral(NamedTuple):
    """A zone cut: its NS RRset, and the addresses below any cut that it needs (RFC 9471)."""

    owner: bytes
    ns: RRsetWire
    glue: tuple[tuple[bytes, RRsetWire], ...]


class Dyna(NamedTuple):
    """A DYNA record: the service that synthesises the answer, and the ceiling of its TTL.

    With `behind` it is the core service behind that one, as the clients of that one see it.
    """

    service: str
    ttl: int
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """An owner name that exists; without RRsets it is an empty non-terminal.

    `referral` is set at a zone cut and at every name below one.
    """

    rrsets: Mapping[int, RRsetWire] = field(default_factory=dict)
    dyna: Dyna | None = None
    referral: Referral | None = None


class NamesEdited(NamedTuple):
    """How a zone was made of the one before, whose `ZonePlan.stamp` is `of`.

    Its nodes stand in the same order, without those `gone`; of the `changed`, new ones stand last.
    """

    of: object
    changed: tuple[Key, ...]
    gone: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """One zone; `apex` as written, `nodes` by key, `negative_ttl` per RFC 2308 §5.

    `no_region` is the name in it that has no address, for clients who can be given no region; None
    where the zone steers nothing. `edited` is set where it was compiled by what an edit changed,
    `steered` where it is known which names have a DYNA.
    """

    apex: bytes
    soa: RRsetWire
    negative_ttl: int
    nodes: Mapping[Key, Node]
    no_region: RRsetWire | None = None
    edited: NamesEdited | None = field(default=None, compare=False, repr=False)
    steered: tuple[Key, ...] | None = field(default=None, compare=False, repr=False)
    stamp: object = field(default_factory=object, compare=False, repr=False)

    def steered_nodes(self) -> Iterator[tuple[Key, Node]]:
        """The names that have a DYNA, and their nodes."""
        if self.steered is not None:
            return ((key, self.nodes[key]) for key in self.steered)
        return ((key, node) for key, node in self.nodes.items() if node.dyna is not None)
