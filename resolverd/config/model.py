"""The configuration model: every table and option of `resolverd.toml`, declared once.

Durations are seconds, coordinates degrees, lengths prefix bits. Regions, services and pins
are keyed by the names that the file gives them; order is the file's own.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import StringConstraints, field_validator, model_validator

from resolverd.config.alerts import Alerts, AlertsOverride
from resolverd.config.holds import Holds
from resolverd.config.hours import Hours, parse_span
from resolverd.config.options import Section, option
from resolverd.config.probe import Probe, ProbeOverride
from resolverd.config.secrets import shown_url
from resolverd.config.spill import Spill
from resolverd.config.types import (
    Address,
    Continent,
    Coordinates,
    Country,
    Duration,
    Hostname,
    ListenAddress,
    MetricsUrl,
    OptionalListener,
    ResolvedHostname,
    SpanText,
    Subnet,
    TimeZone,
    Word,
    is_url_host,
    parse_listener,
)

PolicyName = Literal["nearest", "failover", "weighted"]
AllDown = Literal["nearest", "cname", "nodata", "servfail"]
NoRegion = Literal["cname", "nodata", "servfail", "refused"]
EngineName = Literal["auto", "native", "reference"]
AnswerKind = Literal["address", "cname"]
IdentityField = Literal["root", "max_model_len", "version", "fingerprint"]


class Server(Holds):
    """`[server]`: where this edge host listens and stands, and what it loads."""

    listen: tuple[ListenAddress, ...] = option(
        (parse_listener("0.0.0.0:53"), parse_listener("[::]:53")),
        "Addresses and ports served over UDP and TCP; port 0 lets the kernel choose.",
    )
    coordinates: Coordinates = option(
        doc="Where this edge host stands; clients that no database places are taken to stand here.",
        unit="degrees",
    )
    zones: tuple[str, ...] = option(
        ("zones/*.zone",), "Master files, as globs relative to this file."
    )
    zone_checks: Literal["lenient", "strict"] = option(
        "lenient",
        "Whether what harms one name alone (an MX or SRV to an alias or a missing name, missing "
        "glue, a record outside its zone) is warned of, as BIND does, or refused.",
    )
    geoip: tuple[str, ...] = option(
        (), "City or country databases, first match wins; none takes the embedded country database."
    )
    state: str = option(
        "",
        "Directory for what may be remembered between starts, such as the addresses of hostnames; "
        "empty remembers nothing.",
    )
    engine: EngineName = option(
        "auto",
        "What answers queries: the native engine, or the reference engine, which is slow and needs "
        "no compiler; `auto` takes the native one where it was built.",
    )
    workers: int = option(
        0,
        "Threads (native engine) or processes (reference engine) that answer queries; 0 takes one "
        "thread for each core, or one process.",
        least=0,
        most=256,
    )
    nsid: Annotated[str, StringConstraints(max_length=64)] = option(
        "", "Name server identifier (RFC 5001) given to those who ask; empty gives none."
    )
    udp_payload: int = option(
        1232,
        "Largest UDP response, whatever a requestor offers.",
        unit="octets",
        least=512,
        most=4096,
    )
    ttl_floor: Duration = option(
        1.0, "`check` warns of steered TTLs below this.", unit="seconds", least=0, most=3600
    )
    tcp_idle: Duration = option(
        10.0,
        "A TCP connection idle for this long is closed; sooner, down to a tenth, as slots fill.",
        unit="seconds",
        least=0.1,
        most=3600,
    )
    tcp_lifetime: Duration = option(
        120.0, "No TCP connection lives longer.", unit="seconds", least=0.1, most=86400
    )
    tcp_connections: int = option(
        1000,
        "TCP connections open at once, per worker, as far as open files bear; one more takes the "
        "slot of the one longest idle.",
        unit="connections",
        least=1,
        most=100_000,
    )
    tcp_per_client: int = option(
        20,
        "TCP connections open at once from one IPv4 address or IPv6 /64.",
        unit="connections",
        least=1,
        most=100_000,
    )
    name_grace: Duration = option(
        15.0,
        "How long the addresses of a hostname are kept once a name server says that it has none "
        "any more (NXDOMAIN, NODATA); a name server that fails takes none away.",
        unit="seconds",
        least=0,
        most=3600,
    )
    doubt: Duration = option(
        15.0,
        "When every region falls silent within this time, this host is taken to be at fault: "
        "verdicts are kept and it is not ready. It has to exceed twice the longest probe timeout; "
        "0 never doubts.",
        unit="seconds",
        least=0,
        most=3600,
    )
    settle: Duration = option(
        2.0,
        "An edit is adopted once its files have been the same for this long; `resolverd reload` "
        "and SIGHUP adopt them as they are.",
        unit="seconds",
        least=0,
        most=60,
    )
    watch: bool = option(
        True,
        "Adopt edits without being asked; false leaves that to `resolverd reload` and SIGHUP.",
    )
    query_log: float = option(
        0.0,
        "Share of queries that are written to the log, with the client's address; 0 writes none.",
        least=0,
        most=1,
    )


class Admin(Section):
    """`[admin]`: how operators and monitoring reach this daemon.

    Neither keeps the daemon from serving: one that cannot be had is an event, and is missing.
    """

    socket: str = option(
        "auto",
        "Unix socket for the command line, mode 0660. `auto` is admin.sock in $RUNTIME_DIRECTORY, "
        "else /run/resolverd for root, else $XDG_RUNTIME_DIR/resolverd.sock, else a directory of "
        "this user's own in /tmp; empty opens none.",
    )
    listen: OptionalListener = option(
        parse_listener("127.0.0.1:9153"),
        "Address and port of /metrics, /healthz, /readyz and /state over HTTP; port 0 lets the "
        "kernel choose, empty opens none.",
    )
    token_file: str = option(
        "",
        "File with the token that opens the rest of the API over HTTP to those who send it; "
        "empty keeps the rest to the socket.",
    )
    connections: int = option(
        100,
        "Connections open at once to `listen`, and as many to `socket`; where all are taken, the "
        "one that has asked nothing for longest is closed. A request has to come within 10 s.",
        unit="connections",
        least=2,
        most=10_000,
    )


class Gpus(Section):
    """`gpus`: what a region serves with; the measure of its capacity unless that is told."""

    model: str = option(doc="GPU model, such as H100_SXM.")
    count: int = option(doc="GPUs in the region.", unit="GPUs", least=1, most=1_000_000)
    usd_per_hour: float = option(0.0, "Price of one GPU.", unit="US dollars per hour", least=0)


class Endpoint(Section):
    """`[[region.NAME.endpoint]]`: one vLLM server's front door."""

    name: Word | Literal[""] = option("", "Unique name; empty takes REGION-NUMBER.")
    address: tuple[Address, ...] = option((), "Addresses that are handed out.")
    hostname: ResolvedHostname | Literal[""] = option(
        "",
        "Where no address is written: the hostname whose addresses are handed out, for no longer "
        "than their own TTL. resolv.conf's search domains hold unless it ends in a dot.",
    )
    url: str = option(doc="Where the probe asks: http://, https:// or tcp://HOST:PORT.")
    probe: ProbeOverride = option(ProbeOverride.model_construct(), "Overrides of [probe].")

    @model_validator(mode="after")
    def _reachable(self) -> Endpoint:
        if bool(self.address) == bool(self.hostname):
            raise ValueError("an endpoint has either address or hostname")
        return self

    @field_validator("url")
    @classmethod
    def _probeable(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as wrong:
            # What is wrong quotes a part of it, which may be a password.
            raise ValueError(f'url "{shown_url(url)}" cannot be read as a URL') from wrong
        known = parts.scheme in {"http", "https"} or (parts.scheme == "tcp" and port is not None)
        if not known or not parts.hostname:
            raise ValueError(
                f'url "{shown_url(url)}" is not http://…, https://… or tcp://HOST:PORT'
            )
        if not is_url_host(parts.hostname):
            raise ValueError(
                f'url "{shown_url(url)}" has a host that is neither a hostname nor an address'
                '; write it like "http://gpu1.example:8000"'
            )
        # RFC 6874 writes an address's zone after %25, and a socket takes it after %.
        return re.sub(r"(//(?:[^/@]*@)?\[[^\]%]*)%25", r"\1%", url, count=1)


class Region(Section):
    """`[region.NAME]`: a place with GPUs and one or more endpoints."""

    coordinates: Coordinates = option(doc="Where the region stands.", unit="degrees")
    country: Country | Literal[""] = option("", "ISO 3166-1 alpha-2 code.")
    gpus: Gpus | None = option(None, "What the region serves with.")
    capacity: float = option(
        0.0,
        "What the region can bear, in a unit that all regions share; 0 takes gpus.count, or 1.",
        least=0,
    )
    gpu_metrics: tuple[MetricsUrl, ...] = option(
        (), "Where its GPUs' metrics are read, in Prometheus' format, such as DCGM's exporter."
    )
    gpu_metric: str = option(
        "DCGM_FI_DEV_GPU_UTIL", "The metric that tells a GPU's utilisation there."
    )
    gpu_metric_full: float = option(
        100.0, "What that metric says of a GPU that is fully used.", least=0.001
    )
    hostname: Hostname | Literal[""] = option(
        "", 'Target of the CNAME for services that answer = "cname".'
    )
    min_endpoints: int = option(
        1, "The region is up while this many endpoints are.", unit="endpoints", least=1, most=10_000
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

    @property
    def service_hours(self) -> Hours | None:
        """The hours as they can be asked; None without any."""
        if not self.hours:
            return None
        spans = [parse_span(text) for text in self.hours]
        return Hours(spans, ZoneInfo(self.time_zone), ", ".join(self.hours))

    @property
    def bears(self) -> float:
        """The capacity, from GPUs where it is not told."""
        return self.capacity or (float(self.gpus.count) if self.gpus else 1.0)


class Service(Section):
    """`[service.NAME]`: what an inference hostname stands for."""

    model: str = option("", "The model served; shown, and verified by probes of kind vllm.")
    models: dict[Word, str] = option(
        factory=dict, doc="Models by region, where a region serves another than `model`."
    )
    compare: tuple[IdentityField, ...] = option(
        ("max_model_len", "version"),
        "What vLLM servers of one model should tell alike in all regions; who differs is shown and "
        "warned about, and goes on serving. A rollout differs while it lasts.",
    )
    must_agree: tuple[IdentityField, ...] = option(
        ("max_model_len",),
        "What vLLM servers of one model must tell alike: one that differs from more than half of "
        "those that serve is withdrawn as `wrong-model`. With `version` in it, a rollout would "
        "withdraw what it has updated first.",
    )
    regions: tuple[Word, ...] = option(
        doc="Regions that serve it; the order counts for failover. At most 255.",
        longest=255,
    )
    policy: PolicyName = option("nearest", "How the regions are ordered for a client.")
    weights: dict[Word, int] = option(
        factory=dict, doc="Shares of the weighted policy; 1 unless given."
    )
    ttl: Duration = option(60.0, "TTL while all is well.", unit="seconds", least=0, most=86400)
    failover_ttl: Duration = option(
        5.0, "TTL once trouble is seen.", unit="seconds", least=0, most=3600
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
    ecs: bool = option(True, "Whether the client subnet of a query is honoured (RFC 7871).")
    block_v4: int = option(
        24, "IPv4 block that keeps one draw of shares.", unit="prefix bits", least=8, most=32
    )
    block_v6: int = option(
        48, "IPv6 block that keeps one draw of shares.", unit="prefix bits", least=16, most=128
    )
    probe: ProbeOverride = option(ProbeOverride.model_construct(), "Overrides of [probe].")

    spill: Spill = option(Spill(), "Relief for regions that are full.")

    def model_in(self, region: str) -> str:
        """The model that is served there; empty where none is written."""
        return self.models.get(region, self.model)

    @model_validator(mode="after")
    def _ttls_in_order(self) -> Service:
        if self.failover_ttl > self.ttl:
            written = self.model_fields_set
            ttl, failover = (
                f"{key} ({getattr(self, key):g} s{'' if key in written else ', its default'})"
                for key in ("ttl", "failover_ttl")
            )
            raise ValueError(
                f'{failover} is longer than {ttl}; write failover_ttl = "{self.ttl:g}s", or less'
            )
        return self


class Pin(Section):
    """`[pin.NAME]`: a data-residency rule, from client subnets or places to regions."""

    subnets: tuple[Subnet, ...] = option(
        (),
        "Client networks that the pin holds for. IPv6 addresses that stand for IPv4 ones "
        "(v4-mapped, 6to4, Teredo, NAT64) count as those.",
    )
    countries: tuple[Country, ...] = option((), "Client countries, ISO 3166-1 alpha-2.")
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
    probe: Probe = option(Probe(), "Defaults of every probe.")
    alerts: Alerts = option(Alerts(), "From when on a region's outcomes are bad.")
    region: dict[Word, Region] = option(factory=dict, doc="Regions by name.")
    service: dict[Word, Service] = option(factory=dict, doc="Services by name.")
    pin: dict[Word, Pin] = option(factory=dict, doc="Data-residency pins by name.")
