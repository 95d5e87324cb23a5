"""What operators order: overrides, spill rules, and the API that takes them."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "override.restored",
        "info",
        "An override of an earlier process is in force again, for so many `seconds`.",
        "reason seconds target kind who",
    ),
    Event(
        "override.set",
        "info",
        "An operator's override, for so many `seconds`.",
        "target before after who reason seconds",
        "edge",
    ),
    Event(
        "override.cleared",
        "info",
        "An override ended by hand.",
        "target before who reason",
        "edge",
    ),
    Event(
        "override.lost",
        "warning",
        "An override ended because an edit that was insisted on took its target away.",
        "target kind who reason",
    ),
    Event(
        "override.ended",
        "info",
        "An override ended because its time was over.",
        "target",
    ),
    Event(
        "spill_rule.restored",
        "info",
        "A spill rule of an earlier process is in force again, for so many `seconds`.",
        "reason seconds target kind who",
    ),
    Event(
        "spill_rule.set",
        "info",
        "An operator's rule on what a service, or `SERVICE/REGION`, spills, for so many `seconds`.",
        "target before after who reason seconds",
        "edge",
    ),
    Event(
        "spill_rule.cleared",
        "info",
        "A spill rule ended by hand: what is sent on follows the load again.",
        "target before who reason",
        "edge",
    ),
    Event(
        "spill_rule.lost",
        "warning",
        "A spill rule ended because an edit that was insisted on took its service or region away.",
        "target kind who reason",
    ),
    Event(
        "spill_rule.ended",
        "info",
        "A spill rule ended because its time was over.",
        "target",
    ),
    Event(
        "admin.open",
        "info",
        "Where the admin API and metrics are.",
        "socket http",
    ),
    Event(
        "admin.unavailable",
        "warning",
        "A listener of the admin API could not be opened. Answers go on.",
        "listener reason hint",
    ),
    Event(
        "admin.defect",
        "error",
        "A request to the admin API met a defect of ours.",
        "path",
        "exception",
    ),
    Event(
        "external_dns.serving",
        "info",
        "`resolverd external-dns` answers: external-dns at `listener`, `/healthz` at `http`.",
        "listener http",
    ),
    Event(
        "external_dns.written",
        "info",
        "Records that external-dns owns were changed; `problems` are the warnings that go with it.",
        "file changed problems",
    ),
    Event(
        "external_dns.refused",
        "warning",
        "A request of external-dns, or what `reason` names of it, was refused; it asks again.",
        "reason",
    ),
    Event(
        "external_dns.left_out",
        "warning",
        "A record that external-dns wants is not kept: it cannot be, or the zone has its own.",
        "qname qtype reason",
    ),
)
