"""Words of operators that an edit would leave without a target: said before it is adopted; pure.

An override is an operator's word on a region or an endpoint by its name, a spill rule one on a
service or a region of it. An edit that renames or removes what it speaks of would silently put a
drained machine back into the answers, or have a service spill that was not to.

An endpoint without a name goes by its number, which an edit before it in the file changes: the
override would stay with the number, and be another machine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolverd.config.explain import did_you_mean
from resolverd.config.model import Endpoint
from resolverd.config.targets import endpoint_name
from resolverd.config.toml_values import toml_value
from resolverd.errors import Problem
from resolverd.health.overrides import Override
from resolverd.policy.operator_rules import OperatorRule, in_words, keys_of_service, parts_of
from resolverd.snapshot.inputs import Inputs


def orphaned(
    active: Mapping[str, Override], after: Inputs, before: Inputs | None = None
) -> dict[str, Override]:
    """Those of the overrides in force that would be nobody's, or another's, after an edit.

    `before` is what they are of; without it nothing is known of numbers that moved on. That of one
    target of an endpoint is none where the endpoint has an override as well.
    """
    return _orphaned(active, after, _moved_on(before, after) if active and before else {})


def _orphaned(
    active: Mapping[str, Override], after: Inputs, moved: Mapping[str, str]
) -> dict[str, Override]:
    names = override_keys(after)
    return {
        key: override
        for key, override in active.items()
        if _endpoint(key) in moved
        or (key not in names and not (_endpoint(key) in active and _endpoint(key) in names))
    }


def orphaned_rules(active: Mapping[str, OperatorRule], after: Inputs) -> dict[str, OperatorRule]:
    """Those of the spill rules in force that would be of nothing once `after` is adopted."""
    keys = set(rule_keys(after))
    return {key: rule for key, rule in active.items() if key not in keys}


def words_lost(
    overrides: Mapping[str, Override],
    rules: Mapping[str, OperatorRule],
    before: Inputs,
    after: Inputs,
) -> list[Problem]:
    """One problem for each override and spill rule in force that would be lost by an edit."""
    moved = _moved_on(before, after) if overrides else {}
    return [
        *(
            _moved_problem(key, override, after, moved[_endpoint(key)])
            if _endpoint(key) in moved
            else _problem(key, override, after)
            for key, override in _orphaned(overrides, after, moved).items()
        ),
        *(_rule_problem(*known, after) for known in orphaned_rules(rules, after).items()),
    ]


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


def _moved_problem(key: str, override: Override, after: Inputs, now: str) -> Problem:
    name, becomes = _endpoint(key), f' (what had it becomes "{now}")' if now else ""
    # In a fleet the word stands, for edges may serve either: only a clear ends it for all.
    alone = not after.config.fleet.urls
    insisting = ", or adopt the edit without it: resolverd reload --yes" if alone else ""
    return Problem(
        str(after.files[0]),
        0,
        0,
        "override-lost",
        f'this edit gives the number "{name}" to another endpoint{becomes}, and with it goes the '
        f"override {override.kind} by {override.who} ({override.why})",
        "have the endpoints of the region keep their numbers as names, each in its own table: "
        f"name = {toml_value(name)}; or end the override: resolverd clear {key}{insisting}",
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


def _moved_on(before: Inputs, after: Inputs) -> dict[str, str]:
    """The numbers that an edit gives to another endpoint, and what each has now that had it.

    That is empty where it is there no more. One that is changed where it stands keeps its number.
    """
    was, now = _endpoints(before), _endpoints(after)
    both = was.keys() & now.keys()
    # One that stays where it was has taken no number: two regions may have the same endpoint.
    changed = {name for name in both if _reached(was[name]) != _reached(now[name])}
    had, has = (
        {_reached(e): name for name, e in side.items() if name in changed or name not in both}
        for side in (was, now)
    )
    moved = {}
    for name in changed:
        old, new = was[name], now[name]
        # A name that is written on both sides is the operator's word for whatever has it.
        if old.name and new.name:
            continue
        if _reached(old) in has or _reached(new) in had or not _have_in_common(old, new):
            moved[name] = has.get(_reached(old), "")
    return moved


def _endpoints(inputs: Inputs) -> dict[str, Endpoint]:
    return {
        endpoint_name(name, region, index): endpoint
        for name, region in inputs.config.region.items()
        for index, endpoint in enumerate(region.endpoint)
    }


def _reached(endpoint: Endpoint) -> tuple[object, ...]:
    """Where an endpoint is reached, by which one is told from another."""
    return endpoint.url, endpoint.address, endpoint.hostname


def _have_in_common(one: Endpoint, other: Endpoint) -> bool:
    same_name = bool(one.hostname) and one.hostname == other.hostname
    return one.url == other.url or same_name or not {*one.address}.isdisjoint(other.address)
