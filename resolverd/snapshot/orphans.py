"""Words of operators that an edit would leave without a target: said before it is adopted; pure.

An override is an operator's word on a region or an endpoint by its name, a spill rule one on a
service or a region of it. An edit that renames or removes what it speaks of would silently put a
drained machine back into the answers, or have a service spill that was not to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolverd.config.explain import did_you_mean
from resolverd.errors import Problem
from resolverd.health.overrides import Override
from resolverd.policy.operator_rules import OperatorRule, in_words, keys_of_service, parts_of
from resolverd.snapshot.inputs import Inputs


def orphaned(active: Mapping[str, Override], after: Inputs) -> dict[str, Override]:
    """Those of the overrides in force that would be nobody's once `after` is adopted.

    That of one target of an endpoint is none where the endpoint has an override as well.
    """
    names = override_keys(after)
    return {
        key: override
        for key, override in active.items()
        if key not in names and not (_endpoint(key) in active and _endpoint(key) in names)
    }


def orphaned_rules(active: Mapping[str, OperatorRule], after: Inputs) -> dict[str, OperatorRule]:
    """Those of the spill rules in force that would be of nothing once `after` is adopted."""
    keys = set(rule_keys(after))
    return {key: rule for key, rule in active.items() if key not in keys}


def problems_of(orphans: Mapping[str, Override], after: Inputs) -> list[Problem]:
    """One problem for each override that would be lost."""
    return [_problem(key, override, after) for key, override in orphans.items()]


def problems_of_rules(orphans: Mapping[str, OperatorRule], after: Inputs) -> list[Problem]:
    """One problem for each spill rule that would be lost."""
    return [_rule_problem(key, rule, after) for key, rule in orphans.items()]


def _problem(key: str, override: Override, after: Inputs) -> Problem:
    said = f"override {override.kind} by {override.who} ({override.why})"
    near = did_you_mean(key, override_keys(after))
    return Problem(
        str(after.files[0]),
        0,
        0,
        "override-lost",
        f'this edit takes "{key}" away, and with it the {said}',
        f"keep the name ({near}); or end the override: resolverd clear {key}, or adopt the edit "
        "without it: resolverd reload --yes",
    )


def _rule_problem(key: str, rule: OperatorRule, after: Inputs) -> Problem:
    service, region = parts_of(key)
    said = f"spill rule {in_words(rule.share)} by {rule.who} ({rule.why})"
    near = did_you_mean(key, rule_keys(after))
    only = f" --region {region}" if region else ""
    return Problem(
        str(after.files[0]),
        0,
        0,
        "spill-rule-lost",
        f'this edit takes "{key}" away, and with it the {said}',
        f"keep the name ({near}); or end the rule: resolverd spill {service}{only} auto, or adopt "
        "the edit without it: resolverd reload --yes",
    )


def override_keys(inputs: Inputs) -> Sequence[str]:
    """All that an override may be set on."""
    targets = inputs.targets.by_id
    return [*inputs.config.region, *{*targets, *(t.name for t in targets.values())}]


def rule_keys(inputs: Inputs) -> Sequence[str]:
    """All that a spill rule may be of."""
    services = inputs.config.service.items()
    return [key for name, service in services for key in keys_of_service(name, service.regions)]


def _endpoint(key: str) -> str:
    return key.partition("@")[0]
