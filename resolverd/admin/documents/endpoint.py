"""What /state says of one endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import create_model

from resolverd.admin.documents.base import Part, key
from resolverd.health.kinds.kind import json_keys

Verdict = Literal["unknown", "up", "suspect", "down", "recovering"]


class OverridePart(Part):
    """An override of a region or an endpoint, by an operator or by a region's hours."""

    kind: Literal["up", "down", "drain"] = key("The state that it forces: up, down or drain.")
    who: str = key("Who set it.")
    why: str = key("The reason given.")
    set_at: str | None = key("When it was set, ISO 8601 in UTC.")
    until: str | None = key("When it ends by itself, ISO 8601 in UTC; null holds until cleared.")
    seconds_left: float | None = key("Seconds until it ends by itself; null where it does not.")


class VerdictPart(Part):
    """How something stands now."""

    state: Verdict = key("The state, overrides included.")
    measured: Verdict = key("The state as measured, whatever overrides say.")
    serves: bool = key("Whether its addresses may be answered.")
    reason: str = key("Why, in words.")
    changed_at: str | None = key(
        "When the state last changed, ISO 8601 in UTC; null if it never has."
    )
    override: OverridePart | None = key("The override in force, if any.")


class ProbePart(Part):
    """How an endpoint is probed."""

    kind: str = key("Kind of probe.")
    host: str = key("Host header; empty takes the URL's own.")
    sni: str = key("Server name of the TLS handshake; empty takes the URL's host.")
    verify_tls: bool = key("Whether the certificate must be valid.")
    credential: str = key("Name of the credential's file; empty where there is none.")
    version: str = key("Version that the server must have; empty where any is right.")
    fingerprint: str = key("Fingerprint that it must have; empty where any is right.")


class CertificatePart(Part):
    """The last certificate that an endpoint has shown."""

    expires: str = key("When it ends, ISO 8601 in UTC.")
    days_left: float = key("Days until then; negative when it has ended.")
    ends_soon: bool = key("Whether that is sooner than `certificate_days`.")


class FamilyPart(Part):
    """One address family of an endpoint that is asked over both."""

    ok: bool = key("Whether the last probe reached it.")
    reason: str = key("What the last probe met.")
    withheld: bool = key("Whether its addresses are not answered.")
    held_until: str | None = key(
        "Until when flap damping alone withholds it, ISO 8601 in UTC; null where it does not."
    )


class IdentityPart(Part):
    """The identity that a server reports; empty and 0 stand for what it does not export."""

    models: list[str] = key("Names that it answers to.")
    root: str = key("Where the weights came from.")
    max_model_len: int = key("Longest context, tokens.")
    version: str = key("Version of the server.")
    fingerprint: str = key("OpenAI's `system_fingerprint`.")


class ReadingsPart(Part):
    """What a server's page of metrics had last; null stands for what it does not export."""

    running: float | None = key("Requests that run.")
    waiting: float | None = key("Requests that wait.")
    kv_usage_ratio: float | None = key("Share of the KV cache in use, 0 to 1.")
    shedding: bool = key("Whether the server refuses requests for load.")
    lost_ratio: float = key("Share of its capacity that serves nobody while the rest does, 0 to 1.")


class DiffersPart(Part):
    """One thing in which a server differs from its peers."""

    service: str = key("The service that they all serve.")
    field: str = key("What differs.")
    value: str = key("The value of this server.")
    majority: str = key("The value of most.")


class OtherEdgePart(Part):
    """What another edge of the fleet says of an endpoint; null stands for what it does not say."""

    edge: str = key("Its name.")
    state: Verdict = key("What its probes say.")
    reason: str | None = key("Why, in words; null while all is well.")
    connect_seconds: float | None = key("Seconds that its last TCP handshake took.")
    ttft_seconds: float | None = key("Seconds to its last canary's first token.")
    saturation_ratio: float | None = key("How full it takes the region to be.")


class OtherEdgesPart(Part):
    """What the live edges of the fleet say of an endpoint."""

    verdicts: str = key("Whose verdicts count: own, any, quorum, quorum:N or nearest:K.")
    standing: Literal["alone", "agreed", "path", "doubted", "told"] = key(
        "How this edge's own verdict stands with theirs: alone (nobody else counts), agreed, path "
        "(down for this edge alone), doubted (down for the quorum alone) or told (taken for down "
        "by their word)."
    )
    for_seconds: float | None = key("Seconds for which it has; null if it never changed.")
    serving: int = key("Other edges that it serves for.")
    not_serving: int = key("Those that it does not.")
    edges: list[OtherEdgePart] = key(
        "Those that see anything wrong; all of them while it does not serve for this one."
    )


if TYPE_CHECKING:
    _KindKeys = VerdictPart
else:
    _KindKeys = create_model(
        "_KindKeys",
        __base__=VerdictPart,
        **{exported.name: (exported.type | None, key(exported.doc)) for _, exported in json_keys()},
    )


class EndpointPart(_KindKeys):
    """One endpoint of a region, with what the kinds of probe export of theirs."""

    name: str = key("The probe target: ENDPOINT, or ENDPOINT@SERVICE where services differ.")
    endpoint: str = key("Name of the endpoint.")
    url: str = key("What is probed, without its secrets.")
    probe: ProbePart = key("How it is probed.")
    hostname: str | None = key("Hostname whose addresses are answered, if any.")
    addresses: list[str] = key("Addresses that are answered while it serves.")
    probes: int = key("Probes that came to an end, since the start.")
    failures: int = key("Those that failed.")
    latency_seconds: float | None = key("Seconds that the last probe took; null before the first.")
    condition: str | None = key("What the last probe saw beyond success and failure, if anything.")
    held_until: str | None = key(
        "Until when flap damping alone keeps it down, ISO 8601 in UTC; null where it does not."
    )
    connect_seconds: float | None = key("Seconds that the last TCP handshake took, if known.")
    certificate: CertificatePart | None = key("Its certificate, if it has shown any.")
    families: dict[str, FamilyPart] | None = key("By family; null where one alone is asked over.")
    identity: IdentityPart | None = key("The identity that it reports; null where it is unknown.")
    readings: ReadingsPart | None = key("Its load; null where it is not known.")
    differs: list[DiffersPart] = key("In what it differs from its peers.")
    others: OtherEdgesPart | None = key("What the fleet says of it; null without a fleet.")
