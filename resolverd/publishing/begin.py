"""What a daemon begins with where its configuration comes from its fleet."""

from __future__ import annotations

from pathlib import Path

from resolverd.config.fleet import Fleet
from resolverd.fleet.link import Link
from resolverd.publishing.disk import GenerationFiles
from resolverd.publishing.edge import EdgeGenerations


async def begin(settings: Fleet, link: Link, config: Path, state: Path) -> EdgeGenerations:
    """Generations of the edge whose own file is `config`, the set to start with on the disk.

    `state` is `server.state`. What cannot be fetched within `settings.start_wait` is an event.
    """
    generations = EdgeGenerations(link, settings, config.parent, GenerationFiles(state))
    await generations.prepare(settings.start_wait)
    return generations
