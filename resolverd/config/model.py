"""The configuration model: every table and option of `resolverd.toml`, declared once.

Durations are seconds, coordinates degrees, lengths prefix bits. Regions, services and pins
are keyed by the names that the file gives them; order is the file's own.
"""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import model_validator

from resolverd.config.alerts import Alerts, AlertsOverride
from resolverd.config.anycast import Anycast
from resolverd.config.bias import NO_BIAS, BiasText
from resolverd.config.fleet import Fleet, OwnVerdictsText
from resolverd.config.hours import Hours, parse_span
from resolverd.config.options import Section, contradiction, option
from resolverd.config.probe_layers import ProbeDefaults, ProbeOverride
from resolverd.config.rtt import Rtt
from resolverd.config.server import Admin as Admin
from resolverd.config.server import EngineName as EngineName
from resolverd.config.server import Server as Server
from resolverd.config.spill import Spill
from resolverd.config.toml_values import toml_value
from resolverd.config.types import (
    Address,
    Asn,
    Continent,
    Coordinates,
    Country,
    Duration,
    GroupName,
    Hostname,
    MetricsUrl,
    OneCountry,
    ProbedUrl,
    ResolvedHostname,
    SpanText,
    Subnet,
    TimeZone,
    Word,
)

OrderName = Literal["nearest", "failover", "weighted", "latency"]
PolicyName = Literal[OrderName, "ttft"]
AllDown = Literal["nearest", "cname", "nodata", "servfail"]
NoRegion = Literal["cname", "nodata", "servfail", "refused"]
AnswerKind = Literal["address", "cname"]
IdentityField = Literal["root", "max_model_len", "version", "fingerprint"]


class Gpus(Section):
    """`gpus`: what a region serves with; the measure of its capacity unless that is written."""

    model: str = option(doc="GPU model, such as H100_SXM.")
    count: int = option(doc="GPUs in the region.", unit="GPUs", minimum=1, maximum=1_000_000)
    usd_per_hour: float = option(0.0, "Price of one GPU.", unit="US dollars per hour", minimum=0)


class Endpoint(Section):
    """`[[region.NAME.endpoint]]`: an inference server, as clients reach it and as it is probed."""

    name: Word | Literal[""] = option("", "Unique name; empty takes REGION-NUMBER.")
    address: tuple[Address, ...] = option((), "Addresses that are handed out.")
    hostname: ResolvedHostname | Literal[""] = option(
        "",
        "Where no address is written: the hostname whose addresses are handed out, for no longer "
        "than their own TTL. resolv.conf's search domains hold unless it ends in a dot.",
    )
    url: ProbedUrl = option(doc="Where the probe asks: http://, https:// or tcp://HOST:PORT.")
    probe: ProbeOverride = option(ProbeOverride.model_construct(), "Overrides of [probe].")

    @model_validator(mode="after")
    def _reachable(self) -> Endpoint:
        if self.address and self.hostname:
            raise contradiction(
                "it has both hostname and address",
                f"write address = {toml_value(self.address)} alone, or hostname alone",
                *("hostname", "address"),
            )
        if not self.address and not self.hostname:
            raise contradiction(
                "it has neither address nor hostname, so there is nothing to hand out",
                'write address = ["192.0.2.10"], or hostname = "gpu1.example"',
                *("address", "hostname"),
            )
        return self


class Region(Section):
    """`[region.NAME]`: a place with GPUs and one or more endpoints."""

    coordinates: Coordinates = option(doc="Where the region stands.", unit="degrees")
    country: OneCountry | Literal[""] = option("", "ISO 3166-1 alpha-2 code.")
    gpus: Gpus | None = option(None, "What the region serves with.")
    bias: BiasText = option(
        NO_BIAS,
        'How much farther it is taken to be than it is: "20ms" is added to what a client\'s way '
        'there costs, "-20ms" taken off it, and 0.8 multiplies it. Where distance decides, 1 ms is '
        "66.7 km.",
    )
    capacity: float = option(
        0.0,
        "What the region can bear, in a unit that all regions share; 0 takes gpus.count, or 1.",
        minimum=0,
    )
    gpu_metrics: tuple[MetricsUrl, ...] = option(
        (), "Where its GPUs' metrics are read, in Prometheus' format, such as DCGM's exporter."
    )
    gpu_metric: str = option(
        "DCGM_FI_DEV_GPU_UTIL", "The name of the metric there that is a GPU's utilisation."
    )
    gpu_metric_full: float = option(
        100.0, "What that metric says of a GPU that is fully used.", minimum=0.001
    )
    rtt: tuple[MetricsUrl, ...] = option(
        (),
        "Where the round-trip times of its clients are read, as `resolverd rtt --measure` serves "
        "them beside its front door.",
    )
    hostname: Hostname | Literal[""] = option(
        "", 'Target of the CNAME for services that answer = "cname".'
    )
    min_endpoints: int = option(
        1,
        "The region is up while this many endpoints are.",
        unit="endpoints",
        minimum=1,
        maximum=10_000,
    )
    hours: tuple[SpanText, ...] = option(
        (),
        'Hours of service, such as "mon-fri 06:00-22:00"; outside them the region drains by '
        "itself. None is always.",
    )
    time_zone: TimeZone = option("UTC", "The time zone of `hours`, by its IANA name.")
    endpoint: tuple[Endpoint, ...] = option((), "The region's endpoints.")
    probe: ProbeOverride = option(ProbeOverride.model_construct(), "Overrides of [probe].")
    alerts: AlertsOverride = option(AlertsOverride.model_construct(), "Overrides of [alerts].")
    verdicts: OwnVerdictsText = option(
        "",
        "Whose verdicts count for its targets, as in [fleet]; empty takes the service's, or the "
        "fleet's.",
    )

    @property
    def service_hours(self) -> Hours | None:
        """`hours`, parsed, in `time_zone`; None where none are written, which is always open."""
        if not self.hours:
            return None
        spans = [parse_span(text) for text in self.hours]
        return Hours(spans, ZoneInfo(self.time_zone), ", ".join(self.hours))

    @property
    def effective_capacity(self) -> float:
        """`capacity`, or where none is written the number of GPUs, or 1."""
        return self.capacity or (float(self.gpus.count) if self.gpus else 1.0)


