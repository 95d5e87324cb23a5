"""The part of a configuration that an edge takes from its fleet: files below `server.state`.

    server.state/generations/current        a link to the generation that is served
        generation.json                     {"number": 7, "digest": "…"}
        resolverd.toml, resolverd.d/…       the set's configuration
        zones/…                             its zones, as `server.zones` there matches them

With `fleet.configuration = "published"` an edge's own file has the tables `OWN`, and may have
regions and others of its own; the set has the rest. A set's own tables are its publisher's and are
passed over, but for `server.zones`, whose patterns are added to the edge's: they are relative to
the set. What both say is said twice, and an error, as in any two files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from resolverd.config.fleet import Fleet
from resolverd.config.readable import tables_of_whole, tables_read
from resolverd.config.sources import Sources, read_sources
from resolverd.files.reading import MAX_CONFIG, key_of, read_file

OWN = ("server", "admin", "fleet", "anycast")
"""Tables that are each edge's own, and are passed over in a set."""

FOLDER = "generations"
CURRENT = "current"
MAIN = "resolverd.toml"
RECORD = "generation.json"
DEFAULT_ZONES = ("zones/*.zone",)


def takes_published(tree: Mapping[str, Any]) -> bool:
    """Whether a configuration says that it takes the rest from its fleet."""
    fleet = tree.get("fleet")
    return isinstance(fleet, Mapping) and fleet.get("configuration") == "published"


def published_fleet(path: Path, overrides: Sequence[tuple[str, Any]] = ()) -> Fleet | None:
    """The fleet that the file at `path` takes the rest of its configuration from, if it does.

    None too where the file cannot be read, or is wrong: whoever loads it says why. Blocks.
    """
    tree = tables_of_whole(path)
    if tree is None:
        return None
    tree = _with(tree, overrides)
    return _fleet(tree) if takes_published(tree) else None


def fleet_of(path: Path, overrides: Sequence[tuple[str, Any]] = ()) -> Fleet | None:
    """The fleet of the configuration at `path`, whatever else is wrong with it. Blocks.

    None where that cannot be told: what is said of it is wrong, or some of it may stand below a
    mistake in the main file, or stands in a fragment, of which nobody takes it.
    """
    tree, whole = tables_read(path)
    # Of the table with the mistake only the options above it are known: with another name or
    # without its credentials it is another fleet.
    if not whole and next(reversed(tree), None) == "fleet":
        return None
    tree = _with(tree, overrides)
    if not _says_urls(tree) and (not whole or "fleet" in read_sources(path).misplaced):
        return None
    return _fleet(tree)


def _says_urls(tree: Mapping[str, Any]) -> bool:
    fleet = tree.get("fleet")
    return isinstance(fleet, Mapping) and "urls" in fleet


def _with(tree: dict[str, Any], overrides: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    sources = Sources(Path())
    sources.tree = tree
    for key, value in overrides:
        sources.override(key, value)
    return sources.tree


def _fleet(tree: Mapping[str, Any]) -> Fleet | None:
    try:
        return Fleet.model_validate(tree.get("fleet", {}))
    except ValidationError:
        return None


def current_set(base: Path, state: str) -> Path:
    """Where the set lies that is served, of a configuration in `base`; an absolute path."""
    return Path(key_of(base / state)) / FOLDER / CURRENT


def add_published(sources: Sources) -> None:
    """Merge the published set into `sources`, where these say so; problems become theirs."""
    if not takes_published(sources.tree):
        return
    server = sources.tree.get("server")
    state = server.get("state") if isinstance(server, dict) else None
    if not isinstance(server, dict) or not isinstance(state, str) or not state:
        sources.problems.append(
            sources.problem(
                ("fleet", "configuration"), "config-no-state",
                "published sets are kept below server.state, which is not written",
                'write state = "/var/lib/resolverd" into [server]',
            )
        )  # fmt: skip
        return
    directory = current_set(sources.main.parent, state)
    if not _is_there(directory):
        sources.problems.append(
            sources.problem(
                ("fleet", "configuration"), "config-no-generation",
                f"no generation is on this host: {directory / RECORD} is not there",
                "publish one (resolverd publish), and let this edge reach its fleet once",
            )
        )  # fmt: skip
        return
    published = read_sources(directory / MAIN)
    zones = published.tree.get("server", {}).get("zones", [*DEFAULT_ZONES])
    sources.merge(published, without=OWN)
    sources.files = (*sources.files, directory / RECORD)
    if isinstance(zones, list) and all(isinstance(pattern, str) for pattern in zones):
        own = server.get("zones", [])
        if isinstance(own, list):  # another type is said to be none
            server["zones"] = [*own, *(f"{directory}/{each}" for each in zones)]


def _is_there(directory: Path) -> bool:
    try:
        read_file(directory / RECORD, MAX_CONFIG)
    except OSError:
        return False
    return True
