"""The routes of the admin API: the server's routing table, its guard's, and that of the docs.

`access` is who may ask over TCP: everybody ("open"), or whoever has the token ("token"). Over the
Unix socket, its mode alone decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import BaseModel

from resolverd.admin.documents.actions import (
    AliveDocument,
    ClearedDocument,
    DrainedDocument,
    ExplainDocument,
    OverriddenDocument,
    ReadyDocument,
    UrlsDocument,
    WouldEmptyDocument,
    WouldEmptyRefusedDocument,
)
from resolverd.admin.documents.base import Document, ErrorDocument
from resolverd.admin.documents.reload import (
    ForecastDocument,
    ReloadedDocument,
    ReloadRefusedDocument,
)
from resolverd.admin.documents.round_trips import RoundTripsDocument
from resolverd.admin.documents.state import StateDocument
from resolverd.admin.requests import DrainRequest, OverrideRequest

Errors = Mapping[int, tuple[type[ErrorDocument], str]]


class Parameter(NamedTuple):
    """One query parameter of a route: its name, and what OpenAPI says of it."""

    name: str
    doc: str
    required: bool = False


class Route(NamedTuple):
    """One route: `handler` is a method of `Api`, `response` None is no JSON.

    `errors` are those of its own; `COMMON_ERRORS` may come of each.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    access: Literal["open", "token"]
    handler: str
    doc: str
    response: type[Document] | None
    request: type[BaseModel] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: Errors = MappingProxyType({})


COMMON_ERRORS: Errors = {
    401: (ErrorDocument, "over TCP: the token is missing or wrong"),
    403: (ErrorDocument, "over TCP: there is no token, or it cannot be read"),
    404: (ErrorDocument, "there is no such path"),
    405: (ErrorDocument, "the path is not asked with this method"),
    500: (ErrorDocument, "a defect of resolverd; its log has more"),
    503: (ErrorDocument, "the daemon is starting or ending, or cannot do it now"),
}
_BAD_BODY = (ErrorDocument, "the body is no JSON, or lacks something")
_EMPTIES = (WouldEmptyRefusedDocument, "it would leave a fence without a region")
_UNKNOWN = (ErrorDocument, "there is no such region or endpoint")

ROUTES = (
    Route("GET", "/state", "open", "state", "Everything that there is to see.", StateDocument),
    Route(
        "GET", "/urls", "token", "urls",
        "The URLs that /state shows without their secrets.", UrlsDocument,
    ),
    Route(
        "GET", "/explain", "token", "explain",
        "Why a client gets the answer that it gets.", ExplainDocument,
        parameters=(
            Parameter("name", "hostname that a DYNA record steers", required=True),
            Parameter("client", "address or prefix of the client", required=True),
            Parameter("policy", "nearest, failover, weighted or latency: its order is told too"),
        ),
        errors={
            400: (ErrorDocument, "a parameter is missing, or no name, address or policy"),
            404: (ErrorDocument, "the name is not steered"),
        },
    ),
    Route(
        "POST", "/override", "token", "override",
        "Put an override in force; answers once it is obeyed.", OverriddenDocument, OverrideRequest,
        errors={400: _BAD_BODY, 404: _UNKNOWN, 409: _EMPTIES},
    ),
    Route(
        "DELETE", "/override/{target}", "token", "clear",
        "End an override, or what holds an endpoint down; answers once that is obeyed.",
        ClearedDocument,
        parameters=(Parameter("who", "who asks; else whoever is at the other end"),),
        errors={404: (ErrorDocument, "there is no such target, or it has no override")},
    ),
    Route(
        "GET", "/drain", "token", "would_empty",
        "Whom draining a region would leave without one.", WouldEmptyDocument,
        parameters=(Parameter("region", "the region", required=True),),
        errors={404: _UNKNOWN},
    ),
    Route(
        "POST", "/drain", "token", "drain",
        "Drain a region; answers once it is obeyed.", DrainedDocument, DrainRequest,
        errors={
            400: _BAD_BODY,
            404: _UNKNOWN,
            409: _EMPTIES,
        },
    ),
    Route(
        "GET", "/rtt", "open", "round_trips",
        "What is measured of the ways to the regions, by this host and by their pages.",
        RoundTripsDocument,
    ),
    Route(
        "GET", "/reload", "token", "forecast",
        "What a reload would do now; nothing is adopted.", ForecastDocument,
        errors={409: (ErrorDocument, "the files cannot be read as they are")},
    ),
    Route(
        "POST", "/reload", "token", "reload",
        "Adopt the files as they are now.", ReloadedDocument,
        parameters=(Parameter("yes", "1 accepts what the files take away"),),
        errors={422: (ReloadRefusedDocument, "a part of the files is refused or held")},
    ),
    Route(
        "GET", "/metrics", "open", "metrics",
        "Prometheus's text, or OpenMetrics for those who accept it; no JSON.", None,
    ),
    Route(
        "GET", "/healthz", "open", "healthz",
        "Whether the daemon is alive: the engine answers, and probes start on time.", AliveDocument,
    ),
    Route(
        "GET", "/readyz", "open", "readyz",
        "Whether the daemon is ready: probed once, not ending, and its host not isolated.",
        ReadyDocument,
    ),
)  # fmt: skip
