"""What is down, what moves, and what probes see."""

from __future__ import annotations

from resolverd.admin.metrics import endpoints, inference, overrides, probes, regions
from resolverd.admin.metrics.family import Family
from resolverd.admin.metrics.registry import FAMILIES
from resolverd.monitoring.panel import AMBER, GREEN, RED, Names, Panel, Query
from resolverd.monitoring.promql import (
    average,
    but_zero,
    increase,
    least,
    mean,
    most,
    now,
    rate,
    since,
    total,
    until,
)

SERVES = Names({"0": ("does not serve", RED), "1": ("serves", GREEN)})
_ENDPOINT = ("region", "endpoint", "probe")


def of_a_kind(name: str) -> Family:
    """A metric that a kind of probe declares. Raises KeyError where none does."""
    return {family.name: family for family in FAMILIES}[name]


REGIONS = Panel(
    "Regions that serve",
    "Green while every edge host shown serves from the region, red while none does, amber between: "
    "where they differ, look at the network between.",
    (Query(mean(now(regions.serving), "service", "region"), "{{service}}: {{region}}"),),
    "probing", "state-timeline", width=12, height=8, warn=1.0, bad=0.01, unit="percentunit",
)  # fmt: skip
TROUBLES = Panel(
    "Endpoints in trouble",
    "Each endpoint that is suspect, down, recovering or unknown, and for how many edge hosts. "
    "`resolverd state` has the reason of the last probe.",
    (Query(but_zero(total(
        now(endpoints.states, state="suspect|down|recovering|unknown"),
        "service", "region", "endpoint", "state",
    )), "edge hosts"),),
    "health", "table", width=12, height=8,
)  # fmt: skip
FAILED = Panel(
    "Failed probes",
    "By endpoint. One that fails now and then is the network's; one that fails at every probe is "
    "down.",
    (Query(total(rate(probes.probes, result="failed.*"), "region", "endpoint"),
           "{{region}}: {{endpoint}}"),),
    "probing", width=12,
)  # fmt: skip
CONDITIONS = Panel(
    "Conditions",
    "What probes saw of servers that answer and yet do not work, or not all of them.",
    (Query(total(now(inference.conditions), "region", "endpoint", "condition"),
           "{{endpoint}}: {{condition}}"),),
    "health", width=6,
)  # fmt: skip
LOST = Panel(
    "Capacity lost",
    "Share of an endpoint's capacity that serves nobody while the rest does: a replica that hangs.",
    (Query(most(now(inference.lost), *_ENDPOINT), "{{endpoint}} {{probe}}"),),
    "health", width=6, warn=0.01, bad=0.5,
)  # fmt: skip
OVERRIDES = Panel(
    "Overrides in force",
    "What operators have set: while it holds nothing that probes measure counts. `resolverd clear` "
    "ends one.",
    (
        Query(least(now(overrides.remaining), *_ENDPOINT, "kind"), "ends in"),
        Query(most(since(now(overrides.set_at)), *_ENDPOINT, "kind"), "set for"),
        Query(total(now(overrides.overrides), *_ENDPOINT, "kind"), "edge hosts"),
    ),
    "operations", "table", width=12,
)  # fmt: skip
CERTIFICATES = Panel(
    "Certificates that end",
    "Time left. At the end every client fails, and so do probes.",
    (Query(least(until(now(endpoints.expiries)), "region", "endpoint"), "{{endpoint}}"),),
    "probing", "bargauge", width=6, warn=14 * 86400.0, bad=2 * 86400.0,
)  # fmt: skip
WITHDRAWN = Panel(
    "Taken out on purpose",
    "Regions that are drained, overridden or closed, and so are not down.",
    (Query(mean(now(regions.withdrawals), "service", "region"), "{{service}}: {{region}}"),),
    "operations", "state-timeline", width=6,
    names=Names({"0": ("in service", GREEN), "1": ("taken out", AMBER)}),
)  # fmt: skip

REGION_CHANGES = Panel(
    "Changes of regions",
    "By the state entered, in the last hour. More than a few an hour are flapping.",
    (Query(total(increase(regions.transitions, "1h"), "service", "region", "state"),
           "{{service}}: {{region}} {{state}}"),),
    "probing", width=12,
)  # fmt: skip
ENDPOINT_CHANGES = Panel(
    "Changes of endpoints",
    "By the state entered, in the last hour. Suspect without down is a probe lost now and then.",
    (Query(total(increase(endpoints.transitions, "1h"), "region", "endpoint", "state"),
           "{{endpoint}} {{state}}"),),
    "probing", width=12,
)  # fmt: skip
STATES = Panel(
    "States of regions",
    "How many edge hosts see a region in each state.",
    (Query(but_zero(total(now(regions.states), "service", "region", "state")),
           "{{service}}: {{region}} {{state}}"),),
    "probing", width=12,
)  # fmt: skip
HELD = Panel(
    "Kept down by flap damping",
    "Endpoints that respond again, and wait since they have fallen before.",
    (Query(most(now(endpoints.held), "region", "endpoint"), "{{endpoint}}"),),
    "probing", "state-timeline", width=6,
    names=Names({"0": ("free", GREEN), "1": ("kept down", AMBER)}),
)  # fmt: skip
HOURS = Panel(
    "Hours of service",
    "Regions that open and close by the clock.",
    (Query(most(now(regions.within_hours), "region"), "{{region}}"),),
    "steering", "state-timeline", width=6,
    names=Names({"0": ("closed", AMBER), "1": ("open", GREEN)}),
)  # fmt: skip

