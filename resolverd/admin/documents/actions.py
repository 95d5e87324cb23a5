"""The documents of what operators do, of explain, and of what supervisors ask."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, ErrorDocument, Part, key
from resolverd.admin.documents.reload import OutdatedPart
from resolverd.admin.documents.state import GenerationPart, OverrideOnPart, SpillRuleOnPart


class UrlsDocument(Document):
    """GET /urls: what /state shows without its secrets."""

    urls: dict[str, str] = key("URL as it is written, by probe target.")


class EmptiedPart(Part):
    """A fence that would have no region which serves."""

    service: str = key("The service.")
    pins: list[str] = key(
        "The pins; none for clients without one, several for those in whose network all hold."
    )


class TellingPart(Part):
    """How far an operator's word has come in the fleet."""

    scope: str = key("To whom it is said: `all`, or an edge.")
    pending: bool = key("Whether it is said here only, for NATS has not confirmed it.")
    edges: list[str] = key("The edges that are heard now, this one too.")
    without: list[str] = key("Edges that it is said to and that do not obey it yet, or may not.")


class OverriddenDocument(Document):
    """POST /override, once answers obey."""

    target: str = key("What was asked for.")
    set: list[OverrideOnPart] = key("The overrides put in force.")
    emptied: list[EmptiedPart] = key("Fences that it left without a region.")
    services_without_region: list[str] = key("Services that no region serves now.")
    fleet: TellingPart | None = key("How far it has come in the fleet; null without one.")


class ClearedDocument(Document):
    """DELETE /override/{target}, once answers obey."""

    target: str = key("What was asked for.")
    cleared: list[OverrideOnPart] = key("The overrides that were ended.")
    released: list[str] = key(
        "Probe targets that flap damping holds down no more, nor a family of theirs."
    )
    fleet: TellingPart | None = key("How far it has come in the fleet; null without one.")


class SentOnPart(Part):
    """What a region of a service sends on and takes."""

    spill_ratio: float = key("Share of its clients that it sends on, 0 to 1.")
    accept_ratio: float = key("Share of others' clients up to which it takes those, 0 to 1.")
    under_rule: bool = key(
        "Whether a spill rule is on it, so that it takes none of others' clients."
    )


class SpillRuleSetDocument(Document):
    """POST /spill, once answers obey."""

    set: SpillRuleOnPart = key("The rule put in force.")
    regions: dict[str, SentOnPart] = key("What each region of the service does now, at this edge.")
    fleet: TellingPart | None = key("How far it has come in the fleet; null without one.")


class SpillRuleClearedDocument(Document):
    """DELETE /spill/{service}, once answers obey it no more."""

    cleared: SpillRuleOnPart = key("The rule that was ended.")
    regions: dict[str, SentOnPart] = key("What each region of the service does now, at this edge.")
    fleet: TellingPart | None = key("How far it has come in the fleet; null without one.")


class WouldEmptyDocument(Document):
    """GET /drain: how long a drain would have to be waited out, and whom it would leave nothing."""

    region: str = key("The region.")
    wait_seconds: float = key("Seconds for which answers of this edge that name it may live now.")
    emptied: list[EmptiedPart] = key("The fences.")


class WouldEmptyRefusedDocument(ErrorDocument):
    """POST /drain or /override, 409: it would leave a fence empty, and was not forced."""

    emptied: list[EmptiedPart] = key("The fences.")


class TtlLeftPart(Part):
    """How long answers of one service may still name a region."""

    service: str = key("The service.")
    ttl_seconds: float = key("Seconds from `drained_at`.")


class DrainedDocument(Document):
    """POST /drain, once answers obey."""

    region: str = key("The region.")
    drained_at: str = key("When answers began to obey, ISO 8601 in UTC.")
    safe_at: str = key("When the last TTL has run out, ISO 8601 in UTC.")
    wait_seconds: float = key(
        "Seconds between the two: the longest TTL, of a fleet at any edge that it is said to."
    )
    services: list[TtlLeftPart] = key("By service, at the edge that was asked.")
    emptied: list[EmptiedPart] = key("Fences that it leaves without a region.")
    fleet: TellingPart | None = key("How far it has come in the fleet; null without one.")


