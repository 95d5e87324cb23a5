"""`[fleet]`: which other edges this one shares what it sees with, and how far it believes them.

Durations are seconds. Without `urls` there is no fleet, and nothing of it is imported.
"""

from __future__ import annotations

import re
import socket
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from resolverd.config.options import Section, contradiction, option
from resolverd.config.secrets import shown_url
from resolverd.config.types import Duration, Word, lower_scheme

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_POLICY = re.compile(r"(own|any|quorum)|(quorum|nearest):([1-9]\d{0,3})")

EVERY_EDGE = "all"
"""The scope of a word that is said to all edges; so no edge may have this name."""


class VerdictPolicy(NamedTuple):
    """Whose verdicts count; `edges` is the N of `quorum:N`, the K of `nearest:K`, else 0."""

    kind: Literal["own", "any", "quorum", "nearest"]
    edges: int = 0


def parse_verdicts(text: str) -> VerdictPolicy:
    """``"quorum:3"`` as a `VerdictPolicy`. Raises ValueError with what to write instead."""
    found = _POLICY.fullmatch(text)
    if found is None:
        raise ValueError(
            f'"{text}" is not a verdict policy; write "quorum", or own, any, quorum:N, nearest:K'
        )
    if found[1] == "own":
        return VerdictPolicy("own")
    if found[1] == "any":
        return VerdictPolicy("any")
    if found[2] == "nearest":
        return VerdictPolicy("nearest", int(found[3]))
    return VerdictPolicy("quorum", int(found[3] or 0))


def _verdicts(text: str) -> str:
    parse_verdicts(text)
    return text


def _own_verdicts(text: str) -> str:
    return text and _verdicts(text)


def _nats_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in {"nats", "tls"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(
            f'"{shown_url(url)}" is not nats://HOST:PORT or tls://HOST:PORT'
            '; write "nats://127.0.0.1:4222"'
        )
    return lower_scheme(url)


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'"{name}" is not a name of a fleet: letters, digits, "-" and "_"'
            f'; write "{re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_") or "resolverd"}"'
        )
    return name


NatsUrl = Annotated[str, AfterValidator(_nats_url)]
FleetName = Annotated[str, AfterValidator(_name)]
VerdictsText = Annotated[str, AfterValidator(_verdicts)]
OwnVerdictsText = Annotated[str, AfterValidator(_own_verdicts)]
"""The same of a region or service, where empty takes the fleet's."""


class Fleet(Section):
    """`[fleet]`: the other edges, met through NATS."""

    urls: tuple[NatsUrl, ...] = option(
        (),
        "NATS servers, as nats:// or tls:// URLs; one that can be reached is used. With tls:// one "
        "that has no TLS is not. None is no fleet: this edge decides alone.",
    )
    credentials: str = option(
        "",
        "File with the credentials for NATS (.creds): a name that systemd's LoadCredential= gave "
        "it, or a path relative to this file; it is read for each connection. Empty sends none.",
    )
    ca_file: str = option(
        "",
        "File with the CA certificates (PEM) that a server is checked with, named as `credentials` "
        "is; empty takes the system's.",
    )
    client_certificate: str = option(
        "",
        "File with the certificate (PEM) that is shown to a server that asks for one, named as "
        "`credentials` is; empty shows none.",
    )
    client_key: str = option(
        "",
        "File with its unencrypted key, named as `credentials` is; empty looks for that in "
        "`client_certificate`.",
    )
    name: FleetName = option(
        "resolverd",
        "The fleet's name, with which its subjects and its bucket begin; one NATS may serve "
        "several fleets.",
    )
    edge: Word | Literal[""] = option(
        "",
        "This edge's name, which no other edge of the fleet has; empty takes the first label of "
        "the host's name.",
    )
    domain: Word | Literal[""] = option(
        "",
        "JetStream domain of the servers that keep what the fleet keeps, which edges behind leaf "
        "nodes need; empty where these have none.",
    )
    replicas: int = option(
        3,
        "How many NATS servers keep what the fleet keeps; a NATS server without a cluster keeps "
        "it alone.",
        unit="servers",
        minimum=1,
        maximum=5,
    )
    verdicts: VerdictsText = option(
        "quorum",
        "Whose verdicts count: `own`; `any` edge's that a target is down; this edge's own and the "
        "`quorum`'s; `quorum:N`, N edges'; or `nearest:K`, more than half of the K edges nearest "
        "to the region.",
    )
    quorum: int = option(
        0,
        "How many edges are a `quorum`; 0 is more than half of those that observe the target now.",
        unit="edges",
        minimum=0,
        maximum=1000,
    )
    valid: Duration = option(
        5.0,
        "How long another edge's observation is believed while it sends none.",
        unit="seconds",
        minimum=2,
        maximum=300,
    )
    start_wait: Duration = option(
        5.0,
        "How long a start waits for the fleet's overrides and drains before it answers by those "
        "that are in `server.state`.",
        unit="seconds",
        minimum=0,
        maximum=300,
    )

    configuration: Literal["local", "published"] = option(
        "local",
        "Where regions, services, pins and zones are written: in this file and those beside it, or "
        "in the set that `resolverd publish` put into the fleet; then this file has [server], "
        "[admin], [fleet], [anycast] and what is this edge's alone.",
    )
    canary: bool = option(
        default=False,
        doc="Whether this edge is among the first to take a published set, and proves it for the "
        "others. Without any, the edge whose name sorts first is.",
    )

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> Fleet:
        if self.client_key and not self.client_certificate:
            raise contradiction(
                "client_key is set without client_certificate",
                'write client_certificate = "/etc/resolverd/fleet.pem" beside it',
                *("client_key", "client_certificate"),
            )
        return self

    @model_validator(mode="after")
    def _edge_is_one(self) -> Fleet:
        if self.edge == EVERY_EDGE:
            raise contradiction(
                f'edge is "{EVERY_EDGE}", which stands for every edge',
                'write a name of this edge alone, such as edge = "fra1"',
                "edge",
            )
        return self

    @property
    def edge_name(self) -> str:
        """`edge`, or where none is written the first label of the host's name."""
        return self.edge or socket.gethostname().partition(".")[0] or "localhost"
