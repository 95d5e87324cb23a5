"""What both engines have to agree on is declared once, and what is generated of it is not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.tables import OUTPUTS, Tables, written

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("path", OUTPUTS)
def test_a_generated_file_says_what_the_tables_say(path: str) -> None:
    assert (TOP / path).read_text() == written()[path], "stale: run `make contract`"


def test_a_new_type_reaches_both_engines() -> None:
    tables = Tables()
    new = tables.codes.types[0]._replace(number=256, name="URI")
    grown = tables.codes._replace(types=(*tables.codes.types, new))
    made = written(tables._replace(codes=grown))
    assert "\nURI: Final = 256\n" in made["resolverd/dns/codes.py"]
    assert "    pub const URI: u16 = 256;\n" in made["native/src/wire/codes.rs"]