class AliveDocument(Document):
    """GET /healthz, while the daemon is alive."""

    alive: Literal[True] = key("Always true: else the status is 503.")


class ReadyDocument(Document):
    """GET /readyz, while the daemon is ready."""

    ready: Literal[True] = key("Always true: else the status is 503.")
    outdated: list[OutdatedPart] = key("Parts in an older state than their files.")
    degraded: list[str] = key("What fails that answers do not need, in words.")
    down: str = key("Services without a region and regions that are down, in words; or empty.")


class FitnessDocument(Document):
    """GET /fitness: what decides whether this edge's service addresses are announced."""

    faults: list[str] = key("What is dead or stuck in the daemon, its probes included, in words.")
    isolation: str | None = key("Why this host is taken to be isolated; null where it is not.")
    plan_generation: int = key("Counter of the Plan that is served.")
    plan_behind_seconds: float | None = key(
        "For how long what is served has been older than its files; null where it is not."
    )
    zone: str | None = key("A zone that is served, whose SOA may be asked for; null without any.")
    queries: int = key("Packets received since the start, over all transports.")


class RegionStatusPart(Part):
    """A region as the decision saw it."""

    serves: bool = key("Whether its addresses may be answered.")
    unknown: bool = key("Whether it has no verdict yet.")
    min_until_flip: float | None = key(
        "Seconds until its state may change at the earliest; null: never."
    )
    since_change: float | None = key(
        "Seconds since it last changed; null: longer ago than a TTL, or never."
    )
    spill_ratio: float = key("Share of its clients that it sends on, 0 to 1.")
    accept_ratio: float = key("Share of others' clients up to which it takes those, 0 to 1.")
    steady: float | None = key("Seconds until its shares may move; null: not soon.")
    spill_off: bool = key(
        "Whether an operator has it out of spilling: no trickle goes from it or to it."
    )
    has_addresses: bool = key("Whether it has an address.")
    alive: bool = key("Whether an endpoint of it is measured up.")
    answer_min_until_flip: float | None = key("Seconds until its answer may change; null: never.")
    answer_since_change: float | None = key(
        "Seconds since its answer changed; null: longer ago than a TTL, or never."
    )


class CandidatePart(Part):
    """One region of the service, and why it was chosen or passed over."""

    region: str = key("The region.")
    km: float = key("Distance from the client, km.")
    preferred: int | None = key("Rank in the preference list, from 1; null outside the fence.")
    status: RegionStatusPart = key("Its status.")
    reason: str = key("Why it was chosen or passed over, in a word.")
    why: str = key("The same in words.")


class DrawPart(Part):
    """Where shares had a part: the client's block and its draw."""

    block: str = key("The client's block, a prefix.")
    value: float = key("Its draw, from 0 to below 1.")
    position: float | None = key("What takes the place of the draw, where blocks are weighed.")
    load: float | None = key(
        "Its share of the queries of that region's clients, where it is a heavy block, 0 to 1."
    )
    home: str = key("The region that would answer if it sent nobody on.")
    spill_ratio: float = key("Share of its clients that it sends on, 0 to 1.")
    trickle: float = key("Share that the second region is given: the highest draws, 0 to 0.5.")


class HeldPart(Part):
    """A region that the client's block keeps (`sticky`), and what would be given now."""

    since: float = key("When the block was given it, Unix seconds.")
    until: float = key("When the block's epoch ends, and what is best then is given, Unix seconds.")
    now: str | None = key("The region that would be given now, if any.")
    outcome: str = key("Outcome of that decision.")
    reasons: list[str] = key("Its reasons, one for each region that it came to.")


class FamilyTtlPart(Part):
    """The TTL of the answer for one type."""

    type: str = key("A or AAAA.")
    ttl: float | None = key("Seconds; null where there is none.")
    why: str = key("What bounds it, and what it would be otherwise.")


