"""What a failed validation means to the operator: message and mend, from the declaration itself."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
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


_EXAMPLES = {
    "server": "[server], and in it listen, coordinates and zones",
    "coordinates": "[50.1, 8.7]",
    "url": '"http://192.0.2.10:8000"',
    "regions": '["us-east"]',
    "model": '"H100_SXM"',
    "count": "8",
    "weights": "{ us-east = 3, eu-west = 1 }",
    "subnets": '["198.51.100.0/24"]',
}


def problem_of(error: ErrorDetails, sources: Sources) -> Problem:
    """One pydantic error as a `Problem` at the key it is about."""
    path = error["loc"]
    model, field = _declaration(path)
    name = dotted(path)
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields) if model else []
        if len(path) == 1 and (near := _near_table(str(path[0]), known, sources.tree)):
            inside, table = near
            mend = f"did you mean {table}?"
            return sources.problem(inside, "config-unknown-key", f"[{name}] is no table", mend)
        return sources.problem(
            path, "config-unknown-key", f"{name} is not an option", _suggest(str(path[-1]), known)
        )
    if error["type"] == "missing":
        return sources.problem(
            path,
            "config-missing",
            f"{name} is missing",
            f"add {_EXAMPLES.get(str(path[-1]), '')}"
            if path[-1] == "server"
            else f"add {path[-1]} = {_example(str(path[-1]), field)}",
        )
    if error["type"] == "too_long":
        most = error["ctx"]["max_length"]
        return sources.problem(
            path, "config-value", f"{name} has more than {most} elements", "list fewer"
        )
    if error["type"] in _SHAPES:
        shape, example = _SHAPES[error["type"]]
        mend = f"write {example.format(name=name, last=path[-1])}"
        return sources.problem(path, "config-value", f"{name} is {shape}", mend)
    message, _, mend = error["msg"].removeprefix("Value error, ").partition("; ")
    return sources.problem(
        path, "config-value", f"{name}: {message}", mend or _to_write(error, str(path[-1]), field)
    )


def _to_write(error: ErrorDetails, key: str, field: FieldInfo | None) -> str:
    """What stands there instead: a choice, a range, or a value that would do."""
    if (choices := _choices(field)) and error["type"] in {"literal_error", "value_error"}:
        return f"write one of {', '.join(choices)}"
    least, most = _range(field)
    unit = _unit(field)
    if least is not None and most is not None:
        return f"write a number from {least:g} to {most:g}{unit}"
    if least is not None or most is not None:
        bound = f"{least:g} or more" if least is not None else f"{most:g} or less"
        return f"write {bound}{unit}"
    if error["type"].startswith("bool"):
        return f"write {key} = true or {key} = false"
    if error["type"].startswith("int"):
        return f"write a whole number, without quotes: {key} = 1"
    if error["type"].startswith("string"):
        return f'write it in quotes: {key} = "…"'
    return f"write {key} = {_example(key, field)}{unit}"


def _choices(field: FieldInfo | None) -> list[str]:
    annotation = None if field is None else field.annotation
    if get_origin(annotation) is not Literal:
        return []
    return [f'"{choice}"' for choice in get_args(annotation)]


def _range(field: FieldInfo | None) -> tuple[float | None, float | None]:
    found: dict[str, float] = {}
    for bound in () if field is None else field.metadata:
        for name in ("ge", "le"):
            if getattr(bound, name, None) is not None:
                found[name] = getattr(bound, name)
    return found.get("ge"), found.get("le")


def _unit(field: FieldInfo | None) -> str:
    extra = None if field is None else field.json_schema_extra
    return f", in {extra['unit']}" if isinstance(extra, dict) and "unit" in extra else ""


def _example(key: str, field: FieldInfo | None) -> str:
    """A value for a key: a known one, or its default in TOML's form."""
    if key in _EXAMPLES:
        return _EXAMPLES[key]
    default = None if field is None else field.get_default(call_default_factory=False)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return f"{default:g}"
    return f'"{default}"' if isinstance(default, str) and default else "…"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A mend that names the nearest known words, or all of them when none is near."""
    near = difflib.get_close_matches(word, known, n=2)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known) if known else "none is declared"


def _near_table(
    word: str, known: Sequence[str], tree: Mapping[str, Any]
) -> tuple[KeyPath, str] | None:
    """Where a table with a wrong name is first written, and how it was meant."""
    near = difflib.get_close_matches(word, known, n=1)
    inside = tree.get(word)
    if not near or not isinstance(inside, dict):
        return None
    first = next((key for key, value in inside.items() if isinstance(value, dict)), None)
    if first is None:
        return (word,), f"[{near[0]}]"
    return (word, first), f"[{near[0]}.{first}]"


def _suggest(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known) if known else "remove it"


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
