"""Transitions of state, counted for metrics; each region's, and each outlier's, as one event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from resolverd import log
from resolverd.config.fences import FenceSize
from resolverd.config.targets import endpoint_and_probe
from resolverd.health.peers import Outlier
from resolverd.health.verdict import UNKNOWN, Verdict
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.unserved import Outages, widest, withdrawals, withdrawn


class TransitionLog:
    """How often each endpoint and region entered each state since start.

    `endpoints` by (probe target, state), as measured; `regions` by (site, state), as served,
    which is under overrides.
    """

    def __init__(self) -> None:
        self.endpoints: Counter[tuple[str, str]] = Counter()
        self.regions: Counter[tuple[str, str]] = Counter()
        self._known: dict[str, Verdict] = {}
        self._outliers: set[Outlier] = set()
        self._outages = Outages()
        # Service and pin of those that an error has named.
        self._unserved: frozenset[tuple[str, str]] = frozenset()
        self._log = log.get("daemon")

    def record_endpoint(self, target: str, before: Verdict, after: Verdict) -> None:
        """Count a new verdict of a target whose state has changed; its first is not counted."""
        if before.state is not after.state and not before.unknown:
            self.endpoints[(target, after.state.value)] += 1

    def record_outliers(self, outliers: Iterable[Outlier]) -> None:
        """Log which endpoints have begun to differ from their peers, and which differ no longer."""
        now = set(outliers)
        for outlier in now - self._outliers:
            self._log.warning("endpoint.differs", **_fields(outlier))
        for outlier in self._outliers - now:
            self._log.info("endpoint.agrees", **_fields(outlier))
        self._outliers = now

    def record_regions(self, regions: Mapping[str, JudgedRegion], outages: Outages) -> None:
        """Log which regions have changed since the last call, and of new ones which do not serve.

        Which fences have no region now comes first: where thousands of lines come at once and
        some are dropped, those are the last to be.
        """
        if outages is not self._outages:
            self._outages = outages
            self._record_unserved(list(regions.values()))
        for name, region in regions.items():
            before, after = self._known.get(name, UNKNOWN), region.verdict
            if before.state is after.state or (before.unknown and after.serves):
                continue
            if name in self._known:
                self.regions[(name, after.state.value)] += 1
            died = (before.serves or before.unknown) and not (after.serves or withdrawn(region))
            (self._log.warning if died else self._log.info)(
                "region.state",
                region=region.region,
                services=list(region.services),
                before=before.state.value,
                after=after.state.value,
                reason=after.reason,
            )
        self._known = {name: region.verdict for name, region in regions.items()}

    def _record_unserved(self, regions: Sequence[JudgedRegion]) -> None:
        """An error for each fence that has lost its last region, a recovery for each other."""
        now, reported = self._outages.unserved, self._unserved
        for fence in (named := widest(now)):
            if _key(fence) not in reported:
                self._log.error(
                    "service.unserved",
                    service=fence.service,
                    pin=fence.pin,
                    regions=list(fence.regions),
                    overrides=withdrawals(fence, regions),
                    consequence="these clients are answered as all_down says",
                )
        without = frozenset(map(_key, now))
        over = reported - without
        for fence in self._outages.fences:
            if fence.regions and _key(fence) in over:
                self._log.info("service.served", service=fence.service, pin=fence.pin)
        self._unserved = frozenset(map(_key, named)) | (reported & without)


def _key(fence: FenceSize) -> tuple[str, str]:
    return fence.service, fence.pin


def _fields(outlier: Outlier) -> dict[str, str]:
    endpoint, probe = endpoint_and_probe(outlier.target)
    return {
        "service": outlier.service,
        "endpoint": endpoint,
        "probe": probe,
        "field": outlier.difference.field,
        "value": outlier.difference.value,
        "majority": outlier.difference.majority,
    }
