"""A `resolverd.toml` to start from, with every option, from the very declarations that validate.

What must be filled in says so in its value, so that `resolverd check` names each place that
was forgotten. Options at their default stand behind a bare ``#``, prose behind ``# ``.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.bias import RegionBias
from resolverd.config.model import Endpoint, Gpus, Pin, Place, Region, Server, Service
from resolverd.config.reference import (
    TABLES,
    about,
    bounds_of,
    kind_of,
    own_table,
    range_of,
    unit_of,
)
from resolverd.config.spill import Spill
from resolverd.config.toml_values import toml_value

FILL_IN = "FILL IN"
_WIDTH = 98
_HEAD = """\
# resolverd.toml, with every option. What stands behind a bare # is the default.
# Fill in what says FILL IN, rename us-east and chat, repeat tables as you need them, and ask
# `resolverd check`. Regions, services, places and pins may also stand in resolverd.d/.
# Durations are written like "250ms", "5s" or "1h30m"."""

# What an operator has to write, and examples where a default would show nothing.
_WRITTEN: dict[tuple[type[BaseModel], str], Any] = {
    (Server, "coordinates"): f"{FILL_IN}: [latitude, longitude]",
    (Region, "coordinates"): f"{FILL_IN}: [latitude, longitude]",
    (Endpoint, "address"): [f"{FILL_IN}: an address that clients are given"],
    (Endpoint, "url"): f"{FILL_IN}: http://ADDRESS:8000, where the probe asks",
    (Service, "regions"): ["us-east"],
}
_EXAMPLES: dict[tuple[type[BaseModel], str], Any] = {
    (Place, "subnets"): ["198.51.100.0/24"],
    (Place, "coordinates"): [50.1, 8.7],
    (Place, "country"): "DE",
    (Pin, "countries"): ["DE", "FR", "IE"],
    (Pin, "regions"): ["us-east"],
}
_NAMES = {
    "[region.NAME]": "[region.us-east]",
    "[[region.NAME.endpoint]]": "[[region.us-east.endpoint]]",
    "[service.NAME]": "[service.chat]",
    "[service.NAME.spill]": "[service.chat.spill]",
    "[place.NAME]": "[place.office]",
    "[pin.NAME]": "[pin.gdpr]",
}
_GPUS = '#gpus = { model = "H100_SXM", count = 8, usd_per_hour = 2.49 }'


def template() -> str:
    """The text of the whole file, TOML once what says FILL IN is filled in."""
    parts = [_HEAD]
    for title, model in TABLES:
        if model is not Gpus:
            parts.append("\n".join(_table(_NAMES.get(title, title), model)))
    return "\n\n".join(parts) + "\n"


def declarations() -> list[dict[str, Any]]:
    """Every option as plain values, for programs; ranges and defaults in `unit`."""
    return [
        {
            "table": title,
            "option": name,
            "type": kind_of(field).replace("`", ""),
            "unit": unit_of(field),
            "minimum": range_of(field)[0],
            "maximum": range_of(field)[1],
            "required": field.is_required(),
            "default": _plain(_default(field)),
            "doc": field.description or "",
        }
        for title, model in TABLES
        for name, field in model.model_fields.items()
    ]


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    optional = model in (Pin, Place)
    yield from _prose(about(model))
    yield f"#{title}" if optional else title
    for name, field in model.model_fields.items():
        if field.annotation in (tuple[Endpoint, ...], Spill):
            continue
        yield ""
        elsewhere = own_table(field)
        if elsewhere is not None:
            inner = f"{title.strip('[]')}.{name}"
            yield from _prose(f"{inner} is a table like {elsewhere}, whose options it overrides.")
            continue
        yield from _prose(f"{field.description}{bounds_of(field)} {_kind(field)}.")
        yield _option(model, name, field)


def _option(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    if kind_of(field) == "table":
        return _GPUS
    if (model, name) in _WRITTEN:
        return f"{name} = {_toml(_WRITTEN[(model, name)])}"
    value = _EXAMPLES.get((model, name), _default(field))
    if unit_of(field) == "seconds":
        return f"#{name} = {toml_value(value, seconds=True)}"
    return f"#{name} = {_toml(_plain(value))}"


def _kind(field: FieldInfo) -> str:
    """The type, and that an option without a default has to be written."""
    kind = kind_of(field).replace("`", "")
    text = f"One of {kind}" if kind.startswith('"') else f"{kind[:1].upper()}{kind[1:]}"
    return f"{text}, required" if field.is_required() else text


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _plain(value: Any) -> Any:
    """A value as TOML and JSON have it."""
    match value:
        case BaseModel():
            return {}
        case tuple() if hasattr(value, "port"):
            return str(value)
        case RegionBias():
            return value.written
        case list() | tuple():
            return [_plain(element) for element in value]
    return value


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _prose(text: str) -> list[str]:
    return [
        f"# {line}"
        for line in textwrap.wrap(" ".join(text.split()), _WIDTH - 2, break_on_hyphens=False)
    ]
