"""Which servers of a service differ from the others that should serve the same; pure.

Compared are those of one service that are to serve one model, in whichever region. Nobody is
withdrawn for it: that a server is the wrong one is for its own probe to say, which knows what is
expected; here there is only a majority, and the majority may be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets
from resolverd.health.identity import Difference, Identity, differences


class Odd(NamedTuple):
    """A target that differs from its peers in `service`."""

    service: str
    target: str
    difference: Difference


def odd_ones(
    config: Config, targets: ProbeTargets, identities: Mapping[str, Identity]
) -> list[Odd]:
    """Who differs in what, by the services' `compare`; `identities` are by target id."""
    if not identities:
        return []
    found = []
    for name, service in config.service.items():
        by_model: dict[str, dict[str, Identity]] = {}
        for region in service.regions:
            for target in targets.ids.get((name, region), ()):
                if target in identities:
                    model = targets.by_id[target].settings.model
                    by_model.setdefault(model, {})[target] = identities[target]
        for peers in by_model.values():
            for target, differs in differences(peers, service.compare).items():
                found += [Odd(name, target, difference) for difference in differs]
    return found
