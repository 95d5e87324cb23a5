"""What others' word alone may not take: the last region of a fence; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from resolverd.config.fences import FenceSize
from resolverd.config.model import Config
from resolverd.config.targets import ProbeTargets
from resolverd.health.verdict import Verdict


def spared(
    told: Collection[str],
    own: Mapping[str, Verdict],
    config: Config,
    targets: ProbeTargets,
    fences: Collection[FenceSize],
    out: Collection[str],
) -> set[str]:
    """Of the targets that others are `told` to be down, those that this edge goes on serving.

    A fence that has a region by this edge's `own` verdicts has one afterwards too. Regions that are
    `out` (drained, closed) do not count.
    """
    kept: set[str] = set()
    for fence in fences:
        serving = [r for r in fence.regions if _serves(fence.service, r, (), own, config, targets)]
        serving = [region for region in serving if region not in out]
        left = [r for r in serving if _serves(fence.service, r, told, own, config, targets)]
        if serving and not left:
            for region in serving:
                kept.update(targets.ids.get((fence.service, region), ()))
    return kept.intersection(told)


def _serves(
    service: str,
    region: str,
    without: Collection[str],
    own: Mapping[str, Verdict],
    config: Config,
    targets: ProbeTargets,
) -> bool:
    ids = targets.ids.get((service, region)) or targets.ids.get(
        (config.service[service].core, region), ()
    )
    up = [id_ for id_ in ids if id_ not in without and id_ in own and own[id_].serves]
    return len(up) >= config.region[region].min_endpoints
