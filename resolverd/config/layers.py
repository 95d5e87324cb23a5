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
        merged |= written(layer)
    return complete.model_validate(merged)


def written(layer: Section) -> dict[str, Any]:
    """The options that a layer sets."""
    return {name: getattr(layer, name) for name in layer.model_fields_set}


def redeclared(field: FieldInfo, doc: str | None = None) -> Any:
    """The same option for `create_model`, with another text if one is given."""
    doc, extra = doc or field.description, field.json_schema_extra
    if field.default_factory is not None:
        again = Field(
            default_factory=field.default_factory, description=doc, json_schema_extra=extra
        )
    else:
        again = Field(field.default, description=doc, json_schema_extra=extra)
    return _type_of(field), again


def _unset(field: FieldInfo) -> Any:
    """The same option with no value: TOML has no null, so None is never validated."""
    return _type_of(field), Field(
        None, description=field.description, json_schema_extra=field.json_schema_extra
    )


def _type_of(field: FieldInfo) -> Any:
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
