"""What a probe read of an endpoint beyond whether it serves: one value, its kind's own.

    a probe ─► Outcome.readings ─► the target's watch, which keeps the latest ─► load, peers, admin

A kind whose probes read something has a class of its own, derived from `Readings`, and nobody in
between knows what is in it. What any kind may have, and others than the kind act on, are a load and
an identity.

Each figure of a load is None where the server does not say it: missing is unknown, never zero, and
never a reason to be preferred. Totals only grow, until the process starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from resolverd.health.identity import Identity


@dataclass(frozen=True, slots=True)
class Buckets:
    """A cumulative histogram since the process started: observations by upper bound in seconds.

    `counts` has one element for each of `bounds` (ascending, the last infinite).
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]


class Total(NamedTuple):
    """A histogram since the process started, added up: seconds, and observations."""

    seconds: float
    observations: float


_NO_RESPONSES: Mapping[str, float] = MappingProxyType({})


class LoadReadings(NamedTuple):
    """How loaded an endpoint is, at one moment; `at` in seconds of the monotonic clock.

    `running` and `waiting` count requests, `kv_usage` is a share from 0 to 1, `tokens` a total
    that grows exactly while the engine makes progress, `started` the process's start in Unix
    seconds, `ttft` times to first token. `responses` are totals by class: ``"2xx"``, ``"5xx"``.
    `shedding` tells that the server turned a request away because it is full.
    `tells_no_load` tells that the server is known to have neither `waiting` nor `kv_usage` to tell:
    else those that are missing may be there to be read the next time.
    `lost` is the share of its capacity that is known to serve nobody, from 0 to 1.
    `completed` is a total of requests finished, `ttft_total` and `queue_total` are those of times
    to first token and of times in the queue.
    """

    at: float
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    tokens: float | None = None
    started: float | None = None
    ttft: Buckets | None = None
    responses: Mapping[str, float] = _NO_RESPONSES
    shedding: bool = False
    lost: float = 0.0
    completed: float | None = None
    ttft_total: Total | None = None
    queue_total: Total | None = None
    tells_no_load: bool = False


class News(NamedTuple):
    """What a change of readings is logged as: a name of `log.events`, and its fields."""

    event: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Readings:
    """What probes of one kind know of one endpoint, as of the last that read anything.

    `load` is for shares and alerts, `identity` for the comparison with its peers; None where the
    kind does not look for it, or found none.
    """

    load: LoadReadings | None = None
    identity: Identity | None = None

    def after_silence(self) -> Self:
        """What is left of it after a probe that read nothing: who it is has to be asked again."""
        return replace(self, identity=None)

    def news(self, before: Readings | None) -> News | None:
        """What the log says of it, where it differs from `before`; by default nothing."""
        return None
