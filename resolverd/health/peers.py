"""Which servers of a service differ from the others that should serve the same; pure.

Compared are those of one service that are to serve one model, in whichever region. Who differs in
what `compare` lists is reported; who is contradicted, by more than half of those that serve, in
what `must_agree` lists is the wrong one. So the contradicted are always fewer than the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from resolverd.config.model import Config
from resolverd.config.targets import ProbeTarget, ProbeTargets
from resolverd.health.identity import NO_MAJORITY, Difference, Identity, differences
from resolverd.health.kinds.kind import lists_models
from resolverd.health.verdict import Verdict


class Outlier(NamedTuple):
    """A target that differs from its peers in `service`."""

    service: str
    target: str
    difference: Difference


def find_outliers(
    config: Config, targets: ProbeTargets, identities: Mapping[str, Identity]
) -> list[Outlier]:
    """Who differs in what, by the services' `compare`; `identities` are by target id."""
    return [
        Outlier(service, target, difference)
        for service, peers in _groups(config, targets, identities)
        for target, differs in differences(peers, config.service[service].compare).items()
        for difference in differs
    ]


def outvoted(
    config: Config,
    targets: ProbeTargets,
    identities: Mapping[str, Identity],
    verdicts: Mapping[str, Verdict],
) -> dict[str, Difference]:
    """Who is contradicted in what, by the services' `must_agree`; only those who serve vote."""
    serving = {
        t: identity for t, identity in identities.items() if t in verdicts and verdicts[t].serves
    }
    found: dict[str, Difference] = {}
    for service, peers in _groups(config, targets, serving):
        for target, differs in differences(peers, config.service[service].must_agree).items():
            for difference in differs:
                if difference.majority != NO_MAJORITY:
                    found.setdefault(target, difference)
    return found


def asked_at(config: Config, targets: ProbeTargets, ids: Iterable[str]) -> dict[str, str]:
    """At which URL each of these is asked who it is; empty where `must_agree` asks nothing of it.

    Those that are no targets, or no longer, are left out.
    """
    return {
        id_: target.endpoint.url if _must_agree(config, targets, target) else ""
        for id_ in ids
        if (target := targets.by_id.get(id_)) is not None
    }


def _must_agree(config: Config, targets: ProbeTargets, target: ProbeTarget) -> bool:
    return lists_models(target.settings.kind) and any(
        target.id in targets.ids.get((name, target.region), ())
        for name, service in config.service.items()
        if service.must_agree
    )


def _groups(
    config: Config, targets: ProbeTargets, identities: Mapping[str, Identity]
) -> Iterator[tuple[str, Mapping[str, Identity]]]:
    """Those who should serve the same, by service and model."""
    if not identities:
        return
    for name, service in config.service.items():
        by_model: dict[str, dict[str, Identity]] = {}
        for region in service.regions:
            for target in targets.ids.get((name, region), ()):
                if target in identities:
                    model = targets.by_id[target].settings.asked_model
                    by_model.setdefault(model, {})[target] = identities[target]
        for peers in by_model.values():
            yield name, peers
