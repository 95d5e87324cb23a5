"""From a target to what probes it: over which families, and without telling its secrets."""

from __future__ import annotations

from resolverd.config.secrets import hide
from resolverd.health.kinds.kind import kind_named
from resolverd.health.probes.http import HttpAsk
from resolverd.health.probes.per_family import PerFamily, per_family
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen
from resolverd.health.probes.tools import Tools
from resolverd.health.target import Target


def prepare(target: Target, tools: Tools) -> Ask | PerFamily:
    """What probes `target`. Raises ValueError when its URL does not suit its kind."""
    url, settings = target.url, target.settings
    secrets, kind = settings.secrets(url), kind_named(settings.kind)
    over_one = kind.reach or kind.prepare
    by_family = {
        family: _without(secrets, over_one(url, settings, tools.over(family)))
        for family in target.families
    }
    whole = _without(secrets, kind.prepare(url, settings, tools.for_target(target.id)))
    return per_family(url, tools, whole, by_family, decides=kind.reach is None)


def _without(secrets: tuple[str, ...], ask: Ask) -> Ask:
    """`ask`, hiding what a server repeats of our secrets in what the probe tells."""
    if not secrets:
        return ask
    if isinstance(ask, HttpAsk):
        return ask.hiding(secrets)

    async def discreet() -> Seen:
        try:
            seen = await ask()
        except ProbeFailedError as error:
            error.seen = error.seen._replace(reason=hide(error.seen.reason, secrets))
            raise
        return seen._replace(reason=hide(seen.reason, secrets))

    return discreet
