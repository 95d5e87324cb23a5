"""Edits after which a pin would know its clients no more, though it stands as it stood."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import Record, mmdb_bytes

from resolverd.config.load import load_config
from resolverd.snapshot.edits import Terms, load_edit
from resolverd.snapshot.inputs import CONFIGURATION, DATABASES, Inputs, load_inputs
from resolverd.snapshot.losses import config_losses

BOTH, CITY = '["city.mmdb", "asn.mmdb"]', '["city.mmdb"]'
CONFIG = """\
[server]
coordinates = [50.1, 8.7]
geoip = {geoip}
[region.us]
coordinates = [39.0, -77.5]
endpoint = [{{address = ["192.0.2.10"], url = "http://192.0.2.10"}}]
[region.eu]
coordinates = [50.1, 8.7]
endpoint = [{{address = ["192.0.2.11"], url = "http://192.0.2.11"}}]
[service.chat]
regions = ["us", "eu"]
"""
BY_NUMBER = '[pin.bank]\nasn = [64500]\nregions = ["eu"]\n'
BY_PLACE = """\
[place.office]
asn = [64500]
coordinates = [50.1, 8.7]
country = "DE"
[pin.gdpr]
countries = ["DE"]
regions = ["eu"]
"""
BY_COUNTRY = '[pin.gdpr]\ncountries = ["US"]\nregions = ["eu"]\n'
WITHOUT_PIN = BY_PLACE.partition("[pin")[0]
ZONE = """\
$ORIGIN example.
$TTL 60
@ SOA ns1 host 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
chat DYNA chat
"""


def _database(path: Path, record: Record, kind: str) -> None:
    path.write_bytes(mmdb_bytes({"1.0.0.0/8": record}, kind))


def _city(path: Path) -> None:
    _database(path, {"country_code": "US"}, "country ipv4")


def _written(place: Path, pins: str, geoip: str = BOTH) -> Path:
    path = place / "resolverd.toml"
    path.write_text(CONFIG.format(geoip=geoip) + pins)
    return path


async def _served(place: Path, pins: str) -> Inputs:
    (place / "zones").mkdir()
    (place / "zones" / "example.zone").write_text(ZONE)
    _city(place / "city.mmdb")
    _database(place / "asn.mmdb", {"autonomous_system_number": 64500}, "GeoLite2-ASN")
    return await load_inputs(_written(place, pins))


@pytest.mark.parametrize(
    ("pins", "held"),
    [(BY_NUMBER, True), (BY_PLACE, True), (BY_COUNTRY, False), (WITHOUT_PIN, False)],
)
async def test_an_edit_without_the_numbers_that_a_pin_goes_by_is_held(
    tmp_path: Path, pins: str, held: bool
) -> None:
    served = await _served(tmp_path, pins)
    path = _written(tmp_path, pins, CITY)
    edit = await load_edit(path, (), served, Terms())
    assert [(each.part, each.held) for each in edit.outdated] == [(CONFIGURATION, True)] * held
    assert (edit.locator is served.locator) == held
    if held:
        assert [loss.id for each in edit.outdated for loss in each.problems] == ["lost-pin"]
        insisted = await load_edit(path, (), edit, Terms(accept_losses=True))
        assert insisted.outdated == ()
        assert insisted.config.server.geoip == ("city.mmdb",)


@pytest.mark.parametrize(("pins", "held"), [(BY_NUMBER, True), (BY_COUNTRY, False)])
async def test_a_database_without_the_numbers_that_a_pin_goes_by_is_held(
    tmp_path: Path, pins: str, held: bool
) -> None:
    served = await _served(tmp_path, pins)
    _city(tmp_path / "asn.mmdb")
    path = _written(
        tmp_path, pins + '[place.new]\nsubnets = ["198.51.100.0/24"]\ncoordinates = [1, 2]\n'
    )
    edit = await load_edit(path, (), served, Terms())
    assert [(each.part, each.held) for each in edit.outdated] == [(DATABASES, True)] * held
    assert (edit.locator is served.locator) == held
    assert "new" in edit.config.place, "the configuration is adopted all the same"
    again = await load_edit(path, (), edit, Terms())
    assert [each.part for each in again.outdated] == [DATABASES] * held
    insisted = await load_edit(path, (), again, Terms(accept_losses=True))
    assert insisted.outdated == ()
    assert not insisted.locator.tells_asns


async def test_other_numbers_in_a_database_are_adopted(tmp_path: Path) -> None:
    served = await _served(tmp_path, BY_NUMBER)
    kind = "ipinfo generic_country_free_country_asn.mmdb"
    _database(tmp_path / "asn.mmdb", {"country": "US", "asn": "AS64501"}, kind)
    edit = await load_edit(_written(tmp_path, BY_NUMBER), (), served, Terms())
    assert edit.outdated == ()
    assert edit.locator is not served.locator


@pytest.mark.parametrize(("pins", "ids"), [(BY_COUNTRY, ["lost-pin"]), ("", [])])
def test_a_pinned_service_that_no_longer_hears_client_subnets_is_a_loss(
    tmp_path: Path, pins: str, ids: list[str]
) -> None:
    was = load_config(_written(tmp_path, pins)).config
    without = CONFIG + "ecs = false\n"
    (tmp_path / "resolverd.toml").write_text(without.format(geoip=BOTH) + pins)
    now = load_config(tmp_path / "resolverd.toml").config
    assert [loss.id for loss in config_losses(was, now, Path("it"))] == ids
    assert config_losses(now, was, Path("it")) == []
