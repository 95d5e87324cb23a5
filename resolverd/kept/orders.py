"""What operators say, in kept documents: overrides and spill rules. Times there are Unix times.

`shift` is what makes of a time in memory one in the document, or the other way, in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolverd.health.overrides import Order, Override, OverrideKind
from resolverd.kept.values import number, ratio, text
from resolverd.policy.operator_rules import OperatorRule


def overrides_written(overrides: Mapping[str, Override], shift: float) -> dict[str, Any]:
    """Overrides by what they are on."""
    return {k: {"kind": o.kind.value, **_said(o, shift)} for k, o in overrides.items()}


def overrides_read(record: Any, shift: float) -> dict[str, Override]:
    """What `overrides_written` wrote. Raises as `kept.values` does."""
    return {
        text(key): Override(OverrideKind(own["kind"]), *_said_read(own, shift))
        for key, own in record.items()
    }


def rules_written(rules: Mapping[str, OperatorRule], shift: float) -> dict[str, Any]:
    """Spill rules by what they are on."""
    return {key: {"share": rule.share, **_said(rule, shift)} for key, rule in rules.items()}


def rules_read(record: Any, shift: float) -> dict[str, OperatorRule]:
    """What `rules_written` wrote. Raises as `kept.values` does."""
    return {
        text(key): OperatorRule(ratio(own["share"]), *_said_read(own, shift))
        for key, own in record.items()
    }


def _said(order: Order, shift: float) -> dict[str, Any]:
    return {
        "who": order.who,
        "why": order.why,
        "set_at": order.set_at + shift,
        "until": None if order.until is None else order.until + shift,
    }


def _said_read(record: Any, shift: float) -> tuple[str, str, float, float | None]:
    set_at, until = record["set_at"], record["until"]
    if set_at is None:
        raise ValueError("it is damaged: what an operator says was never said")
    return (
        text(record["who"]),
        text(record["why"]),
        number(set_at) + shift,
        None if until is None else number(until) + shift,
    )
