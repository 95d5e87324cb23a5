"""A start with a set that was completed meanwhile accepts what the set loses, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import Record, mmdb_bytes

from resolverd.admin.served import ReloadReport
from resolverd.files.reading import Reads
from resolverd.kept.directory import StateDirectory
from resolverd.kept.files import KeptFiles
from resolverd.kept.keeper import Keeper
from resolverd.publishing.disk import GenerationFiles
from resolverd.restoration import Restoration, _adopted
from resolverd.snapshot.inputs import DATABASES, Inputs, load_inputs
from resolverd.snapshot.kept_maps import KeptMaps

OWN = """\
[server]
coordinates = [50.1, 8.7]
state = "state"
geoip = ["city.mmdb", "asn.mmdb"]
[admin]
socket = ""
[fleet]
urls = ["nats://127.0.0.1:4222"]
configuration = "published"
"""
SET = """\
[server]
zones = ["*.zone"]
[region.a]
coordinates = [39.0, -77.5]
[[region.a.endpoint]]
address = ["192.0.2.10"]
url = "http://192.0.2.10:8000"
[service.chat]
regions = ["a"]
[pin.bank]
asn = [64500]
regions = ["a"]
"""
ZONE = "$ORIGIN a.example.\n$TTL 60\n@ SOA ns1 h 1 3600 900 604800 300\n@ NS ns1\n"
ZONE += "ns1 A 192.0.2.53\nchat 60 DYNA chat\n"
PLACE = '[pin.gone]\nsubnets = ["192.0.2.0/24"]\nregions = ["a"]\n'


def write(path: Path, record: Record, kind: str) -> None:
    path.write_bytes(mmdb_bytes({"1.0.0.0/8": record}, kind))


def put(folder: Path, number: int, text: str) -> None:
    generations = GenerationFiles(folder / "state")
    files = {"resolverd.toml": text.encode(), "a.zone": ZONE.encode()}
    generations.switch(generations.write(number, f"{number:064x}", files))


async def begun(folder: Path) -> tuple[Inputs, Inputs]:
    """What is on the disk, and what a start has of it."""
    path, state = folder / "resolverd.toml", StateDirectory(folder / "state")
    reads = Reads()
    inputs = await load_inputs(path, reads=reads)
    keeper = Keeper(state, path)
    restoration = Restoration(path, (), keeper, KeptMaps(None), ReloadReport())
    return inputs, await restoration.holding(inputs, lambda *_: None)


@pytest.mark.parametrize("another", [False, True])
async def test_a_database_without_numbers_is_held_also_with_another_set(
    tmp_path: Path, *, another: bool
) -> None:
    (tmp_path / "resolverd.toml").write_text(OWN)
    put(tmp_path, 1, SET + PLACE)
    write(tmp_path / "city.mmdb", {"country_code": "US"}, "country ipv4")
    write(tmp_path / "asn.mmdb", {"autonomous_system_number": 64500}, "GeoLite2-ASN")
    served, same = await begun(tmp_path)
    assert same is served
    contents = served.reads.take_contents()
    state = StateDirectory(tmp_path / "state")
    KeptFiles(state, tmp_path / "resolverd.toml").save(_adopted(served, contents, ()))
    if another:
        put(tmp_path, 2, SET)
        on_disk, adopted = await begun(tmp_path)
        assert adopted is on_disk, "that a pin is gone was accepted for the fleet"
    write(tmp_path / "asn.mmdb", {"country_code": "US"}, "country ipv4")
    _, held = await begun(tmp_path)
    assert [(each.part, each.held) for each in held.outdated] == [(DATABASES, True)]
    assert held.locator.tells_asns
    assert ("gone" in held.config.pin) != another
