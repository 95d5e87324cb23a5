"""Spill rules in force: of what, what they say, since when, and for how long."""

from __future__ import annotations

from resolverd.admin.metrics.family import Samples, gauge
from resolverd.admin.metrics.values import SERVICE_REGION, Values
from resolverd.policy.operator_rules import parts_of

_NONE = "without a spill rule"


@gauge(
    "resolverd_spill_rule_ratio",
    "Share that each spill rule in force has its region send on, from 0 to 1; 0 is off. That of a "
    "whole service has no region.",
    labels=SERVICE_REGION,
    absent=_NONE,
)
def ratios(values: Values) -> Samples:
    for key, rule in values.served.spill_rules.active(values.now).items():
        yield parts_of(key), rule.share


@gauge(
    "resolverd_spill_rule_set_timestamp_seconds",
    "When each spill rule in force was set.",
    labels=SERVICE_REGION,
    absent=_NONE,
)
def set_at(values: Values) -> Samples:
    for key, rule in values.served.spill_rules.active(values.now).items():
        yield parts_of(key), round(values.unix - (values.now - rule.set_at))


@gauge(
    "resolverd_spill_rule_remaining_seconds",
    "How long until each spill rule in force ends by itself; +Inf where it does not.",
    labels=SERVICE_REGION,
    absent=_NONE,
)
def remaining(values: Values) -> Samples:
    for key, rule in values.served.spill_rules.active(values.now).items():
        yield parts_of(key), rule.remaining(values.now)
