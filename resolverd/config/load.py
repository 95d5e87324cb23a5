"""From files to one frozen `Config`: read, merge, validate, cross-check, report everything.

The main file may have a directory beside it (`resolverd.toml` and `resolverd.d/*.toml`, `*.json`)
whose fragments add regions, services, pins and endpoints. Lists of endpoints and of a
service's regions add up; every other key may be said once. Nothing is adopted unless all
of it is right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from resolverd.config.checks import cross_check
from resolverd.config.explain import place_of, problems_of
from resolverd.config.model import Config
from resolverd.config.option_keys import key_parts
from resolverd.config.positions import Path as KeyPath
from resolverd.config.published import add_published
from resolverd.config.sources import Sources, read_sources
from resolverd.config.unquoted import quote_names
from resolverd.errors import ConfigError, Problem, ResolverdError, errors_among, where_met

SetOption = tuple[str, Any]
"""An option of `--set KEY=VALUE`: its dotted key, and its value as TOML gives it."""

# Takes the place of a wrong or missing [server] so that the rest can be checked.
_STAND_IN = {"coordinates": [0.0, 0.0]}


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration that may be served, what was odd about it, and the files it came from."""

    config: Config
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...]
    base: Path
    sources: Sources


def load_config(
    path: Path,
    overrides: Sequence[SetOption] = (),
    *,
    fragments: Sequence[Path] = (),
    without: Collection[Path] = (),
) -> LoadedConfig:
    """Load `path` and its fragments; `overrides` are (dotted key, value) pairs laid on top.

    More `fragments` are read after those beside the file, to try what is not there yet, and those
    `without` are not read, to try what takes their place. Raises ConfigError carrying every problem
    found; a defect of ours is one too (``config-defect``).
    """
    try:
        sources = read_sources(path, fragments, without)
        for key, value in overrides:
            sources.override(key, value)
        add_published(sources)
        return _loaded(sources)
    except ResolverdError:
        raise
    except Exception as defect:  # of ours: it costs the configuration, and no zone beside it
        raise ConfigError([config_defect(path, defect)]) from defect


def config_defect(path: Path, defect: Exception) -> Problem:
    """A defect of ours as an error of the configuration at `path`, which met it."""
    return Problem(
        str(path), 0, 0, "config-defect",
        f"a defect of resolverd met this configuration: {where_met(defect)}",
        "take back what was edited last, here or in a fragment, and report this with the files",
    )  # fmt: skip


def load_tables(
    path: Path, names: Collection[str], overrides: Sequence[SetOption] = ()
) -> LoadedConfig:
    """As `load_config`, of these tables of `path` alone, whatever is wrong with the others.

    For a process beside the daemon, which serves on where an edit of the rest is refused.
    """
    sources = Sources(path)
    sources.add(path, fragment=False)
    for key, value in overrides:
        if key_parts(key)[0] in names:
            sources.override(key, value)
    sources.tree = {name: table for name, table in sources.tree.items() if name in names}
    return _loaded(sources)


def _loaded(sources: Sources) -> LoadedConfig:
    problems = list(sources.problems)
    config = None
    if not _unreadable(sources):
        problems += quote_names(sources)
        config, found = _validate(sources)
        problems += found
    if config is None or errors_among(problems):
        raise ConfigError(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
    return LoadedConfig(config, tuple(problems), sources.files, sources.main.parent, sources)


def _unreadable(sources: Sources) -> bool:
    """With a file missing from the picture, checks would report what is not wrong."""
    return any(p.id in {"config-unreadable", "config-syntax"} for p in sources.problems)


def _validate(sources: Sources) -> tuple[Config | None, list[Problem]]:
    """The model, and everything that is wrong with it.

    Where options are wrong, the rest is validated without them, so that the cross-checks
    add their findings to the same report; nothing is reported twice for one fault.
    """
    problems: list[Problem] = []
    invalid: list[KeyPath] = []
    tree = sources.tree
    while True:
        try:
            config = Config.model_validate(tree)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            fresh = [one for one in errors if not _touches(place_of(one), invalid)]
            problems += problems_of(fresh, sources)
            places = [place_of(one) for one in errors]
            invalid += places
            tree = _without(tree, places)
            if tree is None:
                return None, problems
        else:
            found = cross_check(config, sources.tree)
            sound = [f for f in found if not _touches(f.path, invalid)]
            return config, problems + [sources.problem(*finding) for finding in sound]


def _touches(path: KeyPath, invalid: Sequence[KeyPath]) -> bool:
    return any(path[: len(d)] == d or d[: len(path)] == path for d in invalid)


def _without(tree: Any, locations: Sequence[KeyPath]) -> Any:
    """`tree` less the offending entries, or None where nothing sensible is left."""
    for location in sorted(locations, key=len, reverse=True):
        whole = tuple(takewhile(lambda part: isinstance(part, str), location))
        if whole[:1] == ("server",) and whole[1:] in {(), ("coordinates",)}:
            server = tree.get("server")
            tree = {**tree, "server": {**(server if isinstance(server, dict) else {}), **_STAND_IN}}
        elif _get(tree, whole) is not None:
            tree = _cut(tree, whole)
        elif len(whole) >= 2:
            tree = _cut(tree, whole[:-1])
        else:
            return None
    return tree


def _get(node: Any, location: KeyPath) -> Any:
    for part in location:
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _cut(node: dict[str, Any], location: KeyPath) -> dict[str, Any]:
    head, rest = location[0], location[1:]
    if rest:
        return {
            k: _cut(v, rest) if k == head and isinstance(v, dict) else v for k, v in node.items()
        }
    return {key: value for key, value in node.items() if key != head}
