"""`[server]` and `[admin]`: where this edge host stands and listens, and how it is reached.

Durations are seconds, coordinates degrees.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from resolverd.config.holds import Holds
from resolverd.config.options import Section, option
from resolverd.config.types import (
    Coordinates,
    Duration,
    ListenAddress,
    Nat64,
    OneCountry,
    OptionalListener,
    parse_listener,
)
from resolverd.dns.limits import MAX_PAYLOAD, MIN_PAYLOAD

EngineName = Literal["auto", "native", "reference"]


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
    country: OneCountry | Literal[""] = option(
        "",
        "The country where this edge host stands, ISO 3166-1 alpha-2. Clients of whom only this "
        "country is sure are taken to stand here too, since anycast brought them.",
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
        (),
        "City, country and ASN databases; what several know is as the first says. None takes the "
        "embedded city table.",
    )
    nat64: tuple[Nat64, ...] = option(
        (),
        "This network's own NAT64 prefixes (RFC 6052 §2.2): clients who come by them are known by "
        "the IPv4 address inside theirs. 64:ff9b::/96 and, by /96s, 64:ff9b:1::/48 (RFC 8215) need "
        "not be listed; another length within the latter does.",
        max_items=64,
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
        minimum=0,
        maximum=256,
    )
    nsid: Annotated[str, StringConstraints(max_length=64)] = option(
        "", "Name server identifier (RFC 5001) given to those who ask; empty gives none."
    )
    udp_payload: int = option(
        1232,
        "Largest UDP response, whatever a requestor offers.",
        unit="octets",
        minimum=MIN_PAYLOAD,
        maximum=MAX_PAYLOAD,
    )
    ttl_floor: Duration = option(
        1.0,
        "`check` warns of TTLs of services and DYNA records below this.",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    tcp_idle: Duration = option(
        10.0,
        "A TCP connection idle for this long is closed; sooner, down to a tenth, as slots fill.",
        unit="seconds",
        minimum=0.1,
        maximum=3600,
    )
    tcp_lifetime: Duration = option(
        120.0,
        "A TCP connection is closed at this age, however busy.",
        unit="seconds",
        minimum=0.1,
        maximum=86400,
    )
    tcp_connections: int = option(
        1000,
        "TCP connections open at once, per worker, as far as open files bear; one more takes the "
        "slot of the one longest idle.",
        unit="connections",
        minimum=1,
        maximum=100_000,
    )
    tcp_per_client: int = option(
        20,
        "TCP connections open at once from one IPv4 address or IPv6 /64.",
        unit="connections",
        minimum=1,
        maximum=100_000,
    )
    name_grace: Duration = option(
        15.0,
        "How long the addresses of a hostname are kept once a name server says that it has none "
        "any more (NXDOMAIN, NODATA); a name server that fails takes none away.",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    isolation_window: Duration = option(
        15.0,
        "When every region stops responding within this time, this host is taken to be isolated: "
        "verdicts are kept and it is not ready. It has to exceed twice the longest probe timeout; "
        "0 never takes it to be.",
        unit="seconds",
        minimum=0,
        maximum=3600,
    )
    settle: Duration = option(
        2.0,
        "An edit is adopted once its files have been the same for this long; `resolverd reload` "
        "and SIGHUP adopt them as they are.",
        unit="seconds",
        minimum=0,
        maximum=60,
    )
    watch: bool = option(
        True,
        "Adopt edits without being asked; false leaves that to `resolverd reload` and SIGHUP.",
    )
    query_log: float = option(
        0.0,
        "Share of queries that are written to the log, with the client's address; 0 writes none.",
        minimum=0,
        maximum=1,
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
        "File with the token that opens the rest of the API over HTTP to those who send it: a name "
        "that systemd's LoadCredential= gave it, or a path relative to this file. Empty keeps the "
        "rest to the socket.",
    )
    connections: int = option(
        100,
        "Connections open at once to `listen`, and as many to `socket`; where all are taken, the "
        "one that has asked nothing for longest is closed. A request has to come within 10 s.",
        unit="connections",
        minimum=2,
        maximum=10_000,
    )
