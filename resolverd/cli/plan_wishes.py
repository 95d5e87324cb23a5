"""What is asked of `resolverd plan`, from its arguments and the files that they name."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace

from resolverd.cli.options import UsageError
from resolverd.cli.plan_options import MAX_GPUS, whole
from resolverd.planner.budgets import BUDGETS
from resolverd.planner.cost import Gpus
from resolverd.planner.lists import Possible, read_candidates, read_prices
from resolverd.planner.make import Wishes
from resolverd.planner.smaller import Lighter
from resolverd.planner.traffic import where_is
from resolverd.planner.world import Site


def wishes_of(arguments: argparse.Namespace, sites: Sequence[Site]) -> Wishes:
    """What is asked, of a service with these regions. Raises UsageError or ConfigError."""
    names = [site.name for site in sites]
    for name in arguments.without:
        if name not in names:
            raise UsageError(f'there is no region "{name}"; regions: {", ".join(names)}')
    listed = read_candidates(arguments.candidates, names) if arguments.candidates else []
    candidates = {one.name: _candidate(one, sites) for one in listed if one.name not in names}
    added = [_added(text, candidates, sites) for text in arguments.add]
    _check_names(added, names)
    there = {site.name for site in added}
    return Wishes(
        gpus=arguments.gpus,
        tensor_parallel=arguments.tensor_parallel,
        prices=read_prices(arguments.prices) if arguments.prices else {},
        without=frozenset(arguments.without),
        added=added,
        candidates=[site for name, site in candidates.items() if name not in there],
        minor=arguments.minor,
        lighter=Lighter(arguments.bits, arguments.model_size),
        keep=arguments.keep,
        budget=next(budget for budget in BUDGETS if budget.name == arguments.budget),
    )


def _candidate(possible: Possible, sites: Sequence[Site]) -> Site:
    """A candidate, with what its file does not say as the dearest of the regions has it."""
    model = _dearest(sites)
    gpus = Gpus(
        model.model,
        model.count if possible.gpus is None else possible.gpus,
        model.usd_per_hour if possible.usd_per_hour is None else possible.usd_per_hour,
    )
    return Site(possible.name, possible.point, gpus, pins_of=possible.pins_of)


def _added(text: str, candidates: Mapping[str, Site], sites: Sequence[Site]) -> Site:
    """``SG=2`` as a region.

    Without a number it has as many GPUs as the candidate of that name, or the smallest region.
    """
    place, equals, number = text.partition("=")
    place = place.strip()
    known = candidates.get(place)
    try:
        point = known.point if known else where_is(place)[0]
        count = whole(MAX_GPUS)(number) if equals else None
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(
            f'--add "{text}": {error}; write SG=2, "1.35 103.8=2", or a candidate\'s name'
        ) from error
    if known:
        gpus = known.gpus
        return known if count is None else known._replace(gpus=replace(gpus, count=count))
    model = _dearest(sites)
    count = min(site.gpus.count for site in sites) if count is None else count
    return Site(place, point, Gpus(model.model, count, model.usd_per_hour))


def _dearest(sites: Sequence[Site]) -> Gpus:
    return max((site.gpus for site in sites), key=lambda gpus: gpus.usd_per_hour)


def _check_names(added: Sequence[Site], names: Sequence[str]) -> None:
    seen = set(names)
    for site in added:
        if site.name in seen:
            raise UsageError(f'--add "{site.name}": a region of that name is there already')
        seen.add(site.name)
