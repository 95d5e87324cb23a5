"""Each server's configuration holds the world it is to serve."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dns.zone
import pytest

from bench.peers.bind import Bind
from bench.peers.gdnsd import Gdnsd
from bench.peers.knot import Knot
from bench.peers.nsd import Nsd
from bench.peers.pdns import Pdns
from bench.peers.process import cpu_ns, resident_bytes, tree
from bench.peers.resolverd import Resolverd
from bench.peers.roster import ALL, ECHO, named
from bench.peers.server import Server, Site, free_port
from bench.peers.world import STATIC_ADDRESS, World
from resolverd.config.load import load_config
from resolverd.geo.countries import countries

_PORT = 5399
_CONFIGS: list[tuple[Server, str]] = [
    (Gdnsd(), "config"),
    (Knot(), "knot.conf"),
    (Nsd(), "nsd.conf"),
    (Pdns(), "pdns.conf"),
    (Bind(), "named.conf"),
    (Resolverd("reference"), "resolverd.toml"),
]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, _PORT, 2, World(Path("/city.mmdb"), zones=3), health=(8001, 8002))


def test_whoever_waits_for_a_start_makes_the_name_of_one_zone_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.world.last_origin == [*site.world.origins()][-1]

    def made(_: World) -> None:
        raise AssertionError("all of them are made")

    monkeypatch.setattr(World, "origins", made)
    assert not Nsd().answers(replace(site, port=free_port()))


@pytest.mark.parametrize(("server", "name"), _CONFIGS, ids=[name for _, name in _CONFIGS])
def test_a_configuration_says_where_to_listen(server: Server, name: str, site: Site) -> None:
    server.write(site)
    text = (site.place / name).read_text()
    assert str(_PORT) in text
    assert "127.0.0.1" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("server", [Nsd(), Bind(), Knot()], ids=lambda server: server.name)
def test_zones_are_sound_master_files(server: Server, site: Site) -> None:
    server.write(replace(site, serial=7))
    files = sorted(site.zones.iterdir())
    assert len(files) == 3
    for origin, path in zip(site.world.origins(), files, strict=True):
        zone = dns.zone.from_text(path.read_text(), origin=None, relativize=False)
        assert zone.origin is not None
        assert zone.origin.to_text() == f"{origin}."
        assert zone.get_soa().serial == 7
        (www,) = zone.find_rdataset(f"www.{origin}.", "A")
        assert www.to_text() == STATIC_ADDRESS


@pytest.mark.parametrize("zones", [1, 3])
def test_every_zone_is_in_the_servers_list(site: Site, zones: int) -> None:
    site = replace(site, world=replace(site.world, zones=zones))
    for server, name in ((Nsd(), "nsd.conf"), (Bind(), "named.conf"), (Pdns(), "zones.yaml")):
        server.write(site)
        text = (site.place / name).read_text()
        assert [f"z{n:04}.example" in text for n in range(4)] == [n < zones for n in range(4)]


def test_knot_and_pdns_send_each_country_to_its_nearest_region(site: Site) -> None:
    nearest = site.world.by_country()
    assert set(nearest) == set(countries())
    assert nearest["JP"].name == "ap-northeast"
    assert nearest["FR"].name == "eu-west"
    Knot().write(site)
    Pdns().write(site)
    knot, pdns = ((site.place / name).read_text() for name in ("geo.conf", "zones.yaml"))
    for code, region in nearest.items():
        assert f"  - geo: {code}\n    A: {region.address}\n" in knot
        assert f"  {code.lower()}: {region.name}\n" in pdns


def test_gdnsd_knows_where_its_regions_stand(site: Site) -> None:
    Gdnsd().write(site)
    text = (site.place / "config").read_text()
    for region in site.world.places():
        assert f"{region.name} => [ {region.north}, {region.east} ]" in text
        assert f"{region.name} => {region.address}" in text


@pytest.mark.parametrize("regions", [4, 200])
@pytest.mark.parametrize("database", [None, Path("/city.mmdb")])
def test_resolverds_configuration_is_one_that_it_takes(
    site: Site, regions: int, database: Path | None
) -> None:
    world = World(database, zones=2, regions=regions, services=3)
    Resolverd("reference").write(replace(site, world=world))
    config = load_config(site.place / "resolverd.toml").config
    assert len(config.region) == regions
    assert set(config.service) == {"geo", "s001", "s002"}
    assert len(config.server.geoip) == (database is not None)


def test_regions_are_spread_and_have_addresses_of_their_own() -> None:
    places = World(regions=200).places()
    assert len({region.name for region in places}) == 200
    assert len({region.address for region in places}) == 200
    assert all(abs(r.north) <= 90 and abs(r.east) <= 180 for r in places)
    assert len({(round(r.north), round(r.east)) for r in places}) > 190


def test_servers_are_chosen_by_name_in_the_order_of_the_table() -> None:
    assert named(["nsd", "echo"]) == [ECHO, next(s for s in ALL if s.name == "nsd")]
    assert [server.name for server in named(["resolverd-reference"])] == ["resolverd reference"]
    with pytest.raises(ValueError, match="no server is called nobody"):
        named(["nobody"])


def test_the_use_of_a_process_includes_what_is_below_it() -> None:
    script = (
        "import subprocess, sys; sum(range(3_000_000)); print('', flush=True)\n"
        "subprocess.run([sys.executable, '-c', 'print(flush=True); input()'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        assert len(tree(process.pid)) == 2
        assert process.pid not in tree(process.pid)[1:]
        assert cpu_ns(process.pid) > 10_000_000
        assert resident_bytes(process.pid) > 2**20
        assert process.pid in tree(os.getpid())
        process.communicate(b"\n", timeout=60)
    assert cpu_ns(process.pid) == 0


def test_what_threads_have_used_is_not_forgotten_when_they_end() -> None:
    script = (
        "import threading, time\n"
        "def use():\n"
        "    until = time.thread_time() + 0.1\n"
        "    while time.thread_time() < until: pass\n"
        "thread = threading.Thread(target=use); thread.start(); thread.join()\n"
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert cpu_ns(process.pid) > 100_000_000
        process.communicate(b"\n", timeout=60)
