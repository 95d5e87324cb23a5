"""Settings in layers: complete ones, and overrides of them that set any part.

An override's declaration is made from the complete one, so that the two cannot drift.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from resolverd.config.options import Section

Settings = TypeVar("Settings", bound=Section)


def overriding(name: str, complete: type[Section]) -> type[Section]:
    """A section called `name` with the options of `complete`, all unset."""
    unset: dict[str, Any] = {
        option: _unset(field) for option, field in complete.model_fields.items()
    }
    return create_model(name, __base__=Section, **unset)


def merge(complete: type[Settings], layers: tuple[Section, ...]) -> Settings:
    """The complete settings after each layer, broadest first, has overridden what it sets.

    Raises pydantic's ValidationError when the layers contradict one another.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= {name: getattr(layer, name) for name in layer.model_fields_set}
    return complete.model_validate(merged)


def _unset(field: FieldInfo) -> Any:
    """The same option with no value: TOML has no null, so None is never validated."""
    kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return kind, Field(
        None, description=field.description, json_schema_extra=field.json_schema_extra
    )
