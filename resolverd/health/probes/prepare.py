"""From a target to what probes it: over which families, and without telling its secrets."""

from __future__ import annotations

from resolverd.config.secrets import hide, secrets_of
from resolverd.health.probes import PROBES, Ask, ProbeFailedError, Seen, Tools
from resolverd.health.probes.per_family import (
    WHOLE_QUESTION,
    PerFamily,
    per_family,
    prepare_reached,
)
from resolverd.health.target import Target


def prepare(target: Target, tools: Tools) -> Ask | PerFamily:
    """What probes `target`. Raises ValueError when its URL does not suit its kind."""
    url, settings = target.url, target.settings
    secrets = secrets_of(url, settings.headers, settings.body, settings.path)
    kind = PROBES[settings.kind]
    one_family = kind if settings.kind in WHOLE_QUESTION else prepare_reached
    by_family = {
        family: _without(secrets, one_family(url, settings, tools.over(family)))
        for family in target.families
    }
    return per_family(
        url, settings, tools, _without(secrets, kind(url, settings, tools)), by_family
    )


def _without(secrets: tuple[str, ...], ask: Ask) -> Ask:
    """`ask`, hiding what a server repeats of our secrets in what the probe tells."""
    if not secrets:
        return ask

    async def discreet() -> Seen:
        try:
            seen = await ask()
        except ProbeFailedError as error:
            error.seen = error.seen._replace(reason=hide(error.seen.reason, secrets))
            raise
        return seen._replace(reason=hide(seen.reason, secrets))

    return discreet
