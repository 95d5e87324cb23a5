"""The blocks of services that weigh them: samples in, what stands for draws and how much to sample.

    engine ─► samples ─► BlockLoad of each region ─┐
    shares that have moved ────────────────────────┴─► Positions, with the shares ─► Steering

Sampling is as dense as a bounded number of samples a second allows, so a quiet edge host counts
each query and a busy one one in thousands. Blocks are placed anew when shares move and only then:
what is counted in between changes no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from resolverd.config.model import Service
from resolverd.engine.block_samples import BlockSamples
from resolverd.policy.share import MAX_SAMPLED, NO_SHARE, Positions, Share
from resolverd.policy.spill_state import Spill
from resolverd.policy.weighing import BlockLoad, placed

Key = tuple[str, str]
"""A service and a region of it."""

# Samples a second of one region, and of all together: more know a load sooner, and cost the CPU of
# counting them, some microseconds each.
_RATE = 256.0
_TOTAL_RATE = 2048.0
# One of so many queries is kept while nothing is known of how many there are: fewer cost a busy
# host more in its first second.
_FIRST = 8
# The weight of the last second in the rate that sampling follows.
_WEIGHT = 0.3
# Seconds between two fadings of the counts, each of which costs a pass over them.
_FADING = 10.0


@dataclass(slots=True)
class _Region:
    """One region of a service: what its clients' blocks ask, and how densely that is sampled."""

    load: BlockLoad
    rate: float | None = None
    sampled: int = _FIRST


@dataclass(frozen=True, slots=True)
class Unevenness:
    """How unequal the blocks of one region's clients are, by what is counted of `samples` queries.

    `largest` is the largest block's share of the load, `heavy` how many are heavy, `placed` how
    many have a position of their own now. Samples count less the older they are.
    """

    samples: int
    largest: float
    heavy: int
    placed: int


class Weighing:
    """What is known of the blocks of each region of the services that weigh them."""

    def __init__(self) -> None:
        self._regions: dict[Key, _Region] = {}
        self._positions: dict[Key, Positions] = {}
        self._ratios: dict[str, Mapping[str, tuple[float, float]]] = {}
        self._services: dict[str, Service] = {}
        self._taken_at: float | None = None
        self._faded_at = 0.0

    def adopt(self, services: Mapping[str, Service], now: float) -> None:
        """Weigh the blocks of those that want it; what is known of those that stay is kept."""
        self._services = {name: service for name, service in services.items() if weighs(service)}
        wanted = {(name, region) for name, s in self._services.items() for region in s.regions}
        self._regions = {
            key: self._regions.get(key) or _Region(BlockLoad(now)) for key in sorted(wanted)
        }
        self._positions = {key: p for key, p in self._positions.items() if key in wanted}
        self._ratios = {name: r for name, r in self._ratios.items() if name in self._services}

    @property
    def positions(self) -> Mapping[Key, Positions]:
        """What stands for draws now, for a later process to `resume`."""
        return dict(self._positions)

    def resume(self, positions: Mapping[Key, Positions], spills: Mapping[str, Spill]) -> None:
        """Take over the positions that an earlier process kept, and the shares that were in use."""
        self._positions = dict(positions)
        self._ratios = {name: _ratios(spill.shares(0.0)) for name, spill in spills.items()}

    @property
    def wanted(self) -> bool:
        """Whether any service weighs its blocks."""
        return bool(self._services)

    def take(self, taken: BlockSamples, now: float) -> bool:
        """Count what was sampled since the last call; whether sampling is to change."""
        queries: Counter[Key] = Counter()
        for service, region, word, count in taken.samples:
            known = self._regions.get((service, region))
            if known is not None:  # else it has just been edited away
                known.load.count(word, count)
                queries[service, region] += count
        if now - self._faded_at >= _FADING:
            self._faded_at = now
            for known in self._regions.values():
                known.load.fade(now)
        before, self._taken_at = self._taken_at, now
        if before is None or now <= before:
            return False
        lost = 1 + taken.dropped / max(1, len(taken.samples))
        changes = [
            self._resample(known, queries[key] * lost / (now - before))
            for key, known in self._regions.items()
        ]
        return any(changes)

    def place(self, service: str, shares: Mapping[str, Share]) -> None:
        """Place the blocks of a service for its shares by region, where these have moved."""
        if service not in self._services:
            return
        before = self._ratios.get(service, {})
        ratios = _ratios(shares)
        if ratios == before:
            return
        self._ratios[service] = ratios
        for region in self._services[service].regions:
            key = (service, region)
            wanted = _in_use(region, ratios)
            if wanted:
                was, held = self._positions.get(key), _in_use(region, before)
                made = placed(self._regions[key].load, wanted, was, held)
                if made is not None:
                    self._positions[key] = made

    def over(self, shares: Mapping[Key, Share]) -> dict[Key, Share]:
        """`shares`, with what weighs blocks of the services that want it."""
        return dict(shares) | {
            key: shares.get(key, NO_SHARE)._replace(
                positions=self._in_use(key), sampled=known.sampled
            )
            for key, known in self._regions.items()
        }

    def unevenness(self) -> dict[Key, Unevenness]:
        """How unequal blocks are, by service and region, of each region with any sample."""
        return {
            key: Unevenness(
                round(known.load.samples),
                known.load.largest,
                known.load.heavy,
                len(positions.heavy) if (positions := self._in_use(key)) else 0,
            )
            for key, known in self._regions.items()
            if known.load.samples >= 1
        }

    def _in_use(self, key: Key) -> Positions | None:
        """What stands for draws now; what stood for them last is kept for the next time."""
        spill_ratio, _ = self._ratios.get(key[0], {}).get(key[1], (0.0, 0.0))
        return self._positions.get(key) if spill_ratio else None

    def _resample(self, known: _Region, rate: float) -> bool:
        """Sample a region as its queries a second allow; whether that is another density."""
        smoothed = rate if known.rate is None else known.rate + _WEIGHT * (rate - known.rate)
        known.rate = smoothed
        allowed = min(_RATE, _TOTAL_RATE / len(self._regions))
        samples = max(rate, smoothed) / known.sampled
        if allowed / 4 <= samples <= 2 * allowed or (known.sampled == 1 and samples < allowed):
            return False
        wanted = 1
        while wanted < MAX_SAMPLED and max(rate, smoothed) / wanted > allowed:
            wanted *= 2
        changed, known.sampled = wanted != known.sampled, wanted
        return changed


def weighs(service: Service) -> bool:
    """Whether a service weighs blocks by the queries that come from them."""
    return service.spill.enabled and service.policy == "ttft"


def _ratios(shares: Mapping[str, Share]) -> Mapping[str, tuple[float, float]]:
    """By region what it sends on and what it takes."""
    return {region: (share.spill_ratio, share.accept_ratio) for region, share in shares.items()}


def _in_use(region: str, ratios: Mapping[str, tuple[float, float]]) -> set[float]:
    """The shares that decide where this region's clients go; none while it keeps them all."""
    own, _ = ratios.get(region, (0.0, 0.0))
    others = {accept for other, (_, accept) in ratios.items() if other != region}
    return {own} | {accept for accept in others if accept < own} if own else set()
