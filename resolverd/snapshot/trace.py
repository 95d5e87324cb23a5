"""What one look-up of a client map met on its way, for those who explain it."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.prefix import Prefix
from resolverd.geo.place import Place
from resolverd.policy.fence import PinRule
from resolverd.policy.ranking import PreferenceList
from resolverd.rtt.samples import Row
from resolverd.snapshot.model import MapEntry


class Known(NamedTuple):
    """What orders regions besides the place: the row that was measured of the client's prefix, and
    the order that it was given before the tables changed."""

    row: Row = ()
    before: PreferenceList = ()


class Trace(NamedTuple):
    """A whole lookup, for `explain`: the entry and all that led to it.

    `row` is what was measured of the client's own prefix. `origin` is from where distances count;
    `of_country` are the regions that come first because its country is all that is sure of the
    client, and its block draws among them.
    """

    entry: MapEntry
    asked: Prefix
    extracted: Prefix
    place: Place
    placed: bool
    network_length: int
    rules: tuple[PinRule, ...]
    row: Row
    origin: Place
    of_country: tuple[str, ...]
