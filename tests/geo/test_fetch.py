"""Fetching databases: by URL from a local server, by geoipupdate."""

from __future__ import annotations

import gzip
import io
import socket
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from database_archives import ASN, BROKEN, SOUND, contents, silent, tarball
from mmdb_writer import mmdb_bytes

from resolverd.errors import GeoError
from resolverd.geo.attribution import MAXMIND
from resolverd.geo.database import Database
from resolverd.geo.fetch import DatabaseSource, fetch
from resolverd.geo.unpack import mmdb_name, unpack

FILES = {
    "city.mmdb": SOUND,
    "city.mmdb.gz": gzip.compress(SOUND),
    "city.tar.gz": tarball({"GeoLite2/README": b"hi", "GeoLite2/city.mmdb": SOUND}),
    "city.tgz": tarball({"../../city.mmdb": SOUND}),
    "city.tar": tarball({"city.mmdb": SOUND}, "w"),
    "both.tgz": tarball({"p/city-ipv6.mmdb": SOUND, "p/city-ipv4.mmdb": SOUND}),
    "mixed.tgz": tarball({"city-ipv4.mmdb": SOUND, "city-ipv6.mmdb": BROKEN}),
    "truncated.mmdb": SOUND[:-400],
    "truncated.mmdb.gz": gzip.compress(SOUND)[:-200],
    "truncated.tgz": tarball({"city.mmdb": SOUND})[:-300],
    "broken.mmdb": BROKEN,
    "asn.mmdb": ASN,
    "empty.mmdb": b"",
    "html.mmdb": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "nothing.tgz": tarball({"README": b"hi"}),
    "bomb.mmdb.gz": gzip.compress(bytes(3_000_000)),
}


async def serve_file(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in FILES:
        raise web.HTTPNotFound
    return web.Response(body=FILES[name], content_type="application/octet-stream")


async def serve_endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(10_000):
        await response.write(bytes(100_000))
    return response


async def serve_half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(SOUND))})
    await response.prepare(request)
    await response.write(SOUND[: len(SOUND) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/endless.mmdb", serve_endless)
    app.router.add_get("/half.mmdb", serve_half)
    app.router.add_get("/{name}", serve_file)
    running = TestServer(app)
    await running.start_server()
    yield running
    await running.close()


def url(server: TestServer, name: str) -> DatabaseSource:
    return DatabaseSource("url", url=str(server.make_url(f"/{name}?edition=x")))


@pytest.mark.parametrize(
    "name", ["city.mmdb", "city.mmdb.gz", "city.tar.gz", "city.tgz", "city.tar"]
)
async def test_every_packing_installs_the_same_database(
    server: TestServer, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "geo"
    assert await fetch(url(server, name), target, silent) == [target / "city.mmdb"]
    assert (target / "city.mmdb").read_bytes() == SOUND
    assert [path.name for path in target.iterdir()] == ["city.mmdb"]
    assert not (tmp_path / "city.mmdb").exists()


async def test_progress_tells_both_stages_to_their_end(server: TestServer, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int | None]] = {}

    def note(stage: str, done: int, total: int | None) -> None:
        seen[stage] = (done, total)

    await fetch(url(server, "city.mmdb"), tmp_path, note)
    assert seen == {"download": (len(SOUND), len(SOUND)), "check": (len(SOUND), len(SOUND))}


async def test_one_file_per_family_installs_both_in_order(
    server: TestServer, tmp_path: Path
) -> None:
    found = await fetch(url(server, "both.tgz"), tmp_path, silent)
    assert [path.name for path in found] == ["city-ipv4.mmdb", "city-ipv6.mmdb"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.mmdb", "the server answered 404 Not Found"),
        ("truncated.mmdb", "truncated|damaged"),
        ("truncated.mmdb.gz", "damaged or incomplete"),
        ("truncated.tgz", "damaged or incomplete"),
        ("half.mmdb", "the download failed"),
        ("broken.mmdb", "search tree"),
        ("mixed.tgz", "city-ipv6.mmdb: its search tree"),
        ("asn.mmdb", '"domain ipv4" has no places'),
        ("empty.mmdb", "no MaxMind DB metadata"),
        ("html.mmdb", "DOCTYPE html"),
        ("nothing.tgz", "holds no .mmdb file"),
        ("bomb.mmdb.gz", "unpacks to more than the 1000000 bytes"),
        ("endless.mmdb", "more than the 1000000 bytes"),
    ],
)
async def test_what_is_wrong_is_refused_and_the_old_one_stays(
    server: TestServer, tmp_path: Path, name: str, reason: str
) -> None:
    for kept in (name.partition(".")[0] + ".mmdb", "city-ipv4.mmdb"):
        (tmp_path / kept).write_bytes(SOUND)
    before = contents(tmp_path)
    with pytest.raises(GeoError, match=reason):
        await fetch(url(server, name), tmp_path, silent, max_bytes=1_000_000)
    assert contents(tmp_path) == before


def _below(path: Path) -> list[str]:
    return [each.name for each in path.rglob("*")]


async def test_a_directory_is_there_only_once_a_database_is(
    server: TestServer, tmp_path: Path
) -> None:
    deep = tmp_path / "a" / "b" / "c"
    with pytest.raises(GeoError, match="DOCTYPE html"):
        await fetch(url(server, "html.mmdb"), deep, silent)
    assert _below(tmp_path) == []
    (tmp_path / "a").mkdir()
    with pytest.raises(GeoError, match="DOCTYPE html"):
        await fetch(url(server, "html.mmdb"), deep, silent)
    assert _below(tmp_path) == ["a"]
    assert await fetch(url(server, "city.mmdb"), deep, silent) == [deep / "city.mmdb"]


async def test_a_file_announced_too_big_is_not_even_read(
    server: TestServer, tmp_path: Path
) -> None:
    with pytest.raises(GeoError, match=f"{len(SOUND)} bytes, more than the 100 allowed"):
        await fetch(url(server, "city.mmdb"), tmp_path, silent, max_bytes=100)


async def test_a_server_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(GeoError, match="the download failed"):
        await fetch(DatabaseSource("url", url=f"http://127.0.0.1:{port}/x.mmdb"), tmp_path, silent)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://a/b.mmdb", "city.mmdb"])
async def test_only_http_is_fetched(tmp_path: Path, address: str) -> None:
    with pytest.raises(GeoError, match="not an http or https URL"):
        await fetch(DatabaseSource("url", url=address), tmp_path, silent)


async def test_an_installed_database_replaces_an_open_one_whole(
    server: TestServer, tmp_path: Path
) -> None:
    old = tmp_path / "city.mmdb"
    old.write_bytes(mmdb_bytes({"10.0.0.0/8": {"country_code": "DE"}}))
    with old.open("rb") as held:
        await fetch(url(server, "city.mmdb"), tmp_path, silent)
        assert b"DE" in held.read()  # the old file was unlinked, not written to
    assert Database.open(old).locate(10 << 24, 32).length == 16


async def test_a_directory_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GeoError, match="cannot be written"):
        await fetch(
            DatabaseSource("url", url="http://localhost/x"), tmp_path / "file" / "geo", silent
        )