RESULTS = Panel(
    "Probes by result",
    "failed_late and superseded are outcomes that came after a later probe's.",
    (Query(total(rate(probes.probes), "result"), "{{result}}"),),
    "probing", stacked=True,
)  # fmt: skip
PROBE_TIMES = Panel(
    "How long probes take",
    "Mean by region. A canary takes as long as the server takes for a token.",
    (Query(average(probes.durations, "region"), "{{region}}"),),
    "probing",
)  # fmt: skip
LAST_TIMES = Panel(
    "The slowest endpoints",
    "The last probe of each endpoint, as the edge host that waited longest for it saw it.",
    (Query(most(now(probes.last_durations), "region", "endpoint"), "{{region}}: {{endpoint}}"),),
    "probing", "bargauge",
)  # fmt: skip
CONNECTS = Panel(
    "TCP handshakes with endpoints",
    "The way alone, without the server's work: where this rises with the probes, it is the "
    "network.",
    (Query(most(now(endpoints.connects), "region", "endpoint"), "{{endpoint}}"),),
    "probing",
)  # fmt: skip
CANARIES = Panel(
    "Canaries",
    "Completions of a token or two that prove that a server works, and what they cost.",
    (
        Query(total(rate(of_a_kind("resolverd_canaries_total")), "region", "result"),
              "{{region}}: {{result}}"),
        Query(total(rate(of_a_kind("resolverd_canary_tokens_total")), "region"),
              "{{region}}: tokens"),
    ),
    "health",
)  # fmt: skip
CANARY_TTFT = Panel(
    "Time to a canary's token",
    "What a client of one short prompt would wait, as this host measures it.",
    (Query(most(now(of_a_kind("resolverd_canary_ttft_seconds")), "region", "endpoint"),
           "{{endpoint}}"),),
    "health",
)  # fmt: skip
FAMILIES_UP = Panel(
    "Address families",
    "1 where the last probe reached the endpoint over the family, 0 where it did not; and 1 where "
    "its addresses of the family are not handed out.",
    (
        Query(least(now(endpoints.families_up), "endpoint", "family"), "{{endpoint}} {{family}}"),
        Query(most(now(endpoints.families_withheld), "endpoint", "family"),
              "{{endpoint}} {{family}} withheld"),
    ),
    "probing",
)  # fmt: skip
LOOKUPS = Panel(
    "Look-ups of endpoints' hostnames",
    "Failed ones leave the addresses as they were. Addresses that lead nowhere are not taken.",
    (
        Query(total(rate(endpoints.lookups), "hostname", "result"), "{{hostname}}: {{result}}"),
        Query(total(rate(endpoints.refused_addresses), "hostname"), "{{hostname}}: refused"),
    ),
    "probing",
)  # fmt: skip
SERVERS = Panel(
    "Who the servers say they are",
    "Model and version of each endpoint. The versions of one service should be one.",
    (Query(most(now(inference.identities), "region", "endpoint", "model", "version",
                "max_model_len"), "known"),),
    "health", "table", width=12,
)  # fmt: skip
DIFFER = Panel(
    "Servers that differ from the service's others",
    "Each field in which one does. Clients that move between regions get other answers.",
    (Query(most(now(inference.differences), "service", "region", "endpoint", "field"), "differs"),),
    "health", "table", width=6,
)  # fmt: skip
ASKED_BY = Panel(
    "Which probe judges what",
    "The kind of probe by which each endpoint is judged for a service.",
    (Query(most(now(endpoints.probes), "service", *_ENDPOINT, "kind"), "judged"),),
    "probing", "table", width=6,
)  # fmt: skip

DOWN = (
    REGIONS, TROUBLES, FAILED, OVERRIDES, WITHDRAWN, CERTIFICATES, CONDITIONS, LOST,
)  # fmt: skip
MOVES = (REGION_CHANGES, ENDPOINT_CHANGES, STATES, HELD, HOURS)
PROBES = (
    RESULTS, PROBE_TIMES, CONNECTS, LAST_TIMES, CANARIES, CANARY_TTFT, FAMILIES_UP, LOOKUPS,
    SERVERS, DIFFER, ASKED_BY,
)  # fmt: skip
