"""Changes of state, counted for metrics; each region's, and each oddity's, as one event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from resolverd import log
from resolverd.health.peers import Outlier
from resolverd.health.verdict import Verdict
from resolverd.snapshot.model import JudgedRegion


class Changes:
    """How often each endpoint and region entered each state since start.

    `endpoints` by (probe target, state), as measured; `regions` by (region, state), as served,
    which is under overrides.
    """

    def __init__(self) -> None:
        self.endpoints: Counter[tuple[str, str]] = Counter()
        self.regions: Counter[tuple[str, str]] = Counter()
        self._known: dict[str, Verdict] = {}
        self._odd: set[Outlier] = set()
        self._log = log.get("daemon")

    def endpoint(self, target: str, before: Verdict, after: Verdict) -> None:
        """Count a new verdict of a target; the first is no change."""
        if before.state is not after.state and not before.unknown:
            self.endpoints[(target, after.state.value)] += 1

    def compared(self, odd: Iterable[Outlier]) -> None:
        """Tell who has begun to differ from its peers, and who differs no longer."""
        now = set(odd)
        for each in now - self._odd:
            self._log.warning("endpoint.differs", **_told(each))
        for each in self._odd - now:
            self._log.info("endpoint.agrees", **_told(each))
        self._odd = now

    def judged(self, regions: Mapping[str, JudgedRegion]) -> None:
        """Tell which regions have changed since the last call; the first only remembers."""
        for name, region in regions.items():
            before, after = self._known.get(name), region.verdict
            if before is None or before.state is after.state:
                continue
            self.regions[(name, after.state.value)] += 1
            self._log.info(
                "region.state",
                region=name,
                before=before.state.value,
                after=after.state.value,
                reason=after.reason,
                services=list(region.services),
            )
        self._known = {name: region.verdict for name, region in regions.items()}


def _told(odd: Outlier) -> dict[str, str]:
    return {"service": odd.service, "target": odd.target, **odd.difference._asdict()}