class MeasuredTimePart(Part):
    """What was measured of the way to a region."""

    source: str = key("Of what: prefix, country, place or asn.")
    ms: float = key("Round-trip time, ms.")
    confidence: float = key("How far it is believed, 0 to 1.")
    age_seconds: float = key("Seconds since it was measured last, when its table was read.")


class SourcePart(Part):
    """One source of knowledge of a round-trip time."""

    name: str = key("Which: geography, landmarks, country, asn, place or prefix.")
    ms: float = key("What is expected with it and those before it, ms.")


class CostPart(Part):
    """What the way to one region costs by a policy."""

    region: str = key("The region.")
    cost: float | None = key("The cost that orders it, bias and all; null where none does.")
    bias: str = key("Its bias; empty where it has none.")
    expected_ms: float | None = key("Expected round-trip time, ms; null where it has no part.")
    sources: list[SourcePart] = key("The sources of that, the most general first.")
    measured: list[MeasuredTimePart] = key("What was measured of it.")


class OrderPart(Part):
    """The order that a policy gives a client."""

    policy: str = key("The policy.")
    preference: list[str] = key("Regions that it may be given, best first.")
    unit: str = key("Unit of the costs: ms, km, or empty where no cost decides.")
    why: str = key("Why it is that, in words.")
    costs: list[CostPart] = key("All regions of the service, in this order.")
    landmarks: list[str] = key("Landmarks nearby.")


class HopPart(Part):
    """One hop of a pair of services: from the client or an edge region to a region."""

    service: str = key("The service whose region it leads to.")
    start: str | None = key("The region where it begins; null for the client.")
    region: str | None = key("The region; null where the service gives none.")
    km: float | None = key("Its great circle; null where there is no region.")
    ms: float | None = key("The round trip expected; null where the service goes by no times.")


class HopsPart(Part):
    """Both hops of a pair of services: an edge service, and the core service behind it."""

    edge: HopPart = key("From the client to the edge.")
    core: HopPart = key("From the edge region to the core; from the client where there is none.")
    km: float | None = key("Both together; null where one is not known.")
    ms: float | None = key("Both together; null where one is not known.")


class ExplanationPart(Part):
    """Why a client gets the answer that it gets."""

    name: str = key("The name.")
    service: str = key("The service that it leads to.")
    policy: str = key("How its regions are ranked.")
    client: str = key("The client's prefix.")
    looked_up: str = key("The prefix that was looked up.")
    place: str = key("Where the client is taken to be.")
    accuracy_radius_km: float | None = key(
        "How exact the database says that is, km; null where it does not."
    )
    doubt: str = key("Why only the place's country is taken as sure; empty where all of it is.")
    network_length: int = key("Prefix length of the client's network in the database, bits.")
    pins: list[str] = key("Pins that make its fence.")
    groups: list[str] = key("Groups of countries by which these pins hold, each with its date.")
    fence: list[str] = key("Regions that it may be given.")
    candidates: list[CandidatePart] = key("All regions of the service.")
    outcome: str = key("Outcome of the decision.")
    region: str | None = key("The region that is answered, if any.")
    draw: DrawPart | None = key("The draw, where shares had a part.")
    held: HeldPart | None = key("What the client keeps, where another would be given now.")
    answer: list[str] = key("The answer's data.")
    note: str = key("Text of the extended error; empty where there is none.")
    ttl: float | None = key("The answer's TTL, seconds; null where there is none.")
    ttl_why: str = key("Why it is that.")
    ttls: list[FamilyTtlPart] = key("The TTL of each type; `ttl` is the first with an answer.")
    scope: int = key("SCOPE PREFIX-LENGTH of the answer, bits.")
    ecs: bool = key("Whether the service honours client subnets.")
    order: OrderPart = key("Why the regions stand in the order in which they do.")
    alternative_order: OrderPart | None = key(
        "The order of the policy asked for; null where none was."
    )
    hops: HopsPart | None = key("The hops of a pair's client; null for a service alone.")


class ExplainDocument(Document, ExplanationPart):
    """GET /explain."""

    config: str = key("The main configuration file, an absolute path.")
    generation: GenerationPart = key("Counters of what is served.")
    verdicts: dict[str, str] = key("State and reason by region.")
