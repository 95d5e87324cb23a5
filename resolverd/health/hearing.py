"""Every silence of every target, tried: asks the others early, and tells when doubt begins or ends.

While all is well this costs a call and two dictionary look-ups for each outcome. The first silence
of a target that serves has all others asked at once, at most once per fast_interval, so that it is
known whose fault it is before the target would fall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from resolverd import log
from resolverd.health.doubt import Doubt, Fault
from resolverd.health.outcome import Outcome
from resolverd.health.watch import Watch


class Hearing:
    """Tries `watches`, which it shares with whoever changes them; see `Doubt` for `window`."""

    def __init__(
        self, watches: Mapping[str, Watch], window: float, clock: Callable[[], float]
    ) -> None:
        self.doubt = Doubt(window)
        self._watches = watches
        self._clock = clock
        self._open: set[str] = set()
        self._asked_at = -math.inf
        self._log = log.get("health")

    def replaced(self, anew: Collection[str]) -> None:
        """The watches have changed; those `anew` have probed nothing yet."""
        self._open &= self._watches.keys() - set(anew)
        regions = {id_: watch.target.region for id_, watch in self._watches.items()}
        doubted = self.doubt.holds
        self.doubt.replace(regions, anew, self._clock())
        self._tell(doubted)

    def ended(self, watch: Watch, outcome: Outcome, started: float) -> None:
        """A probe of `watch` ended: settle it, and whatever else is now known the better."""
        id_, now, doubted = watch.target.id, self._clock(), self.doubt.holds
        if outcome.heard:
            self.doubt.heard(id_, now)
        else:
            self.doubt.silent(id_, serves=watch.serves, started=started, now=now)
        self._open.add(id_)
        if self._tell(doubted):
            self._open |= self._watches.keys()
        for each in self._open:
            self._settle(each, now)
        self._open = {each for each in self._open if self.doubt.fault(each, now) is Fault.OPEN}
        if self._open and now - self._asked_at >= watch.target.settings.fast_interval:
            self._asked_at = now
            self._ask_the_others()

    def _settle(self, id_: str, now: float) -> None:
        self._watches[id_].settle(self.doubt.fault(id_, now), unsure=self.doubt.unsure(id_))

    def _ask_the_others(self) -> None:
        for id_, watch in self._watches.items():
            if self.doubt.speaks(id_):
                watch.probe_early()

    def _tell(self, doubted: bool) -> bool:
        """One event when doubt has begun or ended; whether it has."""
        doubt = self.doubt
        if doubt.holds and not doubted:
            self._log.error(
                "doubt.began",
                reason=doubt.reason,
                likelier="this host's own network is at fault, not every region at once",
                kept=list(doubt.regions),
                consequence="verdicts are kept, TTLs are low, and this host is not ready",
            )
        elif doubted and not doubt.holds:
            self._log.warning("doubt.ended", awaited=list(doubt.regions))
        return doubt.holds != doubted
