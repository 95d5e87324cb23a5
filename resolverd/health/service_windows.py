"""Regions' hours of service as drains that begin and end by the clock on the wall; pure.

Outside its hours a region is drained by "schedule", which any override of an operator beats. What
is asked is the wall clock at each judgement, so a clock that is set right is obeyed at the next
one, and whoever judges has to do so every `CHECK_INTERVAL` seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from resolverd.config.hours import Hours, OpenPeriod
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.verdict import Verdict

# Seconds after which a wall clock that was set is noticed.
CHECK_INTERVAL = 10.0
WHO = "schedule"
# Seconds before and after which a window without a beginning or an end is reckoned anew: both are
# further away than two weeks then (`Hours.window`), which takes milliseconds to find out.
_ENDLESS_FOR = 86400.0


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """What hours make of a region now, on the monotonic clock.

    `override` withdraws it while it is closed. It has been open or closed since `changed_at` and
    until `until`; None where that is weeks away.
    """

    override: Override | None
    changed_at: float | None
    until: float | None

    @property
    def open(self) -> bool:
        """Whether it is within its hours."""
        return self.override is None

    def with_boundary(self, verdict: Verdict, now: float, ttl: float) -> Verdict:
        """`verdict` on a region that this window will close or open, once that is within a TTL.

        Before that the end of a window shortens nothing, and what steers may come to rest.
        """
        near = self.until is not None and self.until - now <= ttl + 2 * CHECK_INTERVAL
        if verdict.override is not None and verdict.override is self.override:
            return verdict if near else replace(verdict, min_until_flip=float("inf"))
        if verdict.override is None and near and self.until is not None:
            left = min(verdict.no_flip_before, self.until) - now
            return replace(verdict, min_until_flip=max(0.0, left), probed_at=now)
        return verdict


class _Reckoned(NamedTuple):
    """A window, and from when up to when it is that of any reading of the wall clock."""

    window: OpenPeriod
    begin: float
    end: float

    @classmethod
    def at(cls, hours: Hours, wall: float) -> _Reckoned:
        window = hours.window(wall)
        begin = wall - _ENDLESS_FOR if window.since is None else window.since
        end = wall + _ENDLESS_FOR if window.until is None else window.until
        return cls(window, begin, end)


class ServiceWindows:
    """The hours of regions by name; a region without hours is not in here."""

    def __init__(self, hours: Mapping[str, Hours]) -> None:
        self._hours = hours
        self._windows: dict[str, _Reckoned] = {}

    def __bool__(self) -> bool:
        return bool(self._hours)

    def at(self, now: float, wall: float) -> dict[str, ServiceWindow]:
        """Each region's service window when the monotonic clock reads `now`, the other `wall`."""
        return {name: self._service_window(name, now, wall) for name in self._hours}

    def closed(self, region: str, wall: float) -> bool:
        """Whether `region` has hours and is outside them when the wall clock reads `wall`."""
        return region in self._hours and not self._window(region, wall).open

    def next_check(self, now: float, wall: float) -> float | None:
        """The monotonic reading at which to judge again; None where nothing has hours."""
        if not self._hours:
            return None
        untils = (window.until for window in self.at(now, wall).values())
        return min([now + CHECK_INTERVAL, *(until for until in untils if until is not None)])

    def _service_window(self, name: str, now: float, wall: float) -> ServiceWindow:
        window = self._window(name, wall)
        since = None if window.since is None else now - (wall - window.since)
        until = None if window.until is None else now + (window.until - wall)
        if window.open:
            return ServiceWindow(None, since, until)
        why = f"outside its hours: {self._hours[name]}"
        began = now if since is None else since
        return ServiceWindow(Override(OverrideKind.DRAIN, WHO, why, began, until), since, until)

    def _window(self, name: str, wall: float) -> OpenPeriod:
        """The window of `wall`, reckoned anew only when it has left the last one."""
        known = self._windows.get(name)
        if known is None or not known.begin <= wall < known.end:
            known = self._windows[name] = _Reckoned.at(self._hours[name], wall)
        return known.window
