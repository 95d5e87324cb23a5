"""What operators say as JSON, whatever it is: by whom, for how long, and to whom in the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from resolverd.admin.times import moment
from resolverd.health.overrides import Order

if TYPE_CHECKING:
    from resolverd.fleet.word_table import InForce
    from resolverd.fleet.words import Told


def order_of(order: Order, now: float) -> dict[str, Any]:
    """Who says it, and until when, at `now` (monotonic); `until` None holds until cleared."""
    return {
        "who": order.who,
        "why": order.why,
        "set_at": moment(order.set_at, now),
        "until": moment(order.until, now),
        "seconds_left": None if order.until is None else round(order.remaining(now), 3),
    }


def said_to(in_force: Mapping[str, InForce], key: str) -> dict[str, Any]:
    """To which edges what holds on `key` is said; `pending` while the fleet does not have it."""
    said = in_force.get(key)
    return {"scope": None if said is None else said.scope, "pending": bool(said and said.pending)}


def as_told(parts: Iterable[dict[str, Any]], told: Told | None) -> list[dict[str, Any]]:
    """What was said or ended just now, with to whom that was: it may not hold at this edge."""
    if told is None:
        return list(parts)
    return [{**part, "scope": told.scope, "pending": told.pending} for part in parts]