class Service(Section):
    """`[service.NAME]`: what an inference hostname stands for."""

    model: str = option(
        "", "The model served; shown, and verified by probes of kinds vllm and openai."
    )
    models: dict[Word, str] = option(
        factory=dict, doc="Models by region, where a region serves another than `model`."
    )
    compare: tuple[IdentityField, ...] = option(
        ("max_model_len", "version"),
        "What vLLM servers of one model should report alike everywhere; who differs is shown and "
        "warned about, and goes on serving. A rollout differs while it lasts.",
    )
    must_agree: tuple[IdentityField, ...] = option(
        ("max_model_len",),
        "What vLLM servers of one model must report alike: one that differs from more than half of "
        "those that serve is withdrawn as `wrong-model`. With `version` in it, a rollout would "
        "withdraw what it has updated first.",
    )
    regions: tuple[Word, ...] = option(
        doc="Regions that serve it; the order counts for failover. At most 255.",
        max_items=255,
    )
    core: Word | Literal[""] = option(
        "",
        "The service with the larger model that stands behind this one, whose regions are those of "
        "an edge. A record such as `DYNA NAME/core` then answers with its region that is nearest "
        "to the edge region which the client is given.",
    )
    core_fallback: bool = option(
        default=True,
        doc="Whether regions of `core` answer while none of a client's own ones serves. Without "
        "it `all_down` says what is answered.",
    )
    policy: PolicyName = option(
        "nearest",
        "How the regions are ordered for a client: by distance, as listed, by `weights`, or by the "
        "round-trip time that is expected ([rtt]): `latency`, and `ttft`, where full regions send "
        "clients on by what queues cost them, too.",
    )
    weights: dict[Word, int] = option(
        factory=dict, doc="Shares of the weighted policy, from 0 to 2^53; 1 unless given."
    )
    ttl: Duration = option(
        60.0,
        "TTL of steered answers while no change is near. A longer one saves queries, and delays "
        "what an edit or a drain moves.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    failover_ttl: Duration = option(
        5.0,
        "Lowest TTL of steered answers, to which it falls while a region fails or is away. A "
        "shorter one moves clients sooner, and costs queries.",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    all_down: AllDown = option(
        "nearest",
        "What is answered when no region of the fence serves: `nearest` the best region all the "
        "same, first of all one with an endpoint that is measured up; the others as `no_region`.",
    )
    no_region: NoRegion = option(
        "cname",
        "What a client is answered whose pins leave it no region, or only regions without an "
        "address. `cname`: a CNAME to `_no-region` under the zone's apex, a name without an "
        "address. Resolvers keep that for the client's subnet alone; `nodata` and `servfail` some "
        "keep for all their clients, and after `refused` some ask again without the subnet.",
    )
    answer: AnswerKind = option("address", "Addresses, or a CNAME to the region's hostname.")
    trickle: float = option(
        0.0,
        "Share of clients that the second region of their list is given while both serve, so that "
        "its caches and certificates are known to work; such as 0.01. Answers then hold for a "
        "block each (`block_v4`).",
        minimum=0,
        maximum=0.5,
    )
    sticky: Duration = option(
        0.0,
        "How long clients of a block (`block_v4`) keep the region they were given, while it serves "
        "and their pins allow it, though another is best by now; 0 does not hold them. See "
        "docs/sessions.md for what it costs spills.",
        unit="seconds",
        minimum=0,
        maximum=86400,
    )
    ecs: bool = option(True, "Whether the client subnet of a query is honoured (RFC 7871).")
    block_v4: int = option(
        24,
        "Length of the IPv4 networks whose clients are given one region together, where weights or "
        "spills share clients out; a longer one shares out in smaller pieces.",
        unit="prefix bits",
        minimum=8,
        maximum=32,
    )
    block_v6: int = option(
        48,
        "The same of IPv6 networks.",
        unit="prefix bits",
        minimum=16,
        maximum=128,
    )
    probe: ProbeOverride = option(ProbeOverride.model_construct(), "Overrides of [probe].")

    spill: Spill = option(Spill(), "Relief for regions that are full.")
    verdicts: OwnVerdictsText = option(
        "",
        "Whose verdicts count for its targets, as in [fleet]; empty takes the fleet's. Services "
        "that share the probes of a region have to say the same there.",
    )

    @property
    def ordered_by(self) -> OrderName:
        """What orders its regions: with `ttft` expected times do, and queues move shares alone."""
        return "latency" if self.policy == "ttft" else self.policy

    def model_in(self, region: str) -> str:
        """The model that is served there; empty where none is written."""
        return self.models.get(region, self.model)

    @model_validator(mode="after")
    def _ttls_in_order(self) -> Service:
        if self.failover_ttl > self.ttl:
            raise contradiction(
                f"failover_ttl ({self.failover_ttl:g} s) is longer than ttl ({self.ttl:g} s)",
                f'write failover_ttl = "{self.ttl:g}s", or less',
                *("failover_ttl", "ttl"),
            )
        return self


class Place(Section):
    """`[place.NAME]`: where a network of your own knowledge is, before any database."""

    subnets: tuple[Subnet, ...] = option(
        (), "Networks that are there; of several places the longest subnet decides."
    )
    asn: tuple[Asn, ...] = option(
        (),
        "Autonomous systems that are there, where no place has the subnet. Which one a client is "
        "in, an ASN database among `server.geoip` says.",
    )
    coordinates: Coordinates | None = option(
        None,
        "Where it is, if not where the databases say, or else where its country's people are.",
        unit="degrees",
    )
    country: OneCountry | Literal[""] = option(
        "", "ISO 3166-1 alpha-2 code, if not as the databases say; pins go by it."
    )

    @model_validator(mode="after")
    def _of_somebody(self) -> Place:
        if not self.subnets and not self.asn:
            raise contradiction(
                "it has neither subnets nor asn, so it is nobody's place",
                'write subnets = ["198.51.100.0/24"], or asn = [64500]',
                *("subnets", "asn"),
            )
        return self


class Pin(Section):
    """`[pin.NAME]`: a data-residency rule, from client subnets or places to regions."""

    subnets: tuple[Subnet, ...] = option(
        (),
        "Client networks that the pin holds for. IPv6 addresses that stand for IPv4 ones "
        "(v4-mapped, 6to4, Teredo, NAT64) count as those.",
    )
    places: tuple[Word, ...] = option((), "Own places, by their names in [place.NAME].")
    asn: tuple[Asn, ...] = option(
        (),
        "Client autonomous systems. Which one a client is in, an ASN database among `server.geoip` "
        "says.",
    )
    countries: tuple[Country, ...] = option((), "Client countries, ISO 3166-1 alpha-2.")
    groups: tuple[GroupName, ...] = option(
        (),
        "Client countries by law: EU, EEA, or GDPR-adequate (those outside that a decision of the "
        "European Commission covers whole). `check` lists them with the date and the law.",
    )
    continents: tuple[Continent, ...] = option((), "Client continents: AF AN AS EU NA OC SA.")
    unplaced: bool = option(
        default=False,
        doc="Whether it holds for clients whose country no database knows, and whose continent, "
        "where that is known, has no pin. One pin of a service can.",
    )
    default: bool = option(
        default=False,
        doc="Whether it holds for all clients that no other pin does. One pin of a service can.",
    )
    regions: tuple[Word, ...] = option(doc="The only regions these clients may ever be given.")
    services: tuple[Word, ...] = option((), "Services that the pin holds for; none means all.")


class Config(Section):
    """A whole configuration, as one frozen value."""

    server: Server = option(doc="This edge host.")
    admin: Admin = option(Admin(), "How operators and monitoring reach this daemon.")
    probe: ProbeDefaults = option(ProbeDefaults.model_construct(), "Defaults of every probe.")
    alerts: Alerts = option(Alerts(), "From when on a region's outcomes are bad.")
    rtt: Rtt = option(Rtt(), "What was measured of the ways to regions.")
    anycast: Anycast = option(Anycast(), "The routes to this edge's service addresses.")
    fleet: Fleet = option(Fleet(), "The other edges, met through NATS.")
    region: dict[Word, Region] = option(factory=dict, doc="Regions by name.")
    service: dict[Word, Service] = option(factory=dict, doc="Services by name.")
    place: dict[Word, Place] = option(factory=dict, doc="Own places by name.")
    pin: dict[Word, Pin] = option(factory=dict, doc="Data-residency pins by name.")
