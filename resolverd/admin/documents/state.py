"""The document of /state."""

from __future__ import annotations

from typing import Literal

from resolverd.admin.documents.base import Document, Part, key
from resolverd.admin.documents.endpoint import EndpointPart, OverridePart, Verdict, VerdictPart
from resolverd.admin.documents.reload import ReloadPart
from resolverd.admin.documents.round_trips import RoundTripsPart


class IsolationPart(Part):
    """Whether this host is taken to be cut off, rather than every region to be dead."""

    isolated: bool = key("Whether it is isolated now: no region is taken out for not responding.")
    since: str | None = key("Since when, ISO 8601 in UTC.")
    regions: list[str] = key("Those whose health is kept, as they do not respond again yet.")
    reason: str | None = key("Why the host is not ready; null where it is.")


class EnginePart(Part):
    """What answers queries."""

    name: Literal["native", "reference"] = key("Which of the two engines.")
    workers: int = key("Its processes, or threads.")
    client_map: Literal["compiled", "lazy"] = key("Kind of the map from clients to regions.")


class GenerationPart(Part):
    """Counters of what is served."""

    plan: int = key("Of the Plan: one more with each edit adopted.")
    steering: int = key("Of the Steering: one more with each change of health.")


class EditsPart(Part):
    """How edits of files are noticed."""

    watch: bool = key("Whether files are watched.")
    method: Literal["inotify", "polling"] | None = key("How; null where they are not.")
    settle_seconds: float = key("Seconds for which files must rest.")
    unsettled: list[str] = key("Files of an edit that is waited for.")
    hanging: list[str] = key("Files that do not answer.")


class ReportPart(Part):
    """What an edge says of the generation on trial."""

    edge: str = key("The edge.")
    state: Literal["taken", "proved", "failed"] = key("How far it has come.")
    why: str | None = key("Why it failed; null where it has not.")
    figures: dict[str, float] = key("The figures of its proof.")


class TrialPart(Part):
    """The generation that is on its way through the fleet."""

    number: int = key("Its number.")
    seconds: float = key("For how long this edge has known its present wave.")
    waves: list[list[str]] = key("The edges of each wave so far; the first are the canaries.")
    reports: list[ReportPart] = key("What they have reported.")


class PublishedPart(Part):
    """The published generation that is served, and the one on trial."""

    number: int | None = key("Its number; null where none is served.")
    sha256: str | None = key("The SHA-256 of its set; null where none is served.")
    author: str | None = key("Who published it; null where the fleet has not been heard.")
    note: str | None = key("Why; likewise.")
    published_at: str | None = key("When, ISO 8601 in UTC; likewise.")
    since: str | None = key("Since when it is served here, ISO 8601 in UTC.")
    on_trial: bool = key("Whether it is on trial.")
    completed: int = key("The number that every edge is to serve; 0 before any is completed.")
    trouble: str | None = key("Why this edge does not serve what it is to; null where it does.")
    trial: TrialPart | None = key("The trial that is under way; null where none is.")


class GpusPart(Part):
    """What a region serves with."""

    model: str = key("GPU model.")
    count: int = key("GPUs.")
    usd_per_hour: float = key("Price of one, US dollars per hour.")


class HoursPart(Part):
    """A region's hours of service."""

    spans: list[str] = key("The hours as they are configured.")
    time_zone: str = key("IANA time zone of the hours.")
    open: bool = key("Whether it is within them now.")
    withdraw: bool = key("Whether they withdraw it now; an override in force beats them.")
    changed_at: str | None = key(
        "When it opened or closed, ISO 8601 in UTC; null if not since start."
    )
    until: str | None = key("When it closes or opens next, ISO 8601 in UTC; null if never.")


class OutcomesPart(Part):
    """What a region's clients got, over the window of its alerts; null is unknown."""

    ttft_p50_seconds: float | None = key("Median time to first token, seconds.")
    ttft_p99_seconds: float | None = key("99th percentile of it, seconds.")
    success_ratio: float | None = key("Share of requests not answered 5xx, 0 to 1.")
    gpu_utilization_ratio: float | None = key("Mean utilisation of the GPUs, 0 to 1.")
    failover_ratio: float | None = key("Share of answers given elsewhere for want of it, 0 to 1.")


