"""What an edge service has of the core service behind it; `pairs.py` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.policy.ranking import PreferenceList
from resolverd.snapshot.entries import ClientMap


class Core(NamedTuple):
    """The core service behind an edge service (`snapshot/tiers.py`).

    With `fallback` its regions answer where no own region of the edge service serves: `behind` are
    those that the edge service does not have itself. `fenced` is the map of the core's regions
    under the pins of the edge service, None where the core's own map is that. `orders` are the
    core's regions as seen from each region of the edge service, `costs` what decided that, in km,
    or in ms where `timed`.
    """

    service: str
    fallback: bool
    behind: frozenset[str]
    fenced: ClientMap | None
    orders: Mapping[str, PreferenceList]
    costs: Mapping[str, Mapping[str, float]]
    timed: bool
