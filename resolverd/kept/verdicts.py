"""What is kept of each probe target over a restart, made anew where it has changed.

Of thousands of targets a few change at a time, and to make all of them into JSON at each change
would hold the event loop when a verdict is due.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import NamedTuple

from resolverd.health.monitor import Monitor, Target
from resolverd.kept.document import KeptVerdict, digest

# Targets whose health is looked at at once, in a fraction of a millisecond.
_AT_ONCE = 50

# Seconds for which the health of one target is kept as it was but for its age: a start takes it
# for older by as much, and by what `keeper` waits. Less would have thousands of them made into JSON
# at each change of one.
_AGE = 5.0


class _Kept(NamedTuple):
    """What is kept of a target at a revision, and since when (s, monotonic)."""

    target: Target
    verdict: KeptVerdict
    revision: int | None
    since: float


class KeptVerdicts:
    """The healths that `monitor` has, each with how it is probed; it began with those `earlier`."""

    def __init__(self, monitor: Monitor, earlier: Mapping[str, KeptVerdict]) -> None:
        self._monitor, self._earlier = monitor, earlier
        self._kept: dict[str, _Kept] = {}  # by target, as it was kept last

    def gather(self) -> Generator[None, None, dict[str, KeptVerdict]]:
        """All of them by target, in steps.

        One of which nothing has changed but its age is the same object for some seconds.
        """
        found: dict[str, _Kept] = {}
        ids = self._monitor.ids()
        for at in range(0, len(ids), _AT_ONCE):
            now = time.monotonic()
            for id_ in ids[at : at + _AT_ONCE]:
                kept, revision = self._kept.get(id_), self._monitor.revision(id_)
                if kept is None or kept.revision != revision or now - kept.since >= _AGE:
                    kept = self._now(id_, kept, now)
                if kept is not None:
                    found[id_] = kept
            yield
        self._kept = found
        return {id_: kept.verdict for id_, kept in found.items()}

    def _now(self, id_: str, before: _Kept | None, now: float) -> _Kept | None:
        """What is kept of a target; the digest of how it is probed is dear, and stays."""
        known, revision = self._monitor.health(id_), self._monitor.revision(id_)
        if known is None:
            return None
        target, health = known
        same = before is not None and before.target is target
        probe = before.verdict.probe if before is not None and same else digest(target)
        known_at = now if self._monitor.is_tried(id_) else self._known_at(id_, before)
        verdict = KeptVerdict(probe, health, known_at)
        return _Kept(target, verdict, revision, now)

    def _known_at(self, id_: str, before: _Kept | None) -> float | None:
        """Of a target that has not been probed since: no restart makes what is known younger."""
        if before is not None:
            return before.verdict.known_at
        return self._earlier[id_].known_at if id_ in self._earlier else None
