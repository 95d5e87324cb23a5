"""The configuration reference, in Markdown, from the very declarations that validate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from resolverd.config.alerts import Alerts, AlertsOverride
from resolverd.config.anycast import Anycast, Bird, Exabgp
from resolverd.config.bias import RegionBias
from resolverd.config.fleet import Fleet
from resolverd.config.model import Admin, Endpoint, Gpus, Pin, Place, Region, Server, Service
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import EveryOption, ProbeDefaults, ProbeOverride, groups
from resolverd.config.rtt import Rtt
from resolverd.config.spill import Spill
from resolverd.config.toml_values import toml_value
from resolverd.config.types import Listener

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("[server]", Server),
    ("[admin]", Admin),
    ("[probe]", EveryOption),
    ("[alerts]", Alerts),
    ("[rtt]", Rtt),
    ("[fleet]", Fleet),
    ("[anycast]", Anycast),
    ("[anycast.bird]", Bird),
    ("[anycast.exabgp]", Exabgp),
    ("[region.NAME]", Region),
    ("[[region.NAME.endpoint]]", Endpoint),
    ("gpus = {…}", Gpus),
    ("[service.NAME]", Service),
    ("[service.NAME.spill]", Spill),
    ("[place.NAME]", Place),
    ("[pin.NAME]", Pin),
)
# What stands in a table of its own: where its options are told.
_ELSEWHERE: dict[Any, str] = {
    ProbeDefaults: "[probe]",
    ProbeOverride: "[probe]",
    AlertsOverride: "[alerts]",
    Rtt: "[rtt]",
    Bird: "[anycast.bird]",
    Exabgp: "[anycast.exabgp]",
    Spill: "[service.NAME.spill]",
}
_WORDS = {
    "Listener": "address:port",
    "Prefix": "network",
    "RegionBias": "milliseconds or number",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "Gpus": "table",
}


_KINDS = """\
An endpoint is asked as its `kind` says, which may be set here, for a service, for a region and for
the endpoint; the narrowest of them that is written wins, as for each option by itself. `kind` also
decides which options there are: those of this table for each, and then those under its own name. A
table may hold options of several kinds, for the endpoints below it; each is asked with those that
its kind has, and where another `kind` is written for it the rest do not count. An option that the
kind of no endpoint below has is an error."""
_FILES = """\
## Files

Every verb reads the file that `--config` names. Without that it is `resolverd.toml` in the
directory where the command is given, or else `/etc/resolverd/resolverd.toml`; `resolverd check`,
`doctor` and `state` say which (`demo` takes the one here alone). One that is named and is not
there is an error. Zones, databases and `server.state` are relative to the file's own directory,
wherever the command is given.

A directory beside the file, of its name with `.d` in place of `.toml`, holds fragments:
`resolverd.d/*.toml` and `resolverd.d/*.json`, so that a deployment tool registers a region by
writing one file. JSON has the tables of TOML as objects. They are read after the file and in the
order of their names; names that begin with a dot, other endings and directories below are passed
over.

- A fragment has `[region.…]`, `[service.…]`, `[place.…]` and `[pin.…]` alone: what the host itself
  is stands in the file.
- Tables of one name are one table, whose options may stand in several files.
- The endpoints of a region and the `regions` of a service add up, in the order in which the files
  are read. An endpoint without a name takes its number in that order: name them where fragments
  come and go. An edit that gives the number of one that is overridden to another is held
  (`override-lost`).
- No other option may be written twice, in whatever files: nothing wins over anything, and the
  error names both places. `--set` alone lies over the files, and takes a list's whole place.
- A name with a dot stands in quotes: `[service."llama-3.1"]`, and with `--set` too
  (`--set 'service."llama-3.1".ttl=30s'`).
