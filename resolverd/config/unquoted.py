"""Names with a dot that are written without quotes: TOML takes the dot for the table's inside.

`[service.llama-3.1]` is a table `1` of a service `llama-3`. What is meant is known by its options,
so that one finding says it, and all other checks go by the name that was meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from resolverd.config.declared import declaration, dotted, section_of
from resolverd.config.positions import Path as KeyPath
from resolverd.config.sources import FRAGMENT_TABLES, Origin, Sources
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.errors import Problem


def quote_names(sources: Sources) -> Iterator[Problem]:
    """An error for each such name, which `sources` has in one part from then on."""
    for kind in FRAGMENT_TABLES:
        section = section_of(declaration((kind, "NAME")).kind)
        tables = sources.tree.get(kind)
        if section is None or not isinstance(tables, dict):
            continue
        for names in list(_unquoted(section, tables)):
            path, right = (kind, *names), (kind, ".".join(names))
            said = path if path in sources.origins else (*path, *list(_get(tables, names))[:1])
            yield sources.problem(
                said, "config-unknown-key",
                f"{dotted(path)} is a table in {dotted(path[:-1])}: a name with a dot stands in "
                "quotes",
                _hint(sources.origins.get(said), right, _get(tables, names)), at="key",
            )  # fmt: skip
            sources.rename(path, right)


def _unquoted(section: type[BaseModel], tables: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The tables in those of `tables` that are no option's, and have the options of one of them."""
    options = section.model_fields
    of_tables = [name for name, field in options.items() if section_of(field.annotation)]

    def inside(table: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for key, inner in table.items():
            if key in options or not isinstance(inner, dict):
                continue
            if difflib.get_close_matches(key, of_tables, n=1):
                continue  # its own name is misspelt
            if not inner or not options.keys().isdisjoint(inner):
                yield (*at, key)
            else:
                yield from inside(inner, (*at, key))

    for name, table in tables.items():
        if isinstance(table, dict):
            yield from inside(table, (name,))


def _hint(written: Origin | None, right: KeyPath, table: Mapping[str, Any]) -> str:
    """What to write there, as TOML's headers, as JSON or with `--set`."""
    name = dotted(right)
    if written is not None and written.json:
        return f"write {toml_value(right[-1])} as one key"
    if written is not None and written.file == "--set":
        return f"write {' and '.join(f'{name}.{toml_key(key)}=' for key in table)}"
    tables = [f"[{name}.{toml_key(key)}]" for key, inner in table.items() if _is_dict(inner)]
    lists = [
        f"[[{name}.{toml_key(key)}]]"
        for key, inner in table.items()
        if isinstance(inner, list) and any(map(_is_dict, inner))
    ]
    return f"write {' and '.join([f'[{name}]', *tables, *lists])}"


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _get(tables: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    for name in names:
        tables = tables[name]
    return tables
