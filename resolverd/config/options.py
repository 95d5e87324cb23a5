"""How an option is declared: one call carries its default, range, unit and doc.

Validation, the reference and `--help` all read the same `FieldInfo`; nothing about an
option is said twice.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A table of the configuration: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)


def contradiction(message: str, hint: str, *keys: str) -> PydanticCustomError:
    """Options of one section, named by `keys`, that are right by themselves and not together.

    The report points at the first of `keys` that is written, and says which of them are defaults.
    """
    context = {"message": message, "hint": hint, "keys": keys}
    return PydanticCustomError("contradiction", "{message}", context)


def option(
    default: Any = ...,
    doc: str = "",
    *,
    unit: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    factory: Any = None,
    max_items: int | None = None,
) -> Any:
    """Declare an option; with neither `default` nor `factory` it must be written.

    `minimum` and `maximum` are inclusive and in `unit` (seconds for durations); `max_items` is
    how many elements a list may have.
    """
    extra: JsonDict | None = {"unit": unit} if unit else None
    if factory is not None:
        return Field(default_factory=factory, description=doc, json_schema_extra=extra)
    return Field(
        default,
        description=doc,
        ge=minimum,
        le=maximum,
        max_length=max_items,
        json_schema_extra=extra,
    )
