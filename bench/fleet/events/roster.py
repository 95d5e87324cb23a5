"""All events, in the order of the table."""

from __future__ import annotations

from bench.fleet.events import (
    clocks_and_disks,
    comparisons,
    health,
    partitions,
    publishing,
    routes,
    words,
)
from bench.fleet.events.trial import Event

EVENTS: tuple[Event, ...] = (
    *routes.EVENTS,
    *health.EVENTS,
    *words.EVENTS,
    *partitions.EVENTS,
    *clocks_and_disks.EVENTS,
    *comparisons.EVENTS,
    *publishing.EVENTS,
)

BY_NAME = {event.name: event for event in EVENTS}