- Removing a fragment is an edit like any other: what takes a client out of a pin, or a service or
  region away, is held until `resolverd reload --yes`. One fragment with a mistake keeps the whole
  configuration as it was, and no zone or database."""


def reference() -> str:
    """Every table with its options: type, default, range and unit, and what it is for."""
    parts = [
        "# Configuration reference",
        "Made by `make docs` from the declarations in `resolverd/config/`; do not edit.",
        "Durations are written like `250ms`, `5s`, `1h30m`, or as a number of seconds. "
        "`resolverd check` tells every mistake at once, with file, line and hint.",
    ]
    parts.append(_FILES)
    for title, model in TABLES:
        parts.append(f"## `{title}`")
        parts.append(about(model))
        if model is EveryOption:
            parts += _by_kind()
        else:
            parts.append("\n".join(_rows(model.model_fields)))
    return "\n\n".join(part for part in parts if part) + "\n"


def about(model: type[BaseModel]) -> str:
    """What a table is for, from the docstring of its declaration."""
    text = (model.__doc__ or "").split("\n\n")[0].partition(": ")[2].strip()
    return text[:1].upper() + text[1:]


def _by_kind() -> Iterator[str]:
    """The options of probes: those of all kinds, and then those of some."""
    yield _KINDS
    every = EveryOption.model_fields
    yield "\n".join(_rows({name: every[name] for name in Probe.model_fields}))
    for kinds, fields in groups().items():
        yield "### `[probe]` with `kind` " + " or ".join(f'`"{kind}"`' for kind in kinds)
        yield "\n".join(_rows(fields))


def _rows(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    yield "| option | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in fields.items():
        if field.annotation == tuple[Endpoint, ...]:
            continue
        bounds = bounds_of(field)
        meaning = field.description or ""
        yield f"| `{name}` | {kind_of(field)} | {default_of(field)} | {meaning}{bounds} |"


def kind_of(field: FieldInfo) -> str:
    """The type of an option in words, such as "duration", for the reference (in Markdown)."""
    elsewhere = own_table(field)
    if elsewhere is not None:
        return f"table like `{elsewhere}`"
    unit = unit_of(field)
    if unit == "seconds":
        return "duration"
    return _named(field.annotation)


def own_table(field: FieldInfo) -> str | None:
    """The table that tells of an option's own options, where it is one that stands by itself."""
    return _ELSEWHERE.get(field.annotation)


def _named(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{choice}"`' for choice in get_args(kind) if choice)
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        return f"list of {_named(inner[0])}" if inner[-1] is Ellipsis else "[latitude, longitude]"
    if get_origin(kind) is dict:
        return f"table of {_named(get_args(kind)[1])}"
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    if choices:
        return next(name for choice in choices if (name := _named(choice)))
    return _WORDS.get(getattr(kind, "__name__", ""), "text")


def default_of(field: FieldInfo) -> str:
    """The default as TOML has it (in Markdown); empty where it stands for nothing."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value in (None, "", (), {}):
        return ""
    if unit_of(field) == "seconds":
        return f"`{toml_value(value, seconds=True)}`"
    if isinstance(value, RegionBias):
        value = value.written
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Listener):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return "`[" + ", ".join(str(v) if isinstance(v, int) else f'"{v}"' for v in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def bounds_of(field: FieldInfo) -> str:
    """The range and unit of an option as a sentence that begins with a space, or nothing."""
    minimum, maximum = range_of(field)
    unit = unit_of(field)
    if minimum is None and maximum is None:
        return f" In {unit}." if unit else ""
    span = f"From {minimum}" if maximum is None else f"{minimum} to {maximum}"
    return f" {span} {unit or ''}".rstrip() + "."


def range_of(field: FieldInfo) -> tuple[Any, Any]:
    """The minimum and the maximum, both inclusive; None where there is no limit."""
    minimum = next((m.ge for m in field.metadata if isinstance(m, annotated_types.Ge)), None)
    maximum = next((m.le for m in field.metadata if isinstance(m, annotated_types.Le)), None)
    return minimum, maximum


def unit_of(field: FieldInfo) -> str | None:
    """The unit of an option's value, where it has one."""
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return str(unit) if unit else None
