"""A restart is no way around a hold: what a reload would hold, a start holds as well."""

from __future__ import annotations

import pytest
from harness.config import address_of
from live_daemon import DUBLIN, Endpoint, Files, addresses, ask, good_config, running, until
from mmdb_writer import Record, mmdb_bytes

from resolverd.daemon import Daemon
from resolverd.snapshot.inputs import CONFIGURATION, DATABASES

PIN = '[pin.gdpr]\ncountries = ["IE"]\nregions = ["us-west"]\n'


def held(daemon: Daemon) -> list[str]:
    return [each.part for each in daemon.reloads.outdated if each.held]


@pytest.fixture
def pinned(files: Files, endpoints: dict[str, Endpoint]) -> str:
    """The configuration with a pin, which was served once; returns that without the pin."""
    without = good_config(endpoints, 'state = "state"\nwatch = false\n')
    files.config.write_text(without + PIN)
    return without


async def kept(daemon: Daemon) -> None:
    await until(lambda: bool(daemon.reloads.restart))


async def test_a_pin_that_an_edit_removes_holds_over_restarts_until_it_is_insisted(
    files: Files, pinned: str
) -> None:
    async with running(files.config) as daemon:
        await kept(daemon)
    files.config.write_text(pinned)
    files.zone.write_text(files.zone.read_text().replace("192.0.2.80", "192.0.2.81"))
    for _ in range(2):  # the second start compares with what the first held
        async with running(files.config) as daemon:
            assert held(daemon) == [CONFIGURATION]
            assert "pin" in daemon.reloads.last
            assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == {
                address_of("us-west")
            }
            assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.81"}
            await kept(daemon)
    async with running(files.config) as daemon:
        assert not await daemon.reload()
        assert await daemon.reload(accept_losses=True)
        assert not daemon.inputs.config.pin
        await kept(daemon)
    async with running(files.config) as daemon:
        assert held(daemon) == []
        assert not daemon.inputs.config.pin


async def test_a_held_edit_that_is_undone_is_held_no_more(files: Files, pinned: str) -> None:
    async with running(files.config) as daemon:
        await kept(daemon)
    files.config.write_text(pinned)
    async with running(files.config) as daemon:
        assert held(daemon) == [CONFIGURATION]
        files.config.write_text(pinned + PIN)
        assert await daemon.reload()
        assert held(daemon) == []


async def test_a_start_with_the_files_that_were_served_or_with_more_holds_nothing(
    files: Files, pinned: str
) -> None:
    for more in ("", "", '[pin.more]\ncountries = ["DE"]\nregions = ["eu-west"]\n'):
        files.config.write_text(pinned + PIN + more)
        async with running(files.config) as daemon:
            assert held(daemon) == []
            assert daemon.reloads.last == "started"
            await kept(daemon)


async def test_a_new_zone_that_takes_a_name_out_of_its_pins_holds_over_restarts(
    files: Files, pinned: str
) -> None:
    async with running(files.config) as daemon:
        await kept(daemon)
    records = "$ORIGIN chat.inference.example.\n$TTL 60\n@ SOA ns1.inference.example. h 1 2 3 4 5\n"
    zone = files.zone.with_name("chat.zone")
    zone.write_text(records + "@ NS ns1.inference.example.\n@ A 192.0.2.99\n")
    for _ in range(2):
        async with running(files.config) as daemon:
            assert held(daemon) == ["zone chat.inference.example"]
            assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == {
                address_of("us-west")
            }
            await kept(daemon)
    async with running(files.config) as daemon:
        assert not await daemon.reload()
        assert await daemon.reload(accept_losses=True)
        assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == {"192.0.2.99"}


async def test_a_database_without_the_numbers_that_a_pin_goes_by_holds_over_restarts(
    files: Files, pinned: str
) -> None:
    """Nothing else has changed on the disk."""
    numbers, networks = files.database.with_name("asn.mmdb"), ("1.0.0.0/8", "2.0.0.0/8")

    def replace(record: Record, kind: str) -> None:
        numbers.write_bytes(mmdb_bytes(dict.fromkeys(networks, record), kind))

    by_number = PIN.replace('countries = ["IE"]', "asn = [64500]")
    both = pinned.replace('["city.mmdb"]', '["city.mmdb", "asn.mmdb"]')
    files.config.write_text(both + by_number)
    for number in (64500, 64501):  # other numbers are adopted
        replace({"autonomous_system_number": number}, "GeoLite2-ASN")
        async with running(files.config) as daemon:
            assert held(daemon) == []
            assert await daemon.reload(accept_losses=True)
            await kept(daemon)
    replace({"country_code": "US"}, "country ipv4")
    for _ in range(2):
        async with running(files.config) as daemon:
            assert held(daemon) == [DATABASES]
            assert daemon.inputs.locator.tells_asns
            await kept(daemon)
    async with running(files.config) as daemon:
        assert not await daemon.reload()
        assert await daemon.reload(accept_losses=True)
        assert not daemon.inputs.locator.tells_asns
        await kept(daemon)
    async with running(files.config) as daemon:
        assert held(daemon) == []
        assert not daemon.inputs.locator.tells_asns


async def test_a_refused_zone_beside_it_lets_no_pin_go(files: Files, pinned: str) -> None:
    async with running(files.config) as daemon:
        await kept(daemon)
    files.config.write_text(pinned)
    files.zone.write_text(files.zone.read_text().replace("192.0.2.80", "192.0.2.999"))
    async with running(files.config) as daemon:
        assert held(daemon) == [CONFIGURATION]
        assert daemon.inputs.config.pin
        assert addresses(await ask(daemon, "www.inference.example")) == {"192.0.2.80"}
        assert addresses(await ask(daemon, "chat.inference.example", DUBLIN)) == {
            address_of("us-west")
        }
        await kept(daemon)
        assert not await daemon.reload()
        assert daemon.inputs.config.pin
