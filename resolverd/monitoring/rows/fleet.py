"""Which edge hosts there are, and where they disagree: what only a fleet has."""

from __future__ import annotations

from resolverd.admin.metrics import files, fleet, probes, process, regions, traffic
from resolverd.monitoring.panel import GREEN, RED, Names, Panel, Query
from resolverd.monitoring.promql import (
    NUMBER,
    counted,
    least,
    most,
    now,
    rate,
    scraped,
    since,
    total,
)

_SCRAPED = 'up{job="resolverd", instance=~"$instance"}'

EDGES = Panel(
    "Edge hosts",
    "How many are scraped, and how many of them give metrics.",
    (
        Query(scraped(f"count({_SCRAPED})", NUMBER), "scraped"),
        Query(scraped(f"sum({_SCRAPED})", NUMBER), "give metrics"),
    ),
    "edges", "stat", width=6, height=4,
)  # fmt: skip
SILENT = Panel(
    "Without metrics",
    "Edge hosts that Prometheus cannot read. Ask each with dig before anything else.",
    (Query(scraped(f"count({_SCRAPED}) - sum({_SCRAPED})", NUMBER)),),
    "edges", "stat", width=6, height=4, warn=1.0, bad=2.0,
)  # fmt: skip
CUT_OFF = Panel(
    "Cut off from all regions",
    "How many edge hosts hear from no region. One is that host's network; all are the regions'.",
    (Query(total(now(probes.isolated))),),
    "operations", "stat", width=6, height=4, warn=1.0, bad=2.0,
)  # fmt: skip
REFUSING = Panel(
    "Adopted the files on disk",
    "How many edge hosts serve all of their files. The others are in the table.",
    (Query(total(now(files.last_reload))),),
    "edits", "stat", width=6, height=4,
)  # fmt: skip
HOSTS = Panel(
    "Each edge host",
    "A host's name leads to its own dashboard.",
    (
        Query(total(rate(traffic.queries), "instance"), "queries"),
        Query(least(since(now(process.started)), "instance"), "runs for"),
        Query(most(now(probes.isolated), "instance"), "cut off"),
        Query(least(now(files.last_reload), "instance"), "files adopted"),
        Query(most(now(files.plan_generation), "instance"), "Plan"),
    ),
    "edges", "table", width=16, height=9,
)  # fmt: skip
RUNS = Panel(
    "What runs where",
    "Versions and engines. One version, and native everywhere, is as it should be.",
    (
        Query(counted(now(process.build), "version", "python"), "edge hosts, version"),
        Query(counted(now(process.engine), "engine"), "edge hosts, engine"),
    ),
    "upgrade", "table", height=9,
)  # fmt: skip
BY_HOST = Panel(
    "Queries by edge host",
    "A host that ends while others rise was withdrawn, or lost its clients' route.",
    (Query(total(rate(traffic.queries), "instance"), "{{instance}}"),),
    "edges", width=12, stacked=True,
)  # fmt: skip
DISAGREE = Panel(
    "Edge hosts that disagree",
    "Regions that serve for one edge host and not for another: 1 while they differ. Look at the "
    "network between, not at the region.",
    (Query(
        most(now(regions.serving), "service", "region")
        - least(now(regions.serving), "service", "region"),
        "{{service}}: {{region}}",
    ),),
    "edges", "state-timeline", width=12,
    names=Names({"0": ("agree", GREEN), "1": ("differ", RED)}),
)  # fmt: skip

NATS = Panel(
    "Edges with NATS",
    "How many edges reach the fleet's NATS, and how many a quorum of it. The others go on with "
    "what they know.",
    (
        Query(total(now(fleet.connected)), "connected"),
        Query(total(now(fleet.quorum)), "with a quorum"),
    ),
    "fleet", width=8,
)  # fmt: skip
HEARD = Panel(
    "Edges that each edge hears",
    "Lines that part are a partition: each side hears its own.",
    (Query(total(now(fleet.edges), "instance"), "{{instance}}"),),
    "fleet", width=8,
)  # fmt: skip
PENDING = Panel(
    "Words said at one edge only",
    "Overrides and drains that the fleet does not have yet, for NATS was away when they were said.",
    (Query(total(now(fleet.pending_words), "instance"), "{{instance}}"),),
    "fleet", width=8,
)  # fmt: skip

FLEET = (EDGES, SILENT, CUT_OFF, REFUSING, HOSTS, RUNS, BY_HOST, DISAGREE)
SHARED = (NATS, HEARD, PENDING)
