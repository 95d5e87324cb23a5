"""Transitions of state, counted for metrics; each region's, and each outlier's, as one event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from resolverd import log
from resolverd.config.fences import FenceSize
from resolverd.health.peers import Outlier
from resolverd.health.verdict import Verdict
from resolverd.snapshot.model import JudgedRegion
from resolverd.snapshot.unserved import unserved


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
        self._fences: Sequence[FenceSize] = ()
        self._unserved: Sequence[FenceSize] = ()
        self._log = log.get("daemon")

    def record_endpoint(self, target: str, before: Verdict, after: Verdict) -> None:
        """Count a new verdict of a target; the first is no change."""
        if before.state is not after.state and not before.unknown:
            self.endpoints[(target, after.state.value)] += 1

    def record_outliers(self, outliers: Iterable[Outlier]) -> None:
        """Tell who has begun to differ from its peers, and who differs no longer."""
        now = set(outliers)
        for each in now - self._outliers:
            self._log.warning("endpoint.differs", **_fields(each))
        for each in self._outliers - now:
            self._log.info("endpoint.agrees", **_fields(each))
        self._outliers = now

    def record_regions(
        self, regions: Mapping[str, JudgedRegion], fences: Sequence[FenceSize] = ()
    ) -> None:
        """Tell which regions have changed since the last call, of which the first only remembers.

        Of the `fences` of the configuration that is served it tells which have no region now.
        """
        self._fences = fences
        for name, region in regions.items():
            before, after = self._known.get(name), region.verdict
            if before is None or before.state is after.state:
                continue
            self.regions[(name, after.state.value)] += 1
            died = before.serves and not after.serves and after.override is None
            (self._log.warning if died else self._log.info)(
                "region.state",
                region=region.region,
                services=list(region.services),
                before=before.state.value,
                after=after.state.value,
                reason=after.reason,
            )
        self._known = {name: region.verdict for name, region in regions.items()}
        self._tell_unserved(unserved(self._fences, regions.values()))

    def _tell_unserved(self, now: Sequence[FenceSize]) -> None:
        """An error for each fence that has lost its last region, a recovery for each other."""
        for fence in now:
            if fence not in self._unserved:
                self._log.error(
                    "service.unserved",
                    service=fence.service,
                    pin=fence.pin,
                    regions=list(fence.regions),
                    consequence="these clients are answered as all_down says",
                )
        for fence in self._unserved:
            if fence not in now and fence in self._fences:
                self._log.info("service.served", service=fence.service, pin=fence.pin)
        self._unserved = tuple(now)


def _fields(outlier: Outlier) -> dict[str, str]:
    endpoint, _, probe = outlier.target.partition("@")
    return {
        "service": outlier.service,
        "endpoint": endpoint,
        "probe": probe,
        "field": outlier.difference.field,
        "value": outlier.difference.value,
        "majority": outlier.difference.most,
    }
