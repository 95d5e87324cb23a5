"""How full regions are, what they send on, what clients get; and round-trip times."""

from __future__ import annotations

from resolverd.admin.metrics import load, rtt, spill_rules
from resolverd.monitoring.panel import GREEN, RED, Names, Panel, Query
from resolverd.monitoring.promql import increase, least, mean, most, now, since, top, total
from resolverd.monitoring.rows.answering import YES

_PAIR = ("service", "region")

FULL = Panel(
    "How full regions are",
    "1 is just full, by the service's queue_target and kv_target; from there on it sends clients "
    "on.",
    (Query(most(now(load.saturations), *_PAIR), "{{service}}: {{region}}"),),
    "load", width=12, warn=0.8, bad=1.0, unit="percentunit",
)  # fmt: skip
SPILLS = Panel(
    "What they send on",
    "Share of a region's own clients that go elsewhere. Lasting shares say that capacity is "
    "missing.",
    (Query(most(now(load.spill_ratio), *_PAIR), "{{service}}: {{region}}"),),
    "load", width=12, warn=0.2, bad=0.5,
)  # fmt: skip
TTFT = Panel(
    "Time to first token",
    "What clients of the region wait, over the window of its alerts.",
    (Query(most(now(load.ttft), "region", "quantile"), "{{region}}, {{quantile}}"),),
    "load", warn=0.2, bad=1.0,
)  # fmt: skip
SUCCESS = Panel(
    "Requests that succeed",
    "Share that was not answered 5xx.",
    (Query(least(now(load.success), "region"), "{{region}}"),),
    "load", warn=0.995, bad=0.95,
)  # fmt: skip
GPUS = Panel(
    "GPUs in use",
    "Mean utilisation. Above 90 % add capacity, below 30 % think of less.",
    (Query(mean(now(load.gpus), "region"), "{{region}}"),),
    "load",
)  # fmt: skip
ALERTS = Panel(
    "Alerts on outcomes",
    "What resolverd judges by itself over its windows; docs/load.md says what to do about each.",
    (Query(most(now(load.alerts), "region", "alert"), "{{region}}: {{alert}}"),),
    "load", "state-timeline", width=12,
    names=Names({"0": ("well", GREEN), "1": ("fires", RED)}),
)  # fmt: skip
ACCEPTED = Panel(
    "What they take of others",
    "Share of others' clients up to which a region takes those sent on; and how often one began to "
    "send on, in the last hour.",
    (
        Query(least(now(load.accepted), *_PAIR), "{{service}}: {{region}} takes"),
        Query(total(increase(load.episodes, "1h"), *_PAIR), "{{service}}: {{region}} began"),
    ),
    "load", width=12,
)  # fmt: skip
RULES = Panel(
    "Spill rules in force",
    "What operators have regions send on, whatever their load is; 0 is off. `resolverd spill … "
    "auto` ends one.",
    (
        Query(most(now(spill_rules.ratios), *_PAIR), "share"),
        Query(least(now(spill_rules.remaining), *_PAIR), "ends in"),
        Query(most(since(now(spill_rules.set_at)), *_PAIR), "set for"),
    ),
    "load", "table", width=12,
)  # fmt: skip
QUEUES = Panel(
    "Expected wait",
    "How long a request waits in the region, where policy ttft counts it.",
    (Query(most(now(load.queues), *_PAIR), "{{service}}: {{region}}"),),
    "load",
)  # fmt: skip
MAX_RATES = Panel(
    "The most that was finished",
    "Requests a second that the region was seen to finish, where policy ttft counts them.",
    (Query(most(now(load.max_rates), *_PAIR), "{{service}}: {{region}}"),),
    "load", unit="reqps",
)  # fmt: skip
FAILOVER = Panel(
    "Failed over, by the region that should serve",
    "Share of its services' answers that went elsewhere while it does not serve.",
    (Query(most(now(load.failover), "region"), "{{region}}"),),
    "load", warn=0.05, bad=0.2,
)  # fmt: skip
BLOCKS = Panel(
    "The largest block of clients",
    "Share of a region's queries that one block sends: a large one moves as a whole.",
    (Query(top(10, most(now(load.largest_blocks), *_PAIR)), "{{service}}: {{region}}"),),
    "spill", width=12,
)  # fmt: skip
HEAVY = Panel(
    "Heavy blocks",
    "Blocks with half a percent or more of a region's queries, and those with a position of their "
    "own.",
    (
        Query(most(now(load.heavy_blocks), *_PAIR), "{{service}}: {{region}} heavy"),
        Query(most(now(load.placed_blocks), *_PAIR), "{{service}}: {{region}} placed"),
    ),
    "spill", width=12,
)  # fmt: skip

ROUND_TRIPS = Panel(
    "From this host to regions",
    "The least TCP handshake of the last ten minutes; policy latency goes by it where nothing "
    "better is known.",
    (Query(least(now(rtt.least_connects), "region"), "{{region}}"),),
    "rtt", width=12,
)  # fmt: skip
PAGES = Panel(
    "Pages of round-trip times are read",
    "Whole, and now. If not, clients are steered by what was read last until it is too old.",
    (Query(least(now(rtt.sound), "region"), "{{region}}"),),
    "rtt", "state-timeline", width=6, names=YES,
)  # fmt: skip
PLAUSIBLE = Panel(
    "Faster than light",
    "A handshake that is shorter than fibre allows: something between answers for the region, and "
    "the time is not used.",
    (Query(most(now(rtt.implausible), "region"), "{{region}}"),),
    "rtt", "state-timeline", width=6,
    names=Names({"0": ("plausible", GREEN), "1": ("implausible", RED)}),
)  # fmt: skip
PAGE_AGES = Panel(
    "Age of the pages",
    "Of the oldest one of each region. Above rtt.stale_after they no longer count.",
    (Query(most(now(rtt.ages), "region"), "{{region}}"),),
    "rtt",
)  # fmt: skip
PAGE_ROWS = Panel(
    "Rows of the pages",
    "How many networks and places were measured.",
    (Query(least(now(rtt.rows), "region"), "{{region}}"),),
    "rtt",
)  # fmt: skip
TABLE = Panel(
    "The table can be kept",
    "Where it cannot, a restart forgets measured times.",
    (Query(least(now(rtt.writable))),),
    "rtt", "stat", names=YES,
)  # fmt: skip

LOAD = (
    FULL, SPILLS, TTFT, SUCCESS, GPUS, ALERTS, ACCEPTED, RULES, FAILOVER, QUEUES, MAX_RATES, BLOCKS,
    HEAVY,
)  # fmt: skip
RTT = (ROUND_TRIPS, PAGES, PLAUSIBLE, PAGE_AGES, PAGE_ROWS, TABLE)
