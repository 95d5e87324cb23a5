"""The routes of the admin API: the server's routing table, its guard's, and that of the docs.

`access` is who may ask over TCP: everybody ("open"), or whoever has the token ("token"). Over the
Unix socket, its mode alone decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pydantic import BaseModel

    from resolverd.admin.documents.base import Document, ErrorDocument

    Errors = Mapping[int, tuple[type[ErrorDocument], str]]

# Of each status, the model of the document and when it comes.
_Refusals = Mapping[int, tuple[str, str]]


class Parameter(NamedTuple):
    """One query parameter of a route: its name, and what OpenAPI says of it.

    `stands_for` is its value in a hint; one that is `required` has it.
    """

    name: str
    doc: str
    required: bool = False
    stands_for: str = ""


class Route(NamedTuple):
    """One route: `handler` is a method of `Api`.

    `answers`, `asks` and `refusals` name models, which a daemon does not load: it makes documents
    without them.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    access: Literal["open", "token"]
    handler: str
    doc: str
    answers: str | None
    asks: str | None = None
    parameters: tuple[Parameter, ...] = ()
    refusals: _Refusals = MappingProxyType({})

    @property
    def response(self) -> type[Document] | None:
        """The model of what is answered; None is no JSON."""
        from resolverd.admin.documents.every import DOCUMENTS

        return None if self.answers is None else DOCUMENTS[self.answers]

    @property
    def request(self) -> type[BaseModel] | None:
        """The model of the body that is asked with, if any."""
        from resolverd.admin.documents.every import REQUESTS

        return None if self.asks is None else REQUESTS[self.asks]

    @property
    def errors(self) -> Errors:
        """The errors of its own; `common_errors` may come of each route."""
        return _errors(self.refusals)


def common_errors() -> Errors:
    """The errors of every route."""
    return _errors(_COMMON)


def _errors(refusals: _Refusals) -> Errors:
    from resolverd.admin.documents.every import ERRORS

    return {status: (ERRORS[name], doc) for status, (name, doc) in refusals.items()}


_COMMON: _Refusals = {
    400: ("ErrorDocument", "the request cannot be read"),
    401: ("ErrorDocument", "over TCP: the token is missing or wrong"),
    403: ("ErrorDocument", "over TCP: there is no token, or it cannot be read"),
    404: ("ErrorDocument", "there is no such path"),
    405: ("ErrorDocument", "the path is not asked with this method"),
    408: ("ErrorDocument", "the request did not come whole in time"),
    413: ("ErrorDocument", "the body has more octets than any order"),
    500: ("ErrorDocument", "a defect of resolverd; its log has more"),
    503: ("ErrorDocument", "the daemon is starting or ending, or cannot do it now"),
}
_BAD_BODY = (
    "ErrorDocument",
    "the body is no JSON, lacks something, or has a key or a type that it may not have",
)
_BAD_QUERY = (
    "ErrorDocument",
    "a parameter is not one of these, is missing or there twice, or says nothing of use",
)
_EMPTIES = (
    "WouldEmptyRefusedDocument",
    "it would leave a fence without a region, or another operator was first",
)
_MEANWHILE = ("WouldEmptyRefusedDocument", "another operator was first")
_NO_SPILL = ("ErrorDocument", "there is no such service, region of it, or edge")
_UNKNOWN = ("ErrorDocument", "there is no such region, endpoint or edge")
_UNKNOWN_REGION = ("ErrorDocument", "there is no such region or edge")

