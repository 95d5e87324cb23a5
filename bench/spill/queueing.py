"""Regions of vLLM-like replicas: a batch of so many places each, and a queue before it.

A request waits until its replica has a place and then holds it for as long as its answer takes,
which does not depend on the others in the batch. The KV cache is in use as the batch is; a batch
is full when the cache has no room for another request, so that both readings tell the truth.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple


class Size(NamedTuple):
    """How large a region is; `kv_full` is the share of the KV cache that a full batch uses.

    `seconds` is how long an answer takes in the mean.
    """

    replicas: int = 4
    places: int = 16
    seconds: float = 4.0
    kv_full: float = 0.95

    @property
    def capacity(self) -> float:
        """Requests per second that it can bear for ever."""
        return self.replicas * self.places / self.seconds


class Waiting(NamedTuple):
    """A request: when it arrived, how long its answer takes, and its number."""

    arrived: float
    seconds: float
    number: int


@dataclass(slots=True)
class Replica:
    """One server; `running` requests are in its batch, `completed` have left it."""

    running: int = 0
    completed: int = 0
    queue: deque[Waiting] = field(default_factory=deque)

    @property
    def outstanding(self) -> int:
        """All that it has accepted and not finished."""
        return self.running + len(self.queue)


class World:
    """All regions; `waited` has for each request the seconds in a queue, once it has begun."""

    def __init__(self, regions: tuple[str, ...], size: Size, requests: int) -> None:
        self.size = size
        self.replicas = {r: [Replica() for _ in range(size.replicas)] for r in regions}
        self.waited: list[float | None] = [None] * requests
        self._finishing: list[tuple[float, int, Replica]] = []
        self._order = 0

    def outstanding(self, region: str) -> int:
        """Requests in a region, begun or not."""
        return sum(replica.outstanding for replica in self.replicas[region])

    def arrive(self, region: str, now: float, request: Waiting) -> None:
        """To the replica of the region that has the least to do, as its front door would."""
        replica = min(self.replicas[region], key=lambda r: r.running + len(r.queue))
        if replica.running < self.size.places:
            self._begin(replica, now, request)
        else:
            replica.queue.append(request)

    def until(self, now: float) -> None:
        """Let all that ends before `now` end, and what waited for it begin."""
        while self._finishing and self._finishing[0][0] <= now:
            ended, _, replica = heapq.heappop(self._finishing)
            replica.running -= 1
            replica.completed += 1
            if replica.queue:
                self._begin(replica, ended, replica.queue.popleft())

    def _begin(self, replica: Replica, now: float, request: Waiting) -> None:
        replica.running += 1
        self.waited[request.number] = now - request.arrived
        self._order += 1
        heapq.heappush(self._finishing, (now + request.seconds, self._order, replica))
