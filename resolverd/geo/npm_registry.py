"""A package out of a registry of npm's, whose document says where the archive is, and its SHA-512.

GET REGISTRY/@SCOPE%2FNAME: the newest version, its archive and SHA-512 ─► GET the archive
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from resolverd.errors import GeoError
from resolverd.files.reading import read_file
from resolverd.geo.download import OnProgress, get_url

REGISTRY = "https://registry.npmjs.org"

# The document that npm itself asks for when it installs; without that it is many times as long.
_WANTED = {
    "Accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8",
    "Accept-Encoding": "identity",
}
_MAX_DOCUMENT = 64 << 20


class Archive(NamedTuple):
    """Where a package is, and the SHA-512 of its archive."""

    url: str
    sha512: bytes


async def get_package(
    registry: str,
    name: str,
    target: Path,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109
    on_progress: OnProgress,
) -> None:
    """Write the archive of a package's newest version to `target`, once it is the one meant.

    At most `max_bytes` bytes within `timeout` seconds. Raises GeoError; blocks nobody.
    """
    begun = time.monotonic()
    document = target.with_suffix(".json")
    url = f"{registry.rstrip('/')}/{quote(name, safe='@')}"
    await get_url(url, document, _MAX_DOCUMENT, timeout, _unseen, headers=_WANTED)
    content = await asyncio.to_thread(read_file, document, _MAX_DOCUMENT)
    archive = archive_of(content, url)
    left = max(1.0, timeout - (time.monotonic() - begun))
    await get_url(archive.url, target, max_bytes, left, on_progress)
    if await asyncio.to_thread(_sha512_of, target) != archive.sha512:
        raise GeoError(
            f"{archive.url}: not what {registry} says it is (SHA-512); try again, and if it stays "
            "so, tell who runs that registry"
        )


def archive_of(document: bytes, url: str) -> Archive:
    """The archive of the newest version, by the document of a package that `url` has.

    Raises GeoError where that says none, or no SHA-512 of it.
    """
    try:
        said = json.loads(document)
        dist = said["versions"][said["dist-tags"]["latest"]]["dist"]
        archive, integrity = dist["tarball"], dist["integrity"]
        found = next(_sha512s(integrity), None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GeoError(f"{url}: it is no package of a registry of npm's") from error
    if found is None or not isinstance(archive, str):
        raise GeoError(f"{url}: it gives no SHA-512 of the package; take another registry")
    return Archive(archive, found)


def _sha512s(integrity: str) -> Iterator[bytes]:
    """Those among the hashes of a W3C Subresource Integrity text."""
    for each in integrity.split():
        algorithm, _, encoded = each.partition("?")[0].partition("-")
        if algorithm == "sha512":
            digest = base64.b64decode(encoded, validate=True)
            if len(digest) == hashlib.sha512().digest_size:
                yield digest


def _sha512_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").digest()


def _unseen(_done: int, _total: int | None) -> None:
    """The document is not what is waited for."""
