"""The tables of log events and of their fields on the operations page, made by `make docs`."""

from __future__ import annotations

from resolverd.log.events import EVENTS
from resolverd.log.events.event import Event
from resolverd.log.fields import COMMON, FIELDS


def table() -> str:
    """One row for each event, then one for each field."""
    events = (
        f"| `{event.name}` | {event.levels.replace(' ', ', ')} | {event.text} | {_fields(event)} |"
        for event in EVENTS.values()
    )
    fields = (
        f"| `{name}` | {field.kind.__name__} | {field.text} |" for name, field in FIELDS.items()
    )
    common = (f"| `{name}` | str | {text} |" for name, text in COMMON.items())
    return "\n".join(
        (
            "| event | level | meaning | fields |",
            "| --- | --- | --- | --- |",
            *events,
            "",
            "Fields in brackets are there where known. A field means the same in every event:",
            "",
            "| field | type | meaning |",
            "| --- | --- | --- |",
            *common,
            *fields,
        )
    )


def _fields(event: Event) -> str:
    always = [f"`{name}`" for name in event.fields.split()]
    return ", ".join([*always, *(f"(`{name}`)" for name in event.optional.split())])