class RegionPart(VerdictPart):
    """One region; REGION@SERVICE where a service's own probes judge it otherwise."""

    name: str = key("What is judged: REGION, or REGION@SERVICE.")
    region: str = key("The region, as it is configured.")
    country: str | None = key("ISO 3166 code of its country, if configured.")
    coordinates: list[float] = key("Latitude and longitude, degrees.")
    gpus: GpusPart | None = key("Its GPUs, if configured.")
    services: list[str] = key("Services that it serves.")
    withdrawn: bool = key("Whether overrides or hours alone keep it from serving.")
    hours: HoursPart | None = key("Its hours of service, if it has any.")
    min_endpoints: int = key("Endpoints that must serve for the region to.")
    outcomes: OutcomesPart = key("What its clients got.")
    alerts: dict[str, bool | None] = key("Whether each alert fires; null where nothing is known.")
    endpoints: list[EndpointPart] = key("Its endpoints.")


class BlocksPart(Part):
    """How unequal the blocks of a region's clients are, by samples of their queries."""

    samples: int = key("Queries that this is known from; the older, the less they count.")
    largest_ratio: float = key("The largest block's share of the queries, 0 to 1.")
    heavy: int = key("Blocks with at least 0.5 % of the queries.")
    placed: int = key("Blocks that have a position of their own while the region sends clients on.")


class CostPart(Part):
    """What a region costs its own clients until their first token, where cost moves shares."""

    rtt_seconds: float = key("The round trip of who stands there.")
    queue_seconds: float | None = key("The queue delay that is expected; null where it is unknown.")
    prefill_seconds: float | None = key("Time to first token without the queue; null: unknown.")
    max_requests_per_second: float | None = key(
        "The most that it was seen to finish; null: not known yet."
    )


class LoadPart(Part):
    """What a region of a service bears."""

    saturation: float | None = key("Saturation: 1 is just full, null is unknown.")
    spill_ratio: float = key("Share of its clients that it sends on, 0 to 1.")
    accept_ratio: float = key("Share of others' clients up to which it takes those, 0 to 1.")
    cost: CostPart | None = key("What it costs, with policy ttft; else null.")
    blocks: BlocksPart | None = key(
        "Its clients' blocks, where they are weighed and any query of them is known."
    )


class StateFencePart(Part):
    """The regions of a service that the clients of some pins may have."""

    pins: list[str] = key(
        "The pins; none for clients without one, several for those in whose network all hold."
    )
    regions: list[str] = key("The regions.")
    serving: list[str] = key("Those of them that serve now.")


class ServicePart(Part):
    """One service."""

    name: str = key("Its name.")
    model: str | None = key("The model, if configured.")
    models: dict[str, str | None] = key("The model by region.")
    must_agree: list[str] = key("Fields that all vLLM servers of one model must have in common.")
    policy: str = key("How its regions are ranked.")
    core: str | None = key("The service behind it, if it is an edge service.")
    answer: str = key("What is answered: addresses, or a CNAME.")
    ttl_seconds: float = key("TTL while all is well, seconds.")
    failover_ttl_seconds: float = key("TTL while its answers may change, seconds.")
    serves: bool = key("Whether any of its regions does.")
    regions: dict[str, Verdict] = key("State by region, in the order of the configuration.")
    load: dict[str, LoadPart] = key("Load by region.")
    names: list[str] = key("Names of the DYNA records that lead to it.")
    pins: list[str] = key("Pins that hold for it.")
    fences: list[StateFencePart] = key("Its fences.")


class OverrideOnPart(OverridePart):
    """An override, and what it is on."""

    target: str = key("The region or probe target.")
    scope: str | None = key("To whom it is said: `all` or an edge; null without a fleet.")
    pending: bool = key("Whether it is said here only, and NATS has not confirmed it.")


class SpillRuleOnPart(Part):
    """A spill rule: what an operator says that regions of a service send on."""

    service: str = key("The service.")
    region: str | None = key("The region of it; null: each of its regions without one of its own.")
    share: float = key("Share of its clients that it sends on, 0 to 1; 0: it is out of spilling.")
    who: str = key("Who said it.")
    why: str = key("Why.")
    set_at: str = key("When, ISO 8601 in UTC.")
    until: str | None = key("When it ends by itself, ISO 8601 in UTC; null: when it is cleared.")
    seconds_left: float | None = key("Seconds until then; null: it does not end by itself.")
    scope: str | None = key("To whom it is said: `all` or an edge; null without a fleet.")
    pending: bool = key("Whether it is said here only, and NATS has not confirmed it.")


class EdgePart(Part):
    """One edge of the fleet, as it is heard here."""

    edge: str = key("Its name.")
    heard_seconds: float | None = key("Seconds since it was heard; null: it is not heard now.")
    obeys: bool = key("Whether it has said to obey every word of operators that is known here.")


