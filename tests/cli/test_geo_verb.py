"""`resolverd geo lookup` and `resolverd geo fetch --url`, against a server on loopback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cli.command import TIMEOUT, environment, resolverd
from mmdb_writer import mmdb_bytes

CITY = mmdb_bytes(
    {"1.0.0.0/8": {"country_code": "JP", "latitude": 35.7, "longitude": 139.7}}, "city ipv4"
)
FILES = {"/city.mmdb": CITY, "/dbip-city.mmdb": CITY, "/half.mmdb": CITY[:-60]}


@pytest.fixture
async def mirror() -> AsyncIterator[TestServer]:
    """Serves `FILES`, and 404 for anything else."""

    async def answer(request: web.Request) -> web.Response:
        if request.path not in FILES:
            raise web.HTTPNotFound
        return web.Response(body=FILES[request.path])

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


def _listed(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def _fetch(mirror: TestServer, name: str, cwd: Path, *into: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "resolverd", "geo", "fetch", *into),
        *("--url", str(mirror.make_url(name))),
        cwd=cwd,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT):
        out, err = await process.communicate()
    assert b"Traceback" not in err
    assert b"\x1b" not in out + err
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_fetched_database_is_installed_and_named_for_the_configuration(
    mirror: TestServer, tmp_path: Path
) -> None:
    expected = await _fetch(mirror, "/city.mmdb", tmp_path)
    assert expected == (0, 'installed; name it in resolverd.toml:\n  geoip = ["city.mmdb"]\n', "")
    assert (tmp_path / "city.mmdb").read_bytes() == CITY


async def test_the_attribution_that_a_licence_asks_for_is_shown(
    mirror: TestServer, tmp_path: Path
) -> None:
    status, out, _ = await _fetch(mirror, "/dbip-city.mmdb", tmp_path, "geo")
    assert status == 0
    assert 'geoip = ["geo/dbip-city.mmdb"]' in out
    assert "IP Geolocation by DB-IP" in out


@pytest.mark.parametrize(("name", "expected"), [("/half.mmdb", "half.mmdb"), ("/x.mmdb", "404")])
async def test_what_is_broken_or_missing_is_not_installed(
    mirror: TestServer, tmp_path: Path, name: str, expected: str
) -> None:
    before = _listed(tmp_path)
    status, out, err = await _fetch(mirror, name, tmp_path)
    assert (status, out) == (3, "")
    assert err.startswith("resolverd: ")
    assert expected in err
    assert _listed(tmp_path) == before


def test_lookup_lines_up_long_and_short_addresses_and_what_is_unplaced(place: Path) -> None:
    long = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
    ran = resolverd(
        "geo", "lookup", "--database", "city.mmdb", "1.2.3.4", "9.9.9.9", "2002:101:101::", long,
        cwd=place,
    )  # fmt: skip
    header, *rows = ran.out.splitlines()
    assert rows[0].split() == ["1.2.3.4", "1.0.0.0/8", "JP", "35.7", "139.7", "-", "city.mmdb"]
    columns = "address network country latitude longitude accuracy_radius_km doubt source"
    assert header.split() == columns.split()
    assert len(rows) == 4
    at = header.index("country")
    assert [row[at:].split()[0] for row in rows] == ["JP", "-", "JP", "-"]


def test_lookup_in_json_has_null_for_what_is_unplaced(place: Path) -> None:
    ran = resolverd(
        "geo", "lookup", "--json", "--database", "city.mmdb", "1.2.3.4", "9.9.9.9", cwd=place
    )
    known, unknown = ran.json()["addresses"]
    assert known == {
        "address": "1.2.3.4", "network": "1.0.0.0/8", "country": "JP",
        "latitude": 35.7, "longitude": 139.7, "accuracy_radius_km": None, "doubt": "",
        "source": "city.mmdb", "asn": None,
    }  # fmt: skip
    assert (unknown["country"], unknown["latitude"], unknown["source"]) == (None, None, None)


def test_lookup_without_a_database_asks_the_embedded_one(tmp_path: Path) -> None:
    ran = resolverd("geo", "lookup", "133.11.1.1", cwd=tmp_path)
    cells = ran.out.splitlines()[1].split()
    assert (cells[2], cells[-1]) == ("JP", "dbip-city-compact.mmdb")


def test_lookup_tells_the_autonomous_system_where_a_database_has_it(place: Path) -> None:
    content = mmdb_bytes({"1.2.0.0/16": {"autonomous_system_number": 64500}}, "GeoLite2-ASN")
    (place / "asn.mmdb").write_bytes(content)
    databases = ("--database", "city.mmdb", "--database", "asn.mmdb")
    ran = resolverd("geo", "lookup", "--json", *databases, "1.2.3.4", "1.3.3.4", cwd=place)
    found = [(row["network"], row["country"], row["asn"]) for row in ran.json()["addresses"]]
    assert found == [("1.2.0.0/16", "JP", 64500), ("1.3.0.0/16", "JP", None)]
