"""What is announced of the service addresses, and why not."""

from __future__ import annotations

from resolverd.admin.metrics import anycast, process
from resolverd.monitoring.panel import Panel, Query
from resolverd.monitoring.promql import but_zero, least, most, now, rate, since, total

ANNOUNCED = Panel(
    "Announced",
    "How many edge hosts announce each address, raise its metric, or have withdrawn it.",
    (Query(total(now(anycast.state), "address", "state"), "{{address}}: {{state}}"),),
    "anycast", width=12, stacked=True,
)  # fmt: skip
UNFIT = Panel(
    "Why not",
    "What speaks against announcing. `resolverd anycast --status` on the host has the words.",
    (
        Query(but_zero(total(now(anycast.unfit), "address", "reason")), "edge hosts"),
        Query(total(now(anycast.drained)), "drained"),
    ),
    "anycast", "table", width=12,
)  # fmt: skip
HELD = Panel(
    "Held by the floor",
    "Addresses that stay announced by a host that is not fit, for too few others announce them.",
    (Query(total(now(anycast.held), "address"), "{{address}}"),),
    "anycast", width=6, warn=1.0, bad=1.0,
)  # fmt: skip
OTHERS = Panel(
    "Other edges",
    "How many other edges each host knows to announce the address, and how many hosts should.",
    (
        Query(least(now(anycast.other_edges), "address"), "{{address}}"),
        Query(total(now(process.anycast_configured)), "hosts that should"),
    ),
    "anycast", width=6,
)  # fmt: skip
PROVED = Panel(
    "Since the last proof",
    "How long ago BIRD had the address as it should. 1 below is a host where it has not.",
    (
        Query(most(since(now(anycast.proved)), "address"), "{{address}}"),
        Query(most(since(now(anycast.turned))), "last look"),
    ),
    "anycast", width=6, warn=10.0, bad=60.0,
)  # fmt: skip
UNPROVED = Panel(
    "Not as it should be",
    "Hosts where what speaks BGP does not have the address as it should, or cannot be asked.",
    (Query(total(now(anycast.unproved), "address"), "{{address}}"),),
    "anycast", width=6, warn=1.0, bad=1.0,
)  # fmt: skip
CHANGES = Panel(
    "Changes",
    "Withdrawals and announcements. Each moves clients from one host to another.",
    (Query(total(rate(anycast.changes), "address", "state"), "{{address}}: {{state}}"),),
    "anycast", width=12,
)  # fmt: skip

ANYCAST = (ANNOUNCED, UNFIT, HELD, OTHERS, PROVED, UNPROVED, CHANGES)