class PendingWordPart(Part):
    """An operator's word that was said here, and that the fleet does not have yet."""

    scope: str = key("To whom it is said: `all`, or an edge.")
    target: str = key("The region or probe target; of a spill rule SERVICE or SERVICE/REGION.")
    about: Literal["override", "spill"] = key("Whether it is an override or a spill rule.")
    kind: str | None = key("Its kind, of a spill rule the share or off; null clears.")


class ObservingEdgePart(Part):
    """Another edge that has told what it observes."""

    edge: str = key("Its name.")
    live: bool = key("Whether what it told is young enough to count.")
    place: list[float] = key("Where it stands: latitude and longitude, in degrees.")
    age_seconds: float = key("How old its last message is.")
    lag_seconds: float = key("By how much that took longer than the quickest of the last minute.")
    targets: int = key("Probe targets that it told of.")


class FleetPart(Part):
    """How this edge stands with its fleet."""

    name: str = key("The fleet's name.")
    edge: str = key("This edge's name.")
    connected: bool = key("Whether a NATS server answers.")
    quorum: bool = key("Whether a quorum of them has confirmed what was written just now.")
    for_seconds: float = key("Seconds for which both have been so.")
    server: str | None = key("The NATS server; null where there is none.")
    reason: str | None = key("What is wrong, in words; null while nothing is.")
    forbidden: str | None = key(
        "What NATS does not let this edge do, in words; null while nothing has met that."
    )
    edges: list[EdgePart] = key("The edges of the fleet, this one too.")
    pending: list[PendingWordPart] = key("Words that are said here only.")
    observing: list[ObservingEdgePart] = key("The other edges that have told what they observe.")


class ZonePart(Part):
    """One zone that is served."""

    apex: str = key("Its name.")
    serial: int = key("Serial of its SOA.")
    outdated: Literal["held", "refused"] | None = key(
        "Why it is in an older state than its file; null where it is not."
    )


class DatabasePart(Part):
    """One geographic database."""

    file: str = key("Its file, or its name where it is embedded.")
    type: str = key("Database type, by its metadata.")
    built: str = key("Day on which it was made, ISO 8601.")
    networks: int | None = key("Networks in it; null where that was not counted.")
    unreadable_records: int = key("Records that make no sense, and were passed over.")
    attribution: str | None = key("What its licence wants said.")
    sha256: str = key("SHA-256 of its octets, in hexadecimal.")


class ClientMapPart(Part):
    """One map from clients to preference lists; null is what only a compiled one knows."""

    kind: Literal["compiled", "lazy"] = key("Its kind.")
    services: list[str] = key("Services that share it.")
    networks: int | None = key("Networks with an entry of their own.")
    lists: int | None = key("Distinct preference lists.")
    bytes: int | None = key("Its memory, octets.")


class StateDocument(Document):
    """GET /state: everything that there is to see of a daemon."""

    version: str = key("Version of resolverd.")
    started: str = key("When it started, ISO 8601 in UTC.")
    uptime_seconds: float = key("Seconds since then.")
    ready: bool = key("Whether GET /readyz is 200.")
    isolation: IsolationPart = key("Whether this host is taken to be isolated.")
    degraded: list[str] = key("What fails that answers do not need, in words.")
    down: str = key("Services without a region and regions that are down, in words; or empty.")
    config: str = key("The main configuration file, an absolute path.")
    state_directory: str | None = key("`server.state`, an absolute path; null where it is empty.")
    listen: list[str] = key("Where it answers DNS, ADDRESS:PORT.")
    engine: EnginePart = key("What answers queries.")
    generation: GenerationPart = key("Counters of what is served.")
    reload: ReloadPart = key("How the last attempt to adopt an edit went.")
    edits: EditsPart = key("How edits are noticed.")
    published: PublishedPart | None = key(
        "The published generation; null where the configuration is this host's own."
    )
    regions: list[RegionPart] = key("Regions.")
    services: list[ServicePart] = key("Services.")
    overrides: list[OverrideOnPart] = key("Overrides in force.")
    spill_rules: list[SpillRuleOnPart] = key("Spill rules in force.")
    fleet: FleetPart | None = key("How it stands with its fleet; null without one.")
    zones: list[ZonePart] = key("Zones.")
    geo: list[DatabasePart] = key("Geographic databases, in the order in which they are asked.")
    rtt: RoundTripsPart = key("What is measured of the ways to the regions.")
    client_maps: list[ClientMapPart] = key("Maps from clients to preference lists.")
    warnings: int = key("Warnings of the files served.")
