"""What a failed validation means to the operator: message and hint, from the declaration itself."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_origin

from resolverd.config.declared import Declared, declaration, dotted, section_of
from resolverd.config.examples import choices, complete, example, span
from resolverd.config.meant import meant
from resolverd.config.positions import Path as KeyPath
from resolverd.config.reference import unit_of
from resolverd.config.sources import Sources
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.errors import Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# What pydantic asks for, by the beginning of the error's type, in an operator's words.
_WANTED = {
    "string_type": "has to be text",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "has fewer characters than {min_length}",
    "int": "has to be a whole number",
    "float": "has to be a number",
    "bool": "is neither true nor false",
    "finite_number": "has to be a number",
    "literal_error": "is none of its choices",
    "greater_than_equal": "is under its minimum",
    "less_than_equal": "is over its maximum",
    "tuple_type": "has to be a list",
    "model_type": "has to be a table",
    "dict_type": "has to be a table",
}


# Options that any text can be: what was written without quotes is proposed with them.
_FREE_TEXT = frozenset(
    {"body", "expect_body", "fingerprint", "gpu_metric", "model", "nsid", "version"}
)

# Options that had another name, by table and key, with the key that says the same now.
_RENAMED: dict[KeyPath, str] = {
    ("server", "doubt"): "isolation_window",
    ("spill", "most"): "max_ratio",
}


def problems_of(errors: Sequence[ErrorDetails], sources: Sources) -> list[Problem]:
    """Each error as a problem, once: what each member of a union says against a value is one."""
    kept: dict[KeyPath, ErrorDetails] = {}
    for error in errors:
        place = place_of(error)
        # The member that is meant says more than the empty text that turns the option off.
        if place not in kept or kept[place]["type"] == "literal_error":
            kept[place] = error
    return [problem_of(error, sources) for error in kept.values()]


def place_of(error: ErrorDetails) -> KeyPath:
    """The key path that an error is about, without the member of a union that pydantic adds."""
    path = error["loc"]
    if path[-1:] == ("[key]",):
        return path[:-1]
    if error["type"] in {"extra_forbidden", "missing"}:
        return path
    return declaration(path).path


def problem_of(error: ErrorDetails, sources: Sources) -> Problem:
    """One pydantic error as a `Problem` at the key it is about."""
    loc, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        return _unknown(loc, sources)
    if loc[-1:] == ("[key]",):
        return _bad_name(loc[:-1], error, sources)
    declared = declaration(loc)
    path, name = declared.path, dotted(declared.path)
    if kind == "missing":
        return sources.problem(
            path, "config-missing", f"{name} is missing", _to_add(declared, sources)
        )
    if kind == "contradiction":
        return _contradiction(path, error, sources)
    if kind == "too_long":
        most = error["ctx"]["max_length"]
        message = f"{name} has more than {most} elements"
        return sources.problem(path, "config-value", message, f"write {most} or fewer")
    if (words := _wanted(error)) is not None:
        message, hint = f"{name} {words}", ""
    else:
        text, _, hint = error["msg"].removeprefix("Value error, ").partition("; ")
        message = f"{name}: {text}"
    hint = (
        _as_meant(declared, error, sources.tree) or hint or to_write(declared, error, sources.tree)
    )
    return sources.problem(path, "config-value", message, hint)


def _as_meant(declared: Declared, error: ErrorDetails, tree: Mapping[str, Any]) -> str:
    """What was written, as the option takes it; empty where that cannot be told."""
    whole = complete(declared)
    value = meant(whole, error["input"], tree)
    seconds = whole.field is not None and unit_of(whole.field) == "seconds"
    return "" if value is None else _begin(declared) + toml_value(value, seconds=seconds)


def _begin(declared: Declared) -> str:
    key = declared.path[-1]
    return "write " if isinstance(key, int) else f"write {toml_key(key)} = "


def to_write(declared: Declared, error: ErrorDetails, tree: Mapping[str, Any]) -> str:
    """What stands there instead: a value that would do, and which others would."""
    key = declared.path[-1]
    declared = complete(declared)
    bounds = span(declared.field)
    tail = f" ({bounds})" if bounds else ""
    written = error["input"]
    if section_of(declared.kind) is not None and declared.path[:-1] == ():
        return f"write [{key}] with {_inside(example(declared, tree))}"
    plain = key in _FREE_TEXT and isinstance(written, int | float)
    value = json.dumps(str(written)) if plain else example(declared, tree)
    begin = _begin(declared)
    if '"0.0.0.0:' in value:
        tail = ", which listens on every address of this host"
    if get_origin(declared.kind) is dict and section_of_values(declared.kind):
        return f"write [{dotted(declared.path)}.NAME] tables"
    few = choices(declared.kind)
    if declared.kind is bool:
        return f"{begin}true or false"
    if few and get_origin(declared.kind) is not tuple:
        near = difflib.get_close_matches(str(written).lower(), [json.loads(one) for one in few], 1)
        value = json.dumps(near[0]) if near else value
        first, *others = sorted(few, key=lambda choice: choice != value)
        return f"{begin}{first}" + (f" (or {', '.join(others)})" if others else "")
    return f"{begin}{value}{tail}"


def section_of_values(kind: Any) -> bool:
    """Whether it is a table of tables: regions, services or pins by name."""
    return section_of(kind.__args__[1]) is not None


def _unknown(path: KeyPath, sources: Sources) -> Problem:
    table = declaration(path[:-1])
    section = section_of(table.kind)
    known = list(section.model_fields) if section is not None else []
    name = dotted(path)
    if len(path) == 1 and (meant := _near_table(str(path[0]), known, sources.tree)):
        message, hint = f"[{name}] is no table", f"did you mean {meant}?"
        return sources.problem(path, "config-unknown-key", message, hint, at="key")
    if (renamed := _RENAMED.get(path[-2:])) is not None:
        message, hint = f"{name} is called {renamed} now", f"write {renamed} instead of {path[-1]}"
        return sources.problem(path, "config-unknown-key", message, hint, at="key")
    return sources.problem(
        path,
        "config-unknown-key",
        f"{name} is not an option",
        _suggest(str(path[-1]), known),
        at="key",
    )


def _bad_name(path: KeyPath, error: ErrorDetails, sources: Sources) -> Problem:
    """A name that an operator gave and that cannot be one."""
    text, _, hint = error["msg"].removeprefix("Value error, ").partition("; ")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", str(path[-1])).strip("-_.")
    if not hint:
        hint = f"write {toml_key(name or 'a')} instead"
    return sources.problem(path, "config-value", text, hint, at="key")


def _contradiction(path: KeyPath, error: ErrorDetails, sources: Sources) -> Problem:
    """Options of one table that contradict one another: at the first that is written."""
    context = error["ctx"]
    paths = [(*path, key) for key in context["keys"]]
    written = [option for option in paths if sources.is_written(option)]
    return sources.problem(
        (written or [path])[0],
        "config-value",
        f"{dotted(path)}: {context['message']}",
        context["hint"],
        because=tuple(paths),
    )


def _to_add(declared: Declared, sources: Sources) -> str:
    value = example(declared, sources.tree)
    if section_of(declared.kind) is not None:
        return f"add [{declared.path[-1]}] with {_inside(value)}"
    return f"add {declared.path[-1]} = {value}"


def _inside(table: str) -> str:
    return table.removeprefix("{ ").removesuffix(" }")


def _wanted(error: ErrorDetails) -> str | None:
    kind = error["type"]
    words = next((words for begin, words in _WANTED.items() if kind.startswith(begin)), None)
    return None if words is None else words.format_map(error.get("ctx", {}))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint that names the nearest known words, or all of them when none is near."""
    near = difflib.get_close_matches(word, known, n=2)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known) if known else "none is declared"


def _near_table(word: str, known: Sequence[str], tree: Mapping[str, Any]) -> str | None:
    """How a table with a wrong name was meant, by the first that is written."""
    near = difflib.get_close_matches(word, known, n=1)
    inside = tree.get(word)
    if not near or not isinstance(inside, dict):
        return None
    first = next((key for key, value in inside.items() if isinstance(value, dict)), None)
    return f"[{near[0]}]" if first is None else f"[{near[0]}.{toml_key(first)}]"


def _suggest(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known) if known else "remove it"
