"""What both engines have to agree on is declared once, and what is generated of it is not stale."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from contract.abi import MAP, SIZE, Function
from contract.counters import Label
from contract.images import Field, size
from contract.outcomes import ExtendedError, Outcome
from contract.tables import OUTPUTS, Tables, version, written
from resolverd.engine.slots import FIXED, FREE

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("path", OUTPUTS)
def test_a_generated_file_says_what_the_tables_say(path: str) -> None:
    assert (TOP / path).read_text() == written()[path], "stale: run `make contract`"


def test_a_new_type_reaches_both_engines() -> None:
    tables = Tables()
    new = tables.codes.types[0]._replace(number=256, name="URI")
    made = written(
        tables._replace(codes=tables.codes._replace(types=(*tables.codes.types[:-1], new)))
    )
    assert "\nURI: Final = 256\n" in made["resolverd/dns/codes.py"]
    assert "    pub const URI: u16 = 256;\n" in made["native/src/wire/codes.rs"]
    assert "    256,\n" in made["native/src/io/slots.rs"]


def test_a_new_outcome_reaches_both_engines_with_its_text_and_its_counter() -> None:
    """It is one row, and every number behind it is given anew."""
    tables = Tables()
    new = Outcome("paused", True, "none takes clients now", ExtendedError("PROHIBITED", "paused"))
    before = tables.outcomes.outcomes
    rows = tables.outcomes._replace(outcomes=(*before[:4], new, *before[4:]))
    made = written(tables._replace(outcomes=rows))
    python, rust = made["resolverd/policy/outcomes.py"], made["native/src/tables/outcome.rs"]
    assert '    "paused": ExtendedError(EdeCode.PROHIBITED, "paused"),\n' in python
    assert rust.count("Self::Paused") == 1
    assert 'Self::Paused => b"\\x00\\x12paused",\n' in rust
    for text in (made["resolverd/engine/slots.py"], made["native/src/io/slots.rs"]):
        assert re.search(r"^(pub const )?FIRST_CHOICE: \w+ = 7;?$", text, re.M)


def test_a_new_counter_moves_those_behind_it_in_both_engines() -> None:
    tables = Tables()
    counters = tables.counters
    grown = counters._replace(malformed=(*counters.malformed, Label("ecs_scope", "a scope")))
    before, after = written(), written(tables._replace(counters=grown))
    assert '"ecs_scope",' in after["resolverd/engine/slots.py"]
    assert "    EcsScope,\n" in after["native/src/wire/malformed.rs"]
    python, rust = "resolverd/engine/slots.py", "native/src/io/slots.rs"
    for path, pattern in ((python, r'"tcp_refused",\s+(\d+)'), (rust, r"IDLE: usize = (\d+)")):
        first, moved = (re.search(pattern, made[path]) for made in (before, after))
        assert first is not None
        assert moved is not None
        assert int(moved[1]) == int(first[1]) + 1


def test_no_slot_has_two_meanings() -> None:
    slots = [
        family.first + place
        for family in FIXED
        for place in range(math.prod(map(len, family.axes)))
    ]
    assert slots == list(range(len(slots)))
    assert slots[-1] < FREE.start


def test_an_outcome_with_a_region_stands_before_those_without() -> None:
    rows = Tables().outcomes
    wrong = rows._replace(outcomes=tuple(reversed(rows.outcomes)))
    with pytest.raises(ValueError, match="come first"):
        written(Tables(outcomes=wrong))


def test_a_text_that_no_message_should_hold_is_refused() -> None:
    rows = Tables().outcomes
    wrong = rows.outcomes[1]._replace(error=ExtendedError("OTHER", "café"))
    with pytest.raises(ValueError, match="plain text"):
        written(Tables(outcomes=rows._replace(outcomes=(rows.outcomes[0], wrong))))


def test_a_new_field_of_a_record_reaches_both_engines() -> None:
    """The state of a region with one field more: its name in both, and its size."""
    steering = Tables().images[1]
    state = steering.records[0]
    wider = state._replace(fields=(*state.fields, Field("weight", "u32", "its weight")))
    grown = (Tables().images[0], steering._replace(records=(wider,)))
    made = written(Tables(images=grown))
    assert "    weight: int,\n" in made["resolverd/engine/records.py"]
    assert "            weight: from.u32()?,\n" in made["native/src/tables/records.rs"]
    assert f"SIZE: usize = {size(state) + 4};" in made["native/src/tables/records.rs"]


def test_a_library_of_other_rows_is_another_version() -> None:
    """A row anywhere makes another ABI, so that no stale library counts or reads amiss."""
    tables = Tables()
    grown = tables.counters._replace(ttl_bounds=(*tables.counters.ttl_bounds, 7200))
    assert version(tables._replace(counters=grown)) != version(tables)


def test_a_new_function_is_declared_to_python_and_held_against_the_library() -> None:
    tables = Tables()
    new = Function("map", "map_regions", SIZE, (MAP,))
    made = written(tables._replace(abi=tables.abi._replace(functions=(*tables.abi.functions, new))))
    assert (
        '    "resolverd_map_regions": (c_size_t, c_void_p),\n' in made["resolverd/abi/contract.py"]
    )
    held = 'const _: extern "C" fn(Handle<ClientMap>) -> usize = super::map::resolverd_map_regions;'
    assert held in made["native/src/ffi/contract.rs"]


def test_what_a_record_of_an_exchange_says_is_one_row_for_both() -> None:
    tables = Tables()
    rows = [
        row._replace(value=9) if row.name == "EXCHANGE_OTHER" else row
        for row in tables.abi.exchanges
    ]
    made = written(tables._replace(abi=tables.abi._replace(exchanges=tuple(rows))))
    assert "\nEXCHANGE_OTHER: Final = 9\n" in made["resolverd/abi/contract.py"]
    assert "\npub const EXCHANGE_OTHER: u64 = 9;" in made["native/src/io/exchanges/contract.rs"]
