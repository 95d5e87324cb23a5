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
        "The fleet's words could not be had within `seconds` at a start: it answers by those that "
        "it kept, `word_count` of them.",
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
)
