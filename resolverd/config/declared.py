"""Which option a key path stands for: the walk from a path into the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
from resolverd.config.toml_values import toml_key


class Declared(NamedTuple):
    """What the last part of `path` is declared as.

    `path` is as an operator wrote it: without what pydantic adds to tell the members of a union
    apart. `table` is the section that has, or would have, the option; `field` its declaration, None
    for a name that the operator gave, for an element of a list, and where there is no such option.
    `kind` is the type of the value, None where nothing is declared.
    """

    path: KeyPath
    table: type[BaseModel] | None
    field: FieldInfo | None
    kind: Any


def declaration(path: KeyPath) -> Declared:
    """The declaration at `path`, as far as there is one."""
    kind: Any = Config
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for depth, part in enumerate(path):
        section, inner = section_of(kind), _bare(kind)
        field = None
        if section is not None and isinstance(part, str) and get_origin(inner) is not dict:
            table, field = section, section.model_fields.get(part)
            kind = None if field is None else field.annotation
        elif isinstance(part, int) and get_origin(inner) is tuple:
            table, kind = None, get_args(inner)[0]
        elif isinstance(part, str) and get_origin(inner) is dict and part != "[key]":
            table, kind = None, get_args(inner)[1]
        else:
            return declaration(path[:depth])
    return Declared(path, table, field, kind)


def section_of(kind: Any) -> type[BaseModel] | None:
    """The section that a value of this type is, where it is one or may be one."""
    inner = _bare(kind)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return inner
    if get_origin(inner) in (tuple, dict):
        return None
    return next((found for part in get_args(inner) if (found := section_of(part))), None)


def members(kind: Any) -> Iterator[Any]:
    """The types that a value may have, a union taken apart and annotations taken off."""
    inner = _bare(kind)
    parts = get_args(inner)
    if parts and get_origin(inner) not in (tuple, dict) and not isinstance(parts[0], str):
        for part in parts:
            yield from members(part)
    else:
        yield inner


def dotted(path: KeyPath) -> str:
    """``("region", "us-east", "endpoint", 0)`` as ``region.us-east.endpoint[0]``.

    A name that has more than letters, digits, _ and - stands in quotes, as TOML wants it.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{toml_key(part)}" if text else toml_key(part)
    return text


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
