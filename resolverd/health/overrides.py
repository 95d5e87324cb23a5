"""An operator's word on a region or an endpoint, which beats what is measured.

The table is keyed by what a word is on (of overrides a region name or the target id of an
endpoint), lives in memory, and takes every time as a reading of the monotonic clock. It also
remembers when the last override of a key ended: that end is a change in what is served, as any
other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, Self, TypeVar


class OverrideKind(StrEnum):
    """`drain` withdraws like `down`; the difference is the operator's intent."""

    UP = "up"
    DOWN = "down"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Override:
    """Who says what, why, since when (`set_at`) and until when (None: until cleared)."""

    kind: OverrideKind
    who: str
    why: str
    set_at: float
    until: float | None = None

    def active(self, now: float) -> bool:
        """Whether it still holds; at `until` itself it no longer does."""
        return self.until is None or now < self.until

    def remaining(self, now: float) -> float:
        """Seconds until it ends by itself; infinite when it never does."""
        return math.inf if self.until is None else max(0.0, self.until - now)


class Order(Protocol):
    """Anything that an operator says, and until when."""

    @property
    def who(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def set_at(self) -> float: ...
    @property
    def until(self) -> float | None: ...
    def active(self, now: float) -> bool:
        """Whether it still holds; at `until` itself it no longer does."""

    def remaining(self, now: float) -> float:
        """Seconds until it ends by itself; infinite when it never does."""


Said = TypeVar("Said", bound=Order)


class Orders(Generic[Said]):
    """What operators say of one kind, by what it is on."""

    def __init__(self) -> None:
        self._set: dict[str, Said] = {}
        self._ended: dict[str, float] = {}

    def keys(self) -> set[str]:
        """The keys of what was said and has not been ended, its time being over or not."""
        return set(self._set)

    def ends(self) -> dict[str, float]:
        """When what was said last of each key was ended, where nothing has been said since."""
        return {key: at for key, at in self._ended.items() if key not in self._set}

    def resume(self, ends: Mapping[str, float]) -> None:
        """Begin with when an earlier process had what was said of these keys end."""
        self._ended |= ends

    def copy(self) -> Self:
        """These as they are now; what is set or cleared later does not change it."""
        same = type(self)()
        same._set, same._ended = dict(self._set), dict(self._ended)
        return same

    def set(self, key: str, override: Said) -> None:
        """Put `override` in force; it replaces the one that `key` may have."""
        self._set[key] = override

    def clear(self, key: str, now: float) -> Said | None:
        """End the override of `key` now; returns it, or None when there was none in force."""
        self.expire(now)
        cleared = self._set.pop(key, None)
        if cleared is not None:
            self._ended[key] = now
        return cleared

    def get(self, key: str, now: float) -> Said | None:
        """The override in force for `key`."""
        override = self._set.get(key)
        return override if override is not None and override.active(now) else None

    def active(self, now: float) -> Mapping[str, Said]:
        """Every override in force."""
        return {key: override for key, override in self._set.items() if override.active(now)}

    def ended(self, key: str, now: float) -> float | None:
        """When the last override of `key` ended; None when none has, or one is in force."""
        override = self._set.get(key)
        if override is None:
            return self._ended.get(key)
        return None if override.active(now) else override.until

    def expire(self, now: float) -> tuple[str, ...]:
        """Forget those whose time is over; returns their keys, for one event each."""
        over = {
            key: override.until
            for key, override in self._set.items()
            if override.until is not None and not override.active(now)
        }
        for key in over:
            del self._set[key]
        self._ended |= over
        return tuple(over)

    def next_expiry(self) -> float | None:
        """The clock reading at which the next override ends by itself, if any does."""
        return min((o.until for o in self._set.values() if o.until is not None), default=None)


class Overrides(Orders[Override]):
    """The overrides in force, by region name or endpoint target id."""
