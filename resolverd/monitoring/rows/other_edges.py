"""What the edges of a fleet say of one another's targets, as each of them hears it."""

from __future__ import annotations

from resolverd.admin.metrics import other_edges
from resolverd.monitoring.panel import Panel, Query
from resolverd.monitoring.promql import but_zero, increase, least, most, now, rate, total

OTHERS = Panel(
    "Other edges heard",
    "How many other edges' observations count at each edge host. All of a fleet but itself; fewer "
    "means NATS, or the way to it.",
    (
        Query(least(now(other_edges.live), "instance"), "{{instance}}"),
        Query(most(now(other_edges.lags), "edge"), "{{edge}}: seconds late"),
    ),
    "fleet", width=12,
)  # fmt: skip
PATHS = Panel(
    "Paths at fault",
    "Endpoints that are down for one edge host alone (path), for all others (doubted), or by "
    "others' word (told). Look at the network between, not at the region.",
    (Query(but_zero(total(
        now(other_edges.standings), "region", "endpoint", "standing"
    )), "edge hosts"),),
    "fleet", "table", width=12,
)  # fmt: skip
DISPUTES = Panel(
    "Disagreements of edges",
    "Share of the time for which some edge says otherwise of an endpoint, how often that began, "
    "and how often an endpoint was down for one alone.",
    (
        Query(most(rate(other_edges.disagreement_seconds), "region", "endpoint"),
              "{{endpoint}}: share of time"),
        Query(total(increase(other_edges.disagreements, "1h"), "region", "endpoint"),
              "{{endpoint}}: begun in 1 h"),
        Query(total(increase(other_edges.path_faults, "1h"), "region", "endpoint"),
              "{{endpoint}}: paths in 1 h"),
    ),
    "fleet", width=12,
)  # fmt: skip
SHARED = Panel(
    "What edges share",
    "Messages of observations by result, and probes that another edge's canary spared one.",
    (
        Query(total(rate(other_edges.messages), "result"), "{{result}}"),
        Query(total(rate(other_edges.spared), "region"), "{{region}}: canaries spared"),
    ),
    "fleet", width=12,
)  # fmt: skip

OTHER_EDGES = (OTHERS, PATHS, DISPUTES, SHARED)
