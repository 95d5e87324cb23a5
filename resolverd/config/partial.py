"""What a configuration that cannot be served says of zones all the same.

So that `check` reads them even where the TOML has mistakes, and finds all problems at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from resolverd.config.load import SetOption
from resolverd.config.model import Server
from resolverd.config.published import add_published
from resolverd.config.readable import tables_read
from resolverd.config.sources import Sources, read_sources
from resolverd.config.tiers import alias_of
from resolverd.config.types import is_word
from resolverd.config.unquoted import quote_names


class ZoneSettings(NamedTuple):
    """`server.zones`, and what each service answers; `services` None where they are not known."""

    patterns: tuple[str, ...]
    services: Mapping[str, Literal["address", "cname"]] | None


def zone_settings(
    path: Path,
    overrides: Sequence[SetOption] = (),
    *,
    fragments: Sequence[Path] = (),
    without: Collection[Path] = (),
) -> ZoneSettings | None:
    """As far as the files tell it, of which more or fewer are tried as `load_config` does.

    None where the main one cannot be read. Blocks.
    """
    sources = read_sources(path, fragments, without)
    for key, value in overrides:
        sources.override(key, value)
    add_published(sources)
    tree, complete = sources.tree, True
    for problem in sources.problems:
        if problem.id in {"config-syntax", "config-unreadable"}:
            complete = False
            if problem.file == str(path):
                tree = {}
                if problem.id == "config-syntax":
                    tree, _ = tables_read(path)
    if complete:
        list(quote_names(sources))  # what is wrong with them is said by whoever loads them
        services = tree.get("service")
        complete = not isinstance(services, dict) or all(map(is_word, services))
    patterns = _patterns(tree, sources)
    if patterns is None:
        return None
    return ZoneSettings(patterns, _services(tree) if complete else None)


def _patterns(tree: Mapping[str, Any], sources: Sources) -> tuple[str, ...] | None:
    server = tree.get("server")
    if not isinstance(server, dict):
        return None
    written = server.get("zones", list(Server.model_fields["zones"].default))
    if not isinstance(written, list) or not all(isinstance(pattern, str) for pattern in written):
        return None
    return tuple(written)


def _services(tree: Mapping[str, Any]) -> Mapping[str, Literal["address", "cname"]]:
    services = tree.get("service")
    if not isinstance(services, dict):
        return {}
    by_cname = {
        n for n, s in services.items() if isinstance(s, dict) and s.get("answer") == "cname"
    }
    answers: dict[str, Literal["address", "cname"]] = {
        name: "cname" if name in by_cname else "address" for name in services
    }
    cores = {n: s.get("core") for n, s in services.items() if isinstance(s, dict)}
    aliases = {alias_of(n): answers[c] for n, c in cores.items() if c in answers}
    return answers | aliases
