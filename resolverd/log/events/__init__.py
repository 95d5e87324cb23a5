"""Every log event: its name, its levels, what it means, and the fields that it has.

One declaration an event. The table of the operations page comes from here, and a test holds that
each call in this program logs a declared event, at a level and with fields that are declared.
"""

from __future__ import annotations

from collections.abc import Mapping

from resolverd.log.events import (
    anycast,
    edits,
    fleet,
    generations,
    health,
    kube,
    operators,
    process,
    rtt,
)
from resolverd.log.events.event import Event

EVENTS: Mapping[str, Event] = {
    event.name: event
    for event in (
        *health.EVENTS,
        *rtt.EVENTS,
        *kube.EVENTS,
        *anycast.EVENTS,
        *fleet.EVENTS,
        *generations.EVENTS,
        *operators.EVENTS,
        *edits.EVENTS,
        *process.EVENTS,
    )
}
