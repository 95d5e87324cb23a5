"""Log events of the fleet: how this edge stands with NATS, and what the fleet says."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "fleet.connected",
        "info",
        "NATS confirms what this edge writes, by a quorum, and delivers it.",
        "server",
    ),
    Event(
        "fleet.lost",
        "warning",
        "NATS is away, or has no quorum. This edge goes on with what it knows.",
        "server reason",
    ),
    Event(
        "fleet.not_connected",
        "warning",
        "A NATS server cannot be connected to: said once for each server and reason, until NATS is "
        "well again.",
        "server reason",
    ),
    Event(
        "fleet.forbidden",
        "warning",
        "NATS does not let this edge use a subject that a fleet needs.",
        "server reason",
    ),
    Event(
        "fleet.same_name",
        "error",
        "Another process has this edge's name; each edge needs one of its own (fleet.edge).",
        "edge",
    ),
    Event(
        "fleet.bucket_anew",
        "warning",
        "NATS has lost what the fleet kept, and begins anew. This edge writes again what it knows.",
        "bucket",
    ),
    Event(
        "fleet.start_alone",
        "warning",
        "The fleet's words could not be had at a start within `seconds`, which is what a "
        "published set left of `start_wait`: it answers by those that it kept, `word_count` of "
        "them.",
        "reason seconds word_count",
    ),
    Event(
        "word.lost",
        "warning",
        "What was said at this edge while NATS was away is not in force: another operator has said "
        "something else meanwhile.",
        "target edge reason",
    ),
    Event(
        "word.unreadable",
        "warning",
        "A word of the fleet cannot be read: another release's, or somebody's by hand.",
        "bucket_key reason",
    ),
    Event(
        "fleet.too_large",
        "warning",
        "A message is larger than NATS takes, and was not sent.",
        "subject octets limit_octets",
    ),
    Event(
        "fleet.failed",
        "error",
        "A message of the fleet met a defect of ours.",
        "reason",
        "exception",
    ),
    Event(
        "fleet.edge_live",
        "info",
        "Another edge tells what it observes.",
        "edge",
    ),
    Event(
        "fleet.edge_silent",
        "warning",
        "Another edge has told nothing for `seconds`: it counts no more until it does.",
        "edge seconds",
    ),
    Event(
        "fleet.message_refused",
        "warning",
        "What an edge told is not as it has to be, and counts for nothing.",
        "subject reason",
    ),
    Event(
        "fleet.path_fault",
        "warning",
        "This edge's probes alone say that an endpoint is down: the path from here is at fault. "
        "Its own clients are moved.",
        "down_count edge_count reason region endpoint probe",
    ),
    Event(
        "fleet.doubted",
        "warning",
        "Others say that an endpoint is down which this edge reaches: TTLs fall, and it is asked "
        "again at once.",
        "down_count edge_count reason region endpoint probe",
    ),
    Event(
        "fleet.told",
        "warning",
        "An endpoint that this edge reaches is taken for down, by others' word (`any`).",
        "down_count edge_count reason region endpoint probe",
    ),
    Event(
        "fleet.agreed",
        "info",
        "The edges are at one again about an endpoint; `before` is how it stood: path, doubted or "
        "told.",
        "before down_count edge_count reason region endpoint probe",
    ),
)