async def test_a_program_that_fails_or_hangs_is_said_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOIPUPDATE_ACCOUNT_ID", "1")
    monkeypatch.setenv("GEOIPUPDATE_LICENSE_KEY", "key")
    program(tmp_path, monkeypatch, "geoipupdate", "echo E404 not found >&2; exit 7")
    with pytest.raises(GeoError, match="geoipupdate failed with status 7: E404 not found"):
        await fetch(DatabaseSource("maxmind"), tmp_path / "geo", silent)
    program(tmp_path, monkeypatch, "geoipupdate", "exec cat /dev/zero > /dev/null")
    with pytest.raises(GeoError, match=r"geoipupdate did not end within 0\.2 s"):
        await fetch(DatabaseSource("maxmind"), tmp_path / "geo", silent, timeout=0.2)


async def test_a_missing_program_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GEOIPUPDATE_ACCOUNT_ID", "1")
    monkeypatch.setenv("GEOIPUPDATE_LICENSE_KEY", "key")
    with pytest.raises(GeoError, match="geoipupdate is not installed; install"):
        await fetch(DatabaseSource("maxmind"), tmp_path / "geo", silent)


async def test_maxmind_without_an_account_is_an_error_that_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEOIPUPDATE_ACCOUNT_ID", raising=False)
    with pytest.raises(GeoError, match="set GEOIPUPDATE_ACCOUNT_ID and GEOIPUPDATE_LICENSE_KEY"):
        await fetch(DatabaseSource("maxmind"), tmp_path / "geo", silent)


async def test_geoipupdate_is_given_the_account_and_its_database_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: Path
) -> None:
    city = corpus / "GeoLite2-City-Test.mmdb"
    program(
        tmp_path,
        monkeypatch,
        "geoipupdate",
        f'cp "$2" {tmp_path}/seen.conf; cp {city} "$4/GeoLite2-City.mmdb"',
    )
    monkeypatch.setenv("GEOIPUPDATE_ACCOUNT_ID", "4711")
    monkeypatch.setenv("GEOIPUPDATE_LICENSE_KEY", "secret")
    (found,) = await fetch(DatabaseSource("maxmind"), tmp_path / "geo", silent)
    assert found.read_bytes() == city.read_bytes()
    assert (tmp_path / "seen.conf").read_text().split("\n")[:3] == [
        "AccountID 4711",
        "LicenseKey secret",
        "EditionIDs GeoLite2-City",
    ]
    names = sorted(path.name for path in (tmp_path / "geo").iterdir())
    assert names == ["GeoLite2-City.mmdb", "GeoLite2-City.mmdb.attribution.txt"]
    assert (tmp_path / "geo" / names[1]).read_text().strip() == MAXMIND


def program(where: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put a shell script first on the PATH."""
    folder = where / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/city.mmdb", "city.mmdb"),
        ("/a/city.mmdb.gz", "city.mmdb"),
        ("/download", "download.mmdb"),
        ("/", "database.mmdb"),
        ("/a/..", "database.mmdb"),
        ("/a/ci ty;.mmdb", "ci_ty_.mmdb"),
        ("/.hidden.mmdb", "hidden.mmdb"),
    ],
)
def test_a_database_gets_a_safe_name(path: str, name: str) -> None:
    assert mmdb_name(path) == name


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        link = tarfile.TarInfo("city.mmdb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    archive = tmp_path / "archive"
    archive.write_bytes(packed.getvalue())
    with pytest.raises(GeoError, match=r"holds no \.mmdb file"):
        unpack(archive, "x.tar", tmp_path / "out", 1000)
