"""Probe isolation: when every region stops responding at once, the likelier cause is this host.

    a probe of a region that serves got no response
        │                                            the cause is
        ├─ another target has responded since ──────► remote: the failure counts
        ├─ others have not been probed since ───────► undetermined: probe them now, count nothing
        └─ no target responds, of two regions or
           more, and all stopped within `window` ───► local: this host is isolated. Nothing counts

Only the lack of a response is ever put down to this host: a refusal or an error is a response.
While it is isolated each target keeps the health that it had before it stopped responding, also if
it had fallen already (fail static). Isolation ends when any target responds. The targets that do
not respond then are held until they do, or count from the kept health by probes that began
afterwards; this host is ready again once none is held. One region alone can be compared with
nothing, and never makes this host isolated.

Pure: targets by id, times as readings of the monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Cause(Enum):
    """Why a target does not respond: by itself, by this host, or not known yet."""

    REMOTE = auto()
    LOCAL = auto()
    UNDETERMINED = auto()


@dataclass(slots=True)
class _Outage:
    """No response since the probe that started at `began`; the newest started at `last`."""

    began: float
    last: float
    served: bool


class IsolationDetector:
    """Which targets respond; `window` in seconds, 0 for a host that is never isolated.

    A longer window takes regions that die one after another for a fault of this host; a shorter one
    misses a cut that the probes meet minutes apart.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self.since: float | None = None
        self._regions: dict[str, str] = {}
        self._unresponsive: dict[str, _Outage] = {}
        self._held: set[str] = set()
        self._responded_at = self._ended_at = -math.inf

    @property
    def isolated(self) -> bool:
        """Whether this host is taken to be cut off now."""
        return self.since is not None

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose health is kept, as they have not responded again yet."""
        return tuple(sorted({self._regions[target] for target in self._held}))

    @property
    def reason(self) -> str:
        """Why this host is not ready, in words; empty while it is."""
        if self.isolated and not self._held:
            return "no region has responded since the start"
        if self.isolated:
            return f"no response any more from {', '.join(self.regions)}"
        return f"no response again yet from {', '.join(self.regions)}" if self._held else ""

    def replace(self, regions: Mapping[str, str], anew: Collection[str], now: float) -> None:
        """Know exactly these targets, each with its region; of those `anew` nothing is known."""
        self._regions = dict(regions)
        known = regions.keys() - set(anew)
        self._unresponsive = {t: s for t, s in self._unresponsive.items() if t in known}
        self._held &= known
        if not self.isolated:
            self._detect(now)

    def responded(self, target: str, now: float) -> None:
        """A response came from `target`, so this host is not isolated."""
        self._responded_at = max(self._responded_at, now)
        self._unresponsive.pop(target, None)
        self._held.discard(target)
        if self.isolated:
            self.since, self._ended_at = None, now
            for held in self._held:
                self._unresponsive.pop(held, None)

    def heard(self, now: float) -> None:
        """`responded`, of a target that is `unconcerned`."""
        if now > self._responded_at:
            self._responded_at = now

    def unconcerned(self, target: str) -> bool:
        """Whether a response of `target` is no news: this host is not isolated, nor was of late."""
        return self.since is None and not self._held and target not in self._unresponsive

    def no_response(self, target: str, *, serves: bool, started: float, now: float) -> None:
        """No response to the probe that began at `started`; `serves` tells of the time before."""
        if target in self._held and started < self._ended_at:
            return  # it was under way while this host was isolated
        if target in self._unresponsive:
            self._unresponsive[target].last = started
        else:
            self._unresponsive[target] = _Outage(started, started, serves)
            if not self.isolated:
                self._detect(now)
        if not serves:
            self.fell(target)

    def fell(self, target: str) -> None:
        """`target` does not serve any more, and not for a fault of this host: no health is kept."""
        if not self.isolated:
            self._held.discard(target)

    def cause(self, target: str, now: float) -> Cause:
        """Why `target` does not respond."""
        outage = self._unresponsive.get(target)
        if target in self._held and (self.isolated or outage is None):
            return Cause.LOCAL
        if outage is None or self.isolated or self._responded_at > outage.last:
            return Cause.REMOTE
        asked = len(self._unresponsive) == len(self._regions)
        alone = len(set(self._regions.values())) < 2
        if asked or alone or now - outage.began > self.window:
            return Cause.REMOTE
        return Cause.UNDETERMINED

    def held(self, target: str) -> bool:
        """Whether the health of `target` is one from before, which nothing has confirmed yet."""
        return target in self._held

    def responding(self, target: str) -> bool:
        """Whether the newest probe of `target` got a response."""
        return target not in self._unresponsive

    def _detect(self, now: float) -> None:
        """Isolated if no target responds, and those that served stopped together."""
        if not self.window or len(self._unresponsive) < len(self._regions):
            return
        served = {t: s.began for t, s in self._unresponsive.items() if s.served}
        newest = max(served.values(), default=-math.inf)
        together = {t for t, began in served.items() if began >= newest - self.window}
        never_responded = math.isinf(self._responded_at)
        asked = self._unresponsive if never_responded else together
        if len({self._regions[target] for target in asked}) >= 2:
            self.since = now
            self._held |= together
