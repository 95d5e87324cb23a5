"""States of the last image of a Steering, so that the next has to make those that changed alone.

A state is made of a status and of what is handed out, and stays for as long as both are the same
objects, and so do the octets that it points to. They lie in one pool, to which new ones are added;
once more than half of it is pointed to by nobody, all are made anew.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from resolverd.engine.image_pool import Pool
from resolverd.policy.decision import RegionStatus
from resolverd.snapshot.model import RegionRecords

StateKey = tuple[int, int, float, float]
"""The identities of a status and of its records, then the TTLs of the service in seconds."""

# Octets of a pool that are no matter, however many of them are used.
_SMALL = 4096


class KeptState(NamedTuple):
    """One state, of objects that live for as long as it is known by their identities."""

    octets: bytes
    status: RegionStatus
    given: RegionRecords
    pointed_to: int
    """How many octets of the pool were added for it."""


class KeptStates:
    """What the images of one engine have in common. Whoever makes one holds `lock` meanwhile."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pool = Pool()
        self._states: dict[StateKey, KeptState] = {}
        self._staleness = 0.0

    def begin(self, staleness: float) -> dict[StateKey, KeptState]:
        """What there is for an image of a Steering that grows so old (s)."""
        used = sum(state.pointed_to for state in self._states.values())
        if staleness != self._staleness or len(self.pool.octets) > 2 * used + _SMALL:
            self.pool, self._states = Pool(), {}
            self._staleness = staleness
        return self._states

    def end(self, states: dict[StateKey, KeptState]) -> None:
        """The image was made of exactly these."""
        self._states = states
