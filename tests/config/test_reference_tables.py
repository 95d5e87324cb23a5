"""The reference of the configuration leaves no table out, and its defaults can be written."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from resolverd.config.model import Config
from resolverd.config.reference import TABLES, default_of

DEFAULTS = [
    pytest.param(field, id=f"{title} {name}")
    for title, model in TABLES
    for name, field in model.model_fields.items()
    if default_of(field) not in ("", "required")
]


def test_every_table_of_a_configuration_has_its_own_in_the_reference() -> None:
    told = {name.strip("[]").partition(".")[0] for name, _ in TABLES}
    assert Config.model_fields.keys() <= told


@pytest.mark.parametrize("field", DEFAULTS)
def test_a_default_that_is_copied_from_the_reference_is_that_default(field: FieldInfo) -> None:
    copied = tomllib.loads(f"option = {default_of(field).strip('`')}\n")["option"]
    kind: Any = Annotated[field.annotation, field.description, *field.metadata]
    option: TypeAdapter[Any] = TypeAdapter(kind)
    assert option.validate_python(copied) == field.get_default(call_default_factory=True)
