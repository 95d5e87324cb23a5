"""The reference of the configuration leaves no table out."""

from __future__ import annotations

from resolverd.config.model import Config
from resolverd.config.reference import TABLES


def test_every_table_of_a_configuration_has_its_own_in_the_reference() -> None:
    told = {name.strip("[]").partition(".")[0] for name, _ in TABLES}
    assert Config.model_fields.keys() <= told
