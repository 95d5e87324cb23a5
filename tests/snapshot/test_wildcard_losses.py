"""A pinned name that other records answer once it is gone, or a new zone, is held as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from edited_zones import outdated, write_zone

from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import Inputs, load_inputs

CONFIG = """\
[server]
coordinates = [50.1, 8.7]
hold_names = 1
[region.us]
coordinates = [39.0, -77.5]
endpoint = [{address = ["192.0.2.10"], url = "http://192.0.2.10"}]
[region.eu]
coordinates = [50.1, 8.7]
endpoint = [{address = ["192.0.2.11"], url = "http://192.0.2.11"}]
[service.chat]
regions = ["us", "eu"]
[service.same]
regions = ["us", "eu"]
[service.open]
regions = ["us", "eu"]
[service.deaf]
regions = ["us", "eu"]
ecs = false
[pin.gdpr]
countries = ["DE"]
regions = ["eu"]
services = ["chat", "same", "deaf"]
"""


async def _served(
    place: Path, records: str, below: dict[str, str] | None = None, config: str = CONFIG
) -> Inputs:
    path = place / "resolverd.toml"
    path.write_text(config)
    write_zone(place, records)
    for origin, theirs in (below or {}).items():
        write_zone(place, theirs, origin)
    return await load_inputs(path)


async def _edited(place: Path, served: Inputs, terms: Terms | None = None) -> Inputs:
    return await load_edit(place / "resolverd.toml", (), served, terms or Terms())


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        ("chat DYNA chat\n* DYNA open\n", "* DYNA open\n", True),
        ("chat DYNA chat\n* A 192.0.2.10\n", "* A 192.0.2.10\n", True),
        ("chat DYNA chat\n", "* DYNA open\n", True),
        ("a.chat DYNA chat\n* DYNA open\n", "* DYNA open\n", True),
        ("*.chat DYNA chat\n* DYNA open\n", "* DYNA open\n", True),
        ("chat DYNA chat\n* DYNA same\n", "* DYNA same\n", False),
        # The same pins, and the subnets of clients are not heard.
        ("chat DYNA chat\n", "chat DYNA deaf\n", True),
        ("chat DYNA chat\n* DYNA deaf\n", "* DYNA deaf\n", True),
        ("chat DYNA deaf\n", "chat DYNA chat\n", False),
        # What is new where only a wildcard answered is as it is written.
        ("* DYNA chat\n", "* DYNA chat\napi DYNA open\n", False),
        ("chat DYNA chat\n* TXT x\n", "* TXT x\n", False),
        ("chat DYNA chat\n", "", False),
        ("chat DYNA open\n* A 192.0.2.10\n", "* A 192.0.2.10\n", False),
        # A name below keeps a wildcard from answering (RFC 4592 §2.2.2).
        ("chat DYNA chat\nx.chat TXT x\n* DYNA open\n", "x.chat TXT x\n* DYNA open\n", False),
        ("a.chat DYNA chat\nchat TXT x\n* DYNA open\n", "chat TXT x\n* DYNA open\n", False),
        ("a.chat DYNA chat\n*.chat DYNA open\n", "*.chat DYNA open\n", True),
    ],
)
async def test_a_name_that_falls_to_a_wildcard_without_its_pins_is_held(
    tmp_path: Path, before: str, after: str, held: bool
) -> None:
    served = await _served(tmp_path, before)
    write_zone(tmp_path, after)
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone example", ["lost-pin"])] * held
    insisted = await _edited(tmp_path, edit, Terms(accept_losses=True))
    assert insisted.outdated == ()


@pytest.mark.parametrize(
    ("records", "held"),
    [
        ("@ DYNA open\n", True),
        ("@ DYNA chat\na DYNA open\n", True),
        ("@ DYNA chat\n* DYNA open\n", True),
        ("@ DYNA chat\n* DYNA same\n", False),
        ("@ TXT x\n", False),
    ],
)
async def test_a_new_zone_that_takes_names_out_of_their_pins_is_held(
    tmp_path: Path, records: str, held: bool
) -> None:
    served = await _served(tmp_path, "chat DYNA chat\na.chat DYNA chat\nxchat DYNA chat\n")
    write_zone(tmp_path, records, "chat.example.")
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone chat.example", ["lost-pin"])] * held
    assert len(edit.zones) == 1 + (not held)
    assert outdated(await _edited(tmp_path, edit)) == outdated(edit)
    insisted = await _edited(tmp_path, edit, Terms(accept_losses=True))
    assert insisted.outdated == ()
    assert len(insisted.zones) == 2


async def test_a_new_zone_where_only_a_wildcard_answered_is_adopted(tmp_path: Path) -> None:
    served = await _served(tmp_path, "* DYNA chat\n")
    write_zone(tmp_path, "@ DYNA open\n", "api.example.")
    edit = await _edited(tmp_path, served)
    assert edit.outdated == ()
    assert len(edit.zones) == 2


async def test_names_that_are_to_move_into_a_zone_that_is_held_go_on_being_answered(
    tmp_path: Path,
) -> None:
    served = await _served(tmp_path, "chat DYNA chat\nwww A 192.0.2.7\n")
    write_zone(tmp_path, "www A 192.0.2.7\n")
    write_zone(tmp_path, "@ DYNA open\n", "chat.example.")
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone chat.example", ["lost-pin"]), ("zone example", ["lost-pin"])]
    assert edit.zones == served.zones
    assert (await _edited(tmp_path, edit, Terms(accept_losses=True))).outdated == ()


ANY_ZONE_MAY_GO = CONFIG.replace("hold_names", "hold_zones = 1\nhold_names")


async def test_a_zone_around_that_is_gone_stays_while_its_names_are_to_move_into_one_that_is_held(
    tmp_path: Path,
) -> None:
    other = {"other.": "@ A 192.0.2.7\n"}
    served = await _served(tmp_path, "chat DYNA chat\n", other, ANY_ZONE_MAY_GO)
    (tmp_path / "zones" / "example.zone").unlink()
    write_zone(tmp_path, "@ DYNA open\n", "chat.example.")
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone chat.example", ["lost-pin"]), ("zone example", ["lost-pin"])]
    assert edit.zones == served.zones
    insisted = await _edited(tmp_path, edit, Terms(accept_losses=True))
    assert insisted.outdated == ()
    assert [f"{origin}" for origin in sorted(insisted.zones)] == ["chat.example.", "other."]


@pytest.mark.parametrize(
    ("around", "records", "held"),
    [
        ("* DYNA open\n", "@ DYNA chat\n", True),
        ("chat A 192.0.2.9\n", "@ DYNA chat\n", True),
        ("*.chat DYNA open\n", "a DYNA chat\n", True),
        ("*.chat DYNA open\n", "@ DYNA chat\n", False),
        ("* DYNA same\n", "@ DYNA chat\n", False),
        ("* DYNA open\n", "@ DYNA open\n", False),
        ("", "@ DYNA chat\n", False),
    ],
)
async def test_a_zone_that_goes_is_held_where_the_zone_around_answers_its_names_without_their_pins(
    tmp_path: Path, around: str, records: str, held: bool
) -> None:
    served = await _served(tmp_path, around, {"chat.example.": records}, ANY_ZONE_MAY_GO)
    (tmp_path / "zones" / "chat.example.zone").unlink()
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone chat.example", ["lost-pin"])] * held
    assert len(edit.zones) == 1 + held
    assert outdated(await _edited(tmp_path, edit)) == outdated(edit)
    insisted = await _edited(tmp_path, edit, Terms(accept_losses=True))
    assert insisted.outdated == ()
    assert len(insisted.zones) == 1


async def test_a_zone_that_goes_is_held_where_a_new_zone_around_answers_its_names(
    tmp_path: Path,
) -> None:
    served = await _served(tmp_path, "", {"chat.other.": "@ DYNA chat\n"}, ANY_ZONE_MAY_GO)
    (tmp_path / "zones" / "chat.other.zone").unlink()
    write_zone(tmp_path, "chat DYNA open\n", "other.")
    edit = await _edited(tmp_path, served)
    assert outdated(edit) == [("zone chat.other", ["lost-pin"])]
    assert len(edit.zones) == 3
