"""Groups of countries that a law makes, as `groups.toml` beside this has them."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple


class Group(NamedTuple):
    """One group: its members by code (ISO 3166-1 alpha-2), up to which day the law was looked at.

    `source` says which law.
    """

    name: str
    countries: tuple[str, ...]
    as_of: date
    source: str

    def __str__(self) -> str:
        return f"{self.name} as of {self.as_of}"


@cache
def groups() -> Mapping[str, Group]:
    """Every group by its name."""
    tables = tomllib.loads(files("resolverd.config").joinpath("groups.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            name: Group(name, tuple(sorted(_members(tables, name))), t["as_of"], t["source"])
            for name, t in tables.items()
        }
    )


def countries_of(names: Iterable[str]) -> tuple[str, ...]:
    """The countries of some groups, each once."""
    return tuple(dict.fromkeys(code for name in names for code in groups()[name].countries))


def group(value: str) -> str:
    """`value`, if it is the name of a group. Raises ValueError that says what to write."""
    if value in groups():
        return value
    near = difflib.get_close_matches(value.upper(), [name.upper() for name in groups()], 1)
    meant = next((name for name in groups() if [name.upper()] == near), "EEA")
    listed = ", ".join(groups())
    raise ValueError(f'there is no group "{value}" but {listed}; write "{meant}"')


def _members(tables: Mapping[str, Mapping[str, list[str]]], name: str) -> set[str]:
    table = tables[name]
    inherited = (_members(tables, other) for other in table.get("includes", ()))
    return {*table["countries"], *table["territories"]}.union(*inherited)
