"""Edge-side doubt: when every region falls silent at once, the likelier fault is this host.

    a probe of a region that serves hears nothing
        │                                 whose fault?
        ├─ another target was heard since ───────────► the target's: its failure counts
        ├─ others have not been asked since ─────────► open: ask them now, count nothing yet
        └─ all are silent, of two regions or more,
           and fell silent within `window` ──────────► this host's: doubt. Nothing counts

Only silence is ever doubted: a refusal or an error has been heard. In doubt each target keeps the
health that it had before its silence, also if it had fallen already (fail static). Doubt ends when
anything is heard. Targets that are still silent then are held until they are heard, or count from
the kept health by probes that began afterwards; this host is ready again once none is held. One
region alone can be compared with nothing, and is never doubted.

Pure: targets by id, times as readings of the monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Fault(Enum):
    """Whose fault the silence of a target is: its own, this host's, or not known yet."""

    TARGET = auto()
    HOST = auto()
    OPEN = auto()


@dataclass(slots=True)
class _Silence:
    """Since the probe that started at `began` nothing was heard; the last started at `last`."""

    began: float
    last: float
    served: bool


class Doubt:
    """What has been heard from every target; `window` in seconds, 0 for no doubt ever."""

    def __init__(self, window: float) -> None:
        self.window = window
        self.since: float | None = None
        self._regions: dict[str, str] = {}
        self._silences: dict[str, _Silence] = {}
        self._held: set[str] = set()
        self._heard_at = self._ended_at = -math.inf

    @property
    def holds(self) -> bool:
        """Whether this host is taken to be at fault now."""
        return self.since is not None

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose health is kept, in doubt or since: they were not heard again yet."""
        return tuple(sorted({self._regions[target] for target in self._held}))

    @property
    def reason(self) -> str:
        """Why this host is not ready, in words; empty while it is."""
        if self.holds and not self._held:
            return "nothing has been heard from any region since the start"
        if self.holds:
            return f"nothing is heard any more from {', '.join(self.regions)}"
        return f"not heard again yet: {', '.join(self.regions)}" if self._held else ""

    def replace(self, regions: Mapping[str, str], anew: Collection[str], now: float) -> None:
        """Know exactly these targets, each with its region; of those `anew` nothing is known."""
        self._regions = dict(regions)
        known = regions.keys() - set(anew)
        self._silences = {t: s for t, s in self._silences.items() if t in known}
        self._held &= known
        if not self.holds:
            self._judge(now)

    def heard(self, target: str, now: float) -> None:
        """Something came back from `target`: this host hears, so doubt ends."""
        self._heard_at = max(self._heard_at, now)
        self._silences.pop(target, None)
        self._held.discard(target)
        if self.holds:
            self.since, self._ended_at = None, now
            for held in self._held:
                self._silences.pop(held, None)

    def silent(self, target: str, *, serves: bool, started: float, now: float) -> None:
        """Nothing came back from the probe that began at `started`; `serves` is as shown before."""
        if target in self._held and started < self._ended_at:
            return  # it was on its way while this host heard nothing
        if target in self._silences:
            self._silences[target].last = started
        else:
            self._silences[target] = _Silence(started, started, serves)
            if not self.holds:
                self._judge(now)
        if not self.holds and not serves:
            self._held.discard(target)  # it fell by itself

    def fault(self, target: str, now: float) -> Fault:
        """Whose fault it is that `target` is silent."""
        silence = self._silences.get(target)
        if target in self._held and (self.holds or silence is None):
            return Fault.HOST
        if silence is None or self.holds or self._heard_at > silence.last:
            return Fault.TARGET
        asked = len(self._silences) == len(self._regions)
        alone = len(set(self._regions.values())) < 2
        if asked or alone or now - silence.began > self.window:
            return Fault.TARGET
        return Fault.OPEN

    def unsure(self, target: str) -> bool:
        """Whether the health of `target` is one from before, which nothing has confirmed yet."""
        return target in self._held

    def speaks(self, target: str) -> bool:
        """Whether the last that is known of `target` is not silence."""
        return target not in self._silences

    def _judge(self, now: float) -> None:
        """Doubt this host if all are silent, and those that served fell silent together."""
        if not self.window or len(self._silences) < len(self._regions):
            return
        served = {t: s.began for t, s in self._silences.items() if s.served}
        newest = max(served.values(), default=-math.inf)
        together = {t for t, began in served.items() if began >= newest - self.window}
        never_heard = math.isinf(self._heard_at)
        asked = self._silences if never_heard else together
        if len({self._regions[target] for target in asked}) >= 2:
            self.since = now
            self._held |= together
