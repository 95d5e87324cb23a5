"""Overrides that an edit would leave without a target: said before it is adopted; pure.

An override is an operator's word on a region or an endpoint by its name. An edit that renames or
removes what it speaks of would silently put a drained machine back into the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resolverd.config.explain import did_you_mean
from resolverd.errors import Problem
from resolverd.health.overrides import Override
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


def problems_of(orphans: Mapping[str, Override], after: Inputs) -> list[Problem]:
    """One problem for each override that would be lost."""
    return [_problem(key, override, after) for key, override in orphans.items()]


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


def override_keys(inputs: Inputs) -> Sequence[str]:
    """All that an override may be set on."""
    targets = inputs.targets.by_id
    return [*inputs.config.region, *{*targets, *(t.name for t in targets.values())}]


def _endpoint(key: str) -> str:
    return key.partition("@")[0]
