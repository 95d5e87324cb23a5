"""What a failed validation means to the operator: message and mend, from the declaration itself."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.model import Config
from resolverd.config.sources import Sources, dotted
from resolverd.errors import Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


# What pydantic calls a value of another kind, in TOML's own words.
_SHAPES = {
    "model_type": ("a table", "[{name}], or {last} = {{ … }}"),
    "dict_type": ("a table", "[{name}], or {last} = {{ … }}"),
    "tuple_type": ("a list", "{last} = [ … ]"),
}


def problem_of(error: ErrorDetails, sources: Sources) -> Problem:
    """One pydantic error as a `Problem` at the key it is about."""
    path = error["loc"]
    model, field = _declaration(path)
    name = dotted(path)
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields) if model else []
        return sources.problem(
            path, "config-unknown-key", f"{name} is not an option", _suggest(str(path[-1]), known)
        )
    if error["type"] == "missing":
        return sources.problem(
            path, "config-missing", f"{name} is missing", f"add it: {_documented(field)}"
        )
    if error["type"] == "too_long":
        most = error["ctx"]["max_length"]
        return sources.problem(
            path, "config-value", f"{name} has more than {most} elements", "list fewer"
        )
    if error["type"] in _SHAPES:
        shape, example = _SHAPES[error["type"]]
        mend = f"write {example.format(name=name, last=path[-1])}. {_documented(field)}".rstrip()
        return sources.problem(path, "config-value", f"{name} is {shape}", mend)
    message = error["msg"].removeprefix("Value error, ")
    return sources.problem(path, "config-value", f"{name}: {message}", _documented(field))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A mend that names the nearest known words, or all of them when none is near."""
    near = difflib.get_close_matches(word, known, n=2)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known) if known else "none is declared"


def _suggest(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known) if known else "remove it"


def _documented(field: FieldInfo | None) -> str:
    if field is None or not field.description:
        return ""
    extra = field.json_schema_extra
    unit = f" In {extra['unit']}." if isinstance(extra, dict) and "unit" in extra else ""
    return field.description + unit


def _declaration(path: Sequence[str | int]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that declares the last part of `path`, and the field, where there are such."""
    model: type[BaseModel] | None = Config
    field: FieldInfo | None = None
    for part in path:
        if model is None or not isinstance(part, str):
            continue
        if field is not None and _is_table(field):
            field = None  # `part` is a name that the operator gave, not an option
            continue
        field = model.model_fields.get(part)
        if field is not None and part != path[-1]:
            model = _section(field.annotation) or model
    return model, field


def _is_table(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is dict


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section inside a field's type: ``dict[Word, Region]``, ``tuple[Endpoint, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section(part))), None)
