"""This edge's place in its fleet, of which nothing is imported where there is none.

Where the configuration is taken from the fleet, the link to it stands before the configuration is
loaded; else it is made of what was loaded. What it has been told is obeyed from the first answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from resolverd.config.load import SetOption
from resolverd.config.published import published_fleet
from resolverd.files.threads import detached
from resolverd.kept.document import KeptState
from resolverd.observation import Observation
from resolverd.snapshot.inputs import Inputs, Outdated

if TYPE_CHECKING:
    from resolverd.fleet.joined import Joined
    from resolverd.publishing.edge import EdgeGenerations


async def published(
    path: Path, options: Sequence[SetOption], state: Path | None
) -> EdgeGenerations | None:
    """Generations of the edge whose own file is at `path`, the set to start with on the disk.

    None where the configuration is this host's own. Raises NatsMissingError.
    """
    settings = await detached(partial(published_fleet, path, options))
    if settings is None or not settings.urls or state is None:
        return None
    from resolverd.fleet.installed import need_nats

    need_nats()
    from resolverd.publishing.edge import begin

    return await begin(settings, path, state)


def joined(
    inputs: Inputs, earlier: KeptState, generations: EdgeGenerations | None
) -> Joined | None:
    """This edge in its fleet, over the link that `generations` has, if they have one.

    None where there is no fleet. Raises NatsMissingError.
    """
    settings = inputs.config.fleet
    if not settings.urls:
        return None
    from resolverd.fleet.installed import need_nats

    need_nats()
    from resolverd.fleet.joined import Joined

    link = generations.link if generations else None
    place = inputs.config.server.coordinates
    return Joined(
        settings, inputs.base, earlier.fleet, earlier.overrides, place, link, earlier.spill_rules
    )


async def obey(
    fleet: Joined | None,
    generations: EdgeGenerations | None,
    observation: Observation,
    republish: Callable[[], Awaitable[object]],
    ttl_of: Callable[[str], float],
) -> None:
    """Take the fleet's words before the first answer, into what `observation` obeys from then on.

    `generations` have waited for the fleet already. `republish` and `ttl_of` are as `Words.into`
    has them.
    """
    if fleet is None:
        return
    await fleet.settle(generations.waited if generations else 0.0)
    fleet.into(
        observation.overrides,
        observation.override_keys,
        observation.spill_rules,
        observation.rule_keys,
        republish,
        ttl_of,
    )
    observation.staged = fleet.words.apply


def may_hold_too_much(fleet: Joined | None, outdated: Sequence[Outdated]) -> bool:
    """Whether a start has held an edit for a word that the fleet may have ended meanwhile.

    What operators had said was known as it was kept, for the fleet is heard with what is held.
    """
    ids = {problem.id for part in outdated if part.held for problem in part.problems}
    return fleet is not None and not ids.isdisjoint({"override-lost", "spill-rule-lost"})
