"""The two compiled tables. Values only; an engine needs nothing else to answer.

The **Plan** holds names, RRsets and, for each service, the map from client prefix to
preference list. It is rebuilt on reload. The **Steering** holds, for each (service,
preference list), the answer to give now. It is rebuilt on every verdict. Both are immutable
to their readers and carry a generation; a `Snapshot` pairs one of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from resolverd.dns.edns import ExtendedError
from resolverd.dns.names import ROOT, Key, parent
from resolverd.dns.prefix import Prefix
from resolverd.dns.writer import RRsetWire
from resolverd.health.verdict import Verdict
from resolverd.policy.decision import (
    NO_DRAW,
    Decision,
    Reason,
    RegionStatus,
    decide,
)
from resolverd.policy.outcomes import EXPLANATIONS, AllDown, NoRegion, Outcome
from resolverd.policy.ranking import PreferenceList
from resolverd.policy.share import draw_of_word, draw_word
from resolverd.policy.sticky import Epochs
from resolverd.policy.ttl import BoundedTtl, ttl_of
from resolverd.rtt.latency import Measured
from resolverd.snapshot.core import Core as Core
from resolverd.snapshot.entries import Block as Block
from resolverd.snapshot.entries import ClientMap as ClientMap
from resolverd.snapshot.entries import MapEntry as MapEntry
from resolverd.snapshot.entries import MapSize as MapSize
from resolverd.snapshot.held import EarlierMap as EarlierMap
from resolverd.snapshot.held import Held, History, hold
from resolverd.snapshot.nodes import Dyna as Dyna
from resolverd.snapshot.nodes import NamesEdited as NamesEdited
from resolverd.snapshot.nodes import Node as Node
from resolverd.snapshot.nodes import Referral as Referral
from resolverd.snapshot.nodes import ZonePlan as ZonePlan


class EndpointPlan(NamedTuple):
    """One endpoint as answered: the probe target that judges it, and its addresses.

    `a` and `aaaa` are address octets; a `hostname` instead is resolved in the background.
    """

    target: str
    a: tuple[bytes, ...]
    aaaa: tuple[bytes, ...]
    hostname: str


class RegionPlan(NamedTuple):
    """One region of one service.

    `site` names what is judged: the region, or REGION@SERVICE where this service's own probe
    settings judge it. Region plans of one site differ in their `cname` alone.
    """

    site: str
    endpoints: tuple[EndpointPlan, ...]
    min_endpoints: int
    cname: RRsetWire | None


class Site(NamedTuple):
    """A region as the services that share its probes see it: judged once for all of them.

    `ttl` is the longest of those services'.
    """

    region: str
    services: tuple[str, ...]
    ttl: float
    planned: RegionPlan


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service: its regions, its client map, and its TTLs in seconds.

    `ecs` tells whether client subnets are honoured, `cname` whether it answers with the
    region's hostname, `no_region` what a client is answered who can be given no region.
    `policy` is as it is written, where the client map's is that of its order alone.
    `trickle` is the share of clients that the second region of their list is given. With `core` it
    is an edge service: behind the regions of its own, and of its map, stand those of its core.
    `sticky` is how many seconds a block keeps its region (`policy/sticky.py`). `mapped` is the
    generation of the Plan that brought `clients`; `earlier` the map before, which stickiness needs.
    """

    name: str
    regions: Mapping[str, RegionPlan]
    clients: ClientMap
    ttl: float
    failover_ttl: float
    all_down: AllDown
    ecs: bool
    cname: bool
    no_region: NoRegion = "cname"
    trickle: float = 0.0
    policy: str = ""
    sticky: float = 0.0
    mapped: int = 0
    earlier: EarlierMap | None = None
    core: Core | None = None

    @property
    def own(self) -> Mapping[str, RegionPlan]:
        """The regions that it has itself, which its client map orders."""
        if self.core is None or not self.core.behind:
            return self.regions
        behind = self.core.behind
        return {name: region for name, region in self.regions.items() if name not in behind}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that operators write, compiled. `zones` by the key of their apex.

    `query_log` is the share of queries that are written to the log, `measured` what tables say of
    round-trip times, and `sites` what is to be judged, by name, which follows from the services.
    """

    generation: int
    zones: Mapping[Key, ZonePlan]
    services: Mapping[str, ServicePlan]
    nsid: bytes
    udp_payload: int
    query_log: float = 0.0
    measured: Measured | None = None

    @property
    def map_kind(self) -> Literal["lazy", "compiled"]:
        """How its client maps are made; they are all of one kind."""
        return next((service.clients.kind for service in self.services.values()), "lazy")

    def closest_zone(self, key: Key) -> ZonePlan | None:
        """The zone with the longest apex at or above `key`, or None."""
        while True:
            zone = self.zones.get(key)
            if zone is not None:
                return zone
            if key == ROOT:
                return None
            key = parent(key)

    def service_of(self, dyna: Dyna) -> ServicePlan:
        """The service whose regions answer at a DYNA."""
        service = self.services[dyna.service]
        if dyna.behind:
            assert service.core is not None, "zones are checked for the services that they name"
            service = self.services[service.core.service]
        return service

    sites: Mapping[str, Site] = field(init=False)

    def __post_init__(self) -> None:
        """Gather the sites of all services."""
        served: dict[str, list[str]] = {}
        planned: dict[str, tuple[str, RegionPlan]] = {}
        for service in self.services.values():
            for region, plan in service.regions.items():
                served.setdefault(plan.site, []).append(service.name)
                if plan.site not in planned or plan.cname is None:
                    planned[plan.site] = (region, plan)
        sites = {
            site: Site(region, tuple(names), max(self.services[n].ttl for n in names), plan)
            for site, names in served.items()
            for region, plan in [planned[site]]
        }
        object.__setattr__(self, "sites", sites)


class RegionRecords(NamedTuple):
    """What one region would be answered with: RRsets whose order is rotated per query.

    `a_ttl` and `aaaa_ttl` are the most that the sources of its addresses allow for each family, be
    it that there is none of it, in seconds; None where all are written in the configuration.
    """

    a: RRsetWire | None
    aaaa: RRsetWire | None
    cname: RRsetWire | None
    a_ttl: int | None = None
    aaaa_ttl: int | None = None


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """The answer for one (service, preference list) now; `ttl` in seconds.

    Where it is `per_block` it is that of some blocks only, and others with this list have another.
    `no_region` is how it is answered that there is no region, where there are no `records`.
    `decision` and `bounded` are the reasons, for `explain`: nothing on a packet's way reads them.
    `held` tells of a region that is kept although another would be given now.
    """

    outcome: Outcome
    region: str | None
    first_choice: bool
    records: RegionRecords | None
    ttl: int
    error: ExtendedError | None
    per_block: bool
    no_region: NoRegion | None
    decision: Decision
    bounded: BoundedTtl
    held: Held | None = None


class JudgedRegion(NamedTuple):
    """A region as some services see it; `endpoints` are verdicts by probe target."""

    name: str
    region: str
    services: tuple[str, ...]
    verdict: Verdict
    endpoints: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class Steering:
    """The state of the world at `taken_at` (monotonic seconds), and the answers it implies.

    The lazy client map finds preference lists as clients come, so answers are computed from
    `statuses` when first asked for and kept; a compiled map would list them all. Where shares
    have a part the client's block decides between the few answers of its list.
    `settled` tells that time alone changes nothing before `due` (monotonic seconds): when an end
    that is known comes so close that TTLs fall, the TTL of a hostname's addresses begins to count,
    or epochs end. Else a new Steering is due within `staleness` seconds. `regions` are the verdicts
    behind the statuses, by site, for those who watch rather than answer. `epochs` are by service,
    of those whose blocks may keep regions that would not be given now; `histories` are for the next
    one.
    """

    generation: int
    taken_at: float
    staleness: float
    settled: bool
    statuses: Mapping[str, Mapping[str, RegionStatus]]
    records: Mapping[str, Mapping[str, RegionRecords]]
    regions: Mapping[str, JudgedRegion]
    due: float = math.inf
    epochs: Mapping[str, Epochs] = field(default_factory=dict)
    histories: Mapping[str, History] = field(default_factory=dict)
    cached: dict[tuple[str, PreferenceList], CachedAnswer] = field(default_factory=dict)
    decided: dict[tuple[str, Decision, tuple[Reason, ...]], CachedAnswer] = field(
        default_factory=dict
    )

    def answer(
        self, service: ServicePlan, client: Prefix, entry: MapEntry, *, reordered: bool = False
    ) -> tuple[CachedAnswer, int]:
        """What to give now to a client of this map entry, and the scope in which that holds.

        `reordered`: its list is not in the client map's order.
        """
        cached, scope = self._decided_now(service, client, entry)
        epochs = self.epochs.get(service.name)
        if epochs is None:
            return cached, scope
        return hold(epochs, self, service, client, entry, cached, scope, reordered=reordered)

    def _decided_now(
        self, service: ServicePlan, client: Prefix, entry: MapEntry
    ) -> tuple[CachedAnswer, int]:
        """What is decided now, whatever was before.

        A client too short for its entry hears of the block even where that has no part in its
        answer: it has one in what a part of it is answered. That it has no region holds for a part
        of it at most, so no resolver may keep that for the whole: its TTL is 0.
        """
        cached = self._undivided(service, entry.preference)
        short = entry.scope > client.length
        if cached.outcome == "no_region" and short:
            cached = replace(cached, ttl=0)
        settled = not short or not (self._spills(service) or service.trickle > 0)
        if settled and not cached.per_block:
            return cached, entry.scope
        block = service.clients.block(client)
        if cached.outcome == "no_region":
            return cached, max(entry.scope, block.scope)
        home, word = cached.region, draw_word(block.prefix)
        positions = None if home is None else self.statuses[service.name][home].positions
        position = None if positions is None else positions.of(word)
        mine = self._cached(service, entry.preference, draw_of_word(word), position)
        return mine, max(entry.scope, block.scope)

    def home(self, service: ServicePlan, entry: MapEntry) -> str | None:
        """The region that serves a client of this map entry unless it sends it on; else None."""
        cached = self._undivided(service, entry.preference)
        return cached.region if cached.outcome == "serving" else None

    def _undivided(self, service: ServicePlan, preference: PreferenceList) -> CachedAnswer:
        """The answer to clients whom no region sends on."""
        key = (service.name, preference)
        cached = self.cached.get(key)
        if cached is None:
            cached = self.cached[key] = self._cached(service, preference, NO_DRAW)
        return cached

    def _spills(self, service: ServicePlan) -> bool:
        return any(status.spill_ratio > 0 for status in self.statuses[service.name].values())

    def _cached(
        self,
        service: ServicePlan,
        preference: PreferenceList,
        draw: float,
        position: float | None = None,
    ) -> CachedAnswer:
        statuses, trickle = self.statuses[service.name], service.trickle
        decision = decide(preference, statuses, service.all_down, draw, trickle, position)
        key = (service.name, decision, decision.reasons)
        found = self.decided.get(key)
        if found is None:
            found = self.decided[key] = self._compute(service, decision)
        return found

    def _compute(self, service: ServicePlan, decision: Decision) -> CachedAnswer:
        statuses = self.statuses[service.name]
        region = decision.region
        bounded = ttl_of(
            ((name, statuses[name]) for name in decision.consulted),
            ttl=service.ttl,
            failover_ttl=service.failover_ttl,
            staleness=self.staleness,
            answered=decision.without_serving,
        )
        return CachedAnswer(
            outcome=decision.outcome,
            region=region,
            first_choice=region in decision.consulted[:1],
            records=self.records[service.name][region] if region is not None else None,
            ttl=bounded.seconds,
            error=extended_error(decision.outcome),
            per_block=decision.per_block,
            no_region=_no_region(decision.outcome, service),
            decision=decision,
            bounded=bounded,
        )


def _no_region(outcome: Outcome, service: ServicePlan) -> NoRegion | None:
    match outcome:
        case "no_region" | "no_address":
            return service.no_region
        case "cname" | "nodata" | "servfail":
            return outcome
    return None


def extended_error(outcome: Outcome) -> ExtendedError | None:
    """The EDE that explains an outcome other than a healthy region (RFC 8914)."""
    return EXPLANATIONS.get(outcome)


class Snapshot(NamedTuple):
    """The pair that one packet is answered from."""

    plan: Plan
    steering: Steering