ROUTES = (
    Route("GET", "/state", "open", "state", "Everything that there is to see.", "StateDocument"),
    Route(
        "GET", "/urls", "token", "urls",
        "The URLs that /state shows without their secrets.", "UrlsDocument",
    ),
    Route(
        "GET", "/explain", "token", "explain",
        "Why a client gets the answer that it gets.", "ExplainDocument",
        parameters=(
            Parameter("name", "hostname that a DYNA record steers", True, "HOSTNAME"),
            Parameter("client", "address or prefix of the client", True, "IP[/LEN]"),
            Parameter("policy", "nearest, failover, weighted or latency: its order is told too"),
        ),
        refusals={
            400: (
                "ErrorDocument",
                "a parameter is missing or unknown, or no name, address or policy",
            ),
            404: ("ErrorDocument", "the name is not steered"),
        },
    ),
    Route(
        "POST", "/override", "token", "override",
        "Put an override in force; answers once it is obeyed.",
        "OverriddenDocument", "OverrideRequest",
        refusals={400: _BAD_BODY, 404: _UNKNOWN, 409: _EMPTIES},
    ),
    Route(
        "DELETE", "/override/{target}", "token", "clear",
        "End an override, or what holds an endpoint down; answers once that is obeyed.",
        "ClearedDocument",
        parameters=(
            Parameter("who", "who asks; else whoever is at the other end"),
            Parameter("edge", "the only edge of the fleet for which it ends; else all"),
        ),
        refusals={
            400: _BAD_QUERY,
            404: ("ErrorDocument", "there is no such target or edge, or it has no override"),
            409: _MEANWHILE,
        },
    ),
    Route(
        "GET", "/drain", "token", "would_empty",
        "What draining a region would come to.", "WouldEmptyDocument",
        parameters=(Parameter("region", "the region", True, "REGION"),),
        refusals={400: _BAD_QUERY, 404: _UNKNOWN_REGION},
    ),
    Route(
        "POST", "/drain", "token", "drain",
        "Drain a region; answers once it is obeyed.", "DrainedDocument", "DrainRequest",
        refusals={
            400: _BAD_BODY,
            404: _UNKNOWN_REGION,
            409: _EMPTIES,
        },
    ),
    Route(
        "POST", "/spill", "token", "spill",
        "Put a spill rule in force; answers once it is obeyed.",
        "SpillRuleSetDocument", "SpillRequest",
        refusals={400: _BAD_BODY, 404: _NO_SPILL, 409: _MEANWHILE},
    ),
    Route(
        "DELETE", "/spill/{service}", "token", "clear_spill",
        "End a spill rule; answers once it is obeyed no more.",
        "SpillRuleClearedDocument",
        parameters=(
            Parameter("region", "the region whose rule it is; else that of the whole service"),
            Parameter("who", "who asks; else whoever is at the other end"),
            Parameter("edge", "the only edge of the fleet for which it ends; else all"),
        ),
        refusals={
            400: _BAD_QUERY,
            404: ("ErrorDocument", "there is no such service, region or edge, or it has no rule"),
            409: _MEANWHILE,
        },
    ),
    Route(
        "GET", "/rtt", "open", "round_trips",
        "What is measured of the ways to the regions, by this host and by their pages.",
        "RoundTripsDocument",
    ),
    Route(
        "GET", "/reload", "token", "forecast",
        "What a reload would do now; nothing is adopted.", "ForecastDocument",
        refusals={409: ("ErrorDocument", "the files cannot be read as they are")},
    ),
    Route(
        "POST", "/reload", "token", "reload",
        "Adopt the files as they are now.", "ReloadedDocument",
        parameters=(Parameter("yes", "1 or true accepts what the files take away"),),
        refusals={
            400: _BAD_QUERY,
            422: ("ReloadRefusedDocument", "a part of the files is refused or held"),
        },
    ),
    Route(
        "GET", "/metrics", "open", "metrics",
        "Prometheus's text, or OpenMetrics for those who accept it; no JSON.", None,
    ),
    Route(
        "GET", "/healthz", "open", "healthz",
        "Whether the daemon is alive: the engine answers, and probes start on time.",
        "AliveDocument",
    ),
    Route(
        "GET", "/readyz", "open", "readyz",
        "Whether the daemon is ready: probed once, not ending, and its host not isolated.",
        "ReadyDocument",
    ),
    Route(
        "GET", "/fitness", "open", "fitness",
        "Whether this edge is fit to answer over its service addresses; for `resolverd anycast`.",
        "FitnessDocument",
    ),
)  # fmt: skip
