"""Which published generation each edge serves, and whether one on trial goes on."""

from __future__ import annotations

from resolverd.admin.metrics import generations
from resolverd.monitoring.panel import Panel, Query
from resolverd.monitoring.promql import increase, least, most, now, total

SERVED = Panel(
    "Published generation",
    "Lowest and highest that the edge hosts shown serve, and the completed one. They differ during "
    "a trial, and where an edge is away or cannot serve it.",
    (
        Query(least(now(generations.generation_served)), "lowest"),
        Query(most(now(generations.generation_served)), "highest"),
        Query(most(now(generations.generation_completed)), "completed"),
    ),
    "fleet", width=8,
)  # fmt: skip
ON_TRIAL = Panel(
    "On trial",
    "Edge hosts that serve a generation on trial, and those that are behind the completed one.",
    (
        Query(total(now(generations.generation_on_trial)), "on trial"),
        Query(total(now(generations.generation_behind)), "behind"),
    ),
    "fleet", width=8,
)  # fmt: skip
WAVE = Panel(
    "Present wave",
    "How long the present wave has lasted. One that lasts far longer than the time of proof waits "
    "for a canary, or for a quorum of NATS: `resolverd publish --list`.",
    (Query(most(now(generations.generation_wave))),),
    "fleet", "stat", width=4, height=4, warn=600.0, bad=1800.0,
)  # fmt: skip
RETURNED = Panel(
    "Returned",
    "Generations that edge hosts went back from in the last day; `resolverd publish --list` says "
    "why.",
    (Query(most(increase(generations.generations_returned, "1d"))),),
    "fleet", "stat", width=4, height=4, warn=1.0,
)  # fmt: skip

GENERATIONS = (SERVED, ON_TRIAL, WAVE, RETURNED)
