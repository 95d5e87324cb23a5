"""The files adopted last, so that a start can do without those on disk.

    server.state/adopted/manifest.json   which files, what each glob matched, and their digests
    server.state/adopted/<sha256>        the content of each, databases too

    {"version": 1, "config": "/etc/resolverd/resolverd.toml", "at": 1764321000.0,
     "files": {path: sha256}, "zones": {master file: [master file, included, …]},
     "globs": [[directory, pattern, [path, …]]], "databases": {path: sha256}}

Tables of round-trip times are kept as databases are: they are as large, and not held in memory.
Contents are written and synchronised first, then the manifest is replaced, and then what it does
not name is removed: a crash leaves the old generation or the new one. What is read is believed only
where its digest is right.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from resolverd.errors import Problem, errors_among
from resolverd.files.large import copy_file, digest_file
from resolverd.files.reading import MAX_DATABASE, digest_of, key_of
from resolverd.files.replay import Replay
from resolverd.kept.directory import StateDirectory

VERSION = 1
FOLDER = "adopted"
MANIFEST = f"{FOLDER}/manifest.json"


class UnusableError(Exception):
    """What is kept cannot be used; the message is the reason."""


class Adopted(NamedTuple):
    """One adoption, as far as it has to be kept. Paths are absolute.

    `held` are the files that are served as they were kept before: of zones the master files, of
    the configuration its files, and databases.
    """

    contents: Mapping[str, bytes]
    zones: Mapping[str, list[str]]
    globs: Mapping[tuple[str, str], list[str]]
    databases: Mapping[str, str]
    held: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is kept; `at` is when it was adopted, in Unix seconds."""

    at: float
    files: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, list[str]] = field(default_factory=dict)
    globs: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)

    @property
    def objects(self) -> set[str]:
        """The SHA-256 of all contents that the manifest names: the files that have to be there."""
        return {*self.files.values(), *self.databases.values()}


class _AnotherError(Exception):
    """A file is not what it was when it was adopted."""


class KeptFiles:
    """The files of the configuration at `config` that were adopted last, in `directory`."""

    def __init__(self, directory: StateDirectory, config: Path) -> None:
        self.directory = directory
        self._config = key_of(config)

    def manifest(self) -> Manifest | None:
        """What is kept, None where nothing is. Raises UnusableError; blocks."""
        try:
            document = json.loads(self.directory.read(MANIFEST))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UnusableError(f"it cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise UnusableError(f"it is damaged: {error}") from error
        return _manifest_read(document, self._config)

    def save(self, adopted: Adopted) -> Manifest | None:
        """Keep these in the place of what was kept; None where there is no `server.state`.

        Raises OSError, with what was kept left as it was; blocks.
        """
        if self.directory.path is None:
            return None
        try:
            before = self.manifest() or Manifest(0.0)
        except UnusableError:
            before = Manifest(0.0)
        files = {path: digest_of(content) for path, content in adopted.contents.items()}
        for held in adopted.held:
            paths = before.zones.get(held, [held])
            files |= {path: before.files[path] for path in paths if path in before.files}
        # One that is held and was never kept lies in memory alone: what is on disk was refused.
        databases = {
            path: before.databases[path] if path in adopted.held else digest
            for path, digest in adopted.databases.items()
            if path not in adopted.held or path in before.databases
        }
        known = files.keys() | databases.keys()
        globs = {
            glob: sorted(known.intersection([*before.globs.get(glob, []), *paths]))
            for glob, paths in adopted.globs.items()
        }
        now = Manifest(time.time(), files, adopted.zones, globs, databases)
        if _same(before, now):
            return before
        fresh = {
            digest_of(content): content
            for content in adopted.contents.values()
            if digest_of(content) not in before.objects
        }
        for digest, content in fresh.items():
            self.directory.write_unsynchronised(f"{FOLDER}/{digest}", content)
        self.directory.synchronise([f"{FOLDER}/{digest}" for digest in fresh])
        copied = {
            path: digest
            for path, digest in databases.items()
            if digest in before.objects or self._copy(path, digest)
        }
        now = Manifest(now.at, files, now.zones, now.globs, copied)
        text = json.dumps(_manifest_written(now, self._config), indent=1, sort_keys=True)
        self.directory.write(MANIFEST, text.encode())
        for name in set(self.directory.names(FOLDER)) - now.objects - {Path(MANIFEST).name}:
            self.directory.remove(f"{FOLDER}/{name}")
        return now

    def replays(
        self, manifest: Manifest, problems: Sequence[Problem]
    ) -> Iterator[tuple[list[str], Replay]]:
        """What to lay over the files on disk, which have these `problems`: the least first.

        Each with the files that it replaces; the last replaces all of them.
        """
        if (minimal := self._minimal(manifest, problems)) is not None:
            yield minimal
        everything = sorted({*manifest.files, *manifest.databases})
        yield (
            everything,
            Replay(
                self._contents(manifest, manifest.files),
                manifest.globs,
                places=self._places(manifest.databases),
            ),
        )

    def _minimal(
        self, manifest: Manifest, problems: Sequence[Problem]
    ) -> tuple[list[str], Replay] | None:
        """What replaces only the zones, databases and tables that are refused.

        None if that is not all.
        """
        master_of = {path: master for master, paths in manifest.zones.items() for path in paths}
        masters, hidden = set(), set()
        databases: dict[str, str] = {}
        for problem in errors_among(problems):
            path = key_of(Path(problem.file))
            if problem.id == "geo-refused":
                databases |= manifest.databases
            elif problem.id.startswith("rtt-") and path in manifest.databases:
                databases[path] = manifest.databases[path]
            elif path in master_of:
                masters.add(master_of[path])
            elif problem.id.startswith("zone-") and problem.id != "zone-no-file":
                hidden.add(path)
            else:
                return None
        if not (masters or hidden or databases):
            return None  # they are not refused for what they say: see `DefectError`
        if hidden and any(not Path(master).exists() for master in manifest.zones):
            return None  # a zone that was kept may have moved to the file that is refused
        replaced = {path for master in masters for path in manifest.zones[master]}
        places = self._places(databases)
        return sorted({*replaced, *places, *hidden}), Replay(
            self._contents(manifest, replaced), hidden=hidden, places=places
        )

    def copy_of(self, digest: str) -> Path | None:
        """Where what was kept with this SHA-256 lies, if anything is kept; it may be gone."""
        return None if self.directory.path is None else self._place(digest)

    def content(self, manifest: Manifest, path: Path) -> bytes:
        """What was kept of a file of the manifest. Raises OSError, also if damaged; blocks."""
        return self._object(manifest.files[key_of(path)])

    def _contents(
        self, manifest: Manifest, paths: Mapping[str, str] | set[str]
    ) -> dict[str, Callable[[], bytes]]:
        return {
            path: partial(self._object, manifest.files[path])
            for path in paths
            if path in manifest.files
        }

    def _places(self, databases: Mapping[str, str]) -> dict[str, Path]:
        """Where the copy of each database lies whose original is not what it was."""
        return {
            path: self._place(digest)
            for path, digest in databases.items()
            if _digest_on_disk(path) != digest
        }

    def _object(self, digest: str) -> bytes:
        content = self.directory.read(f"{FOLDER}/{digest}")
        if digest_of(content) != digest:
            raise OSError(errno.EIO, "what was kept of it is damaged")
        return content

    def _place(self, digest: str) -> Path:
        assert self.directory.path is not None
        return self.directory.path / FOLDER / digest

    def _copy(self, path: str, digest: str) -> bool:
        """Copy a database; False where the file is another by now, or there is no space."""

        def fill(file: BinaryIO) -> None:
            if copy_file(Path(path), MAX_DATABASE, file.fileno()) != digest:
                raise _AnotherError

        try:
            self.directory.fill(f"{FOLDER}/{digest}", fill)
        except (OSError, _AnotherError):
            return False
        return True


def _same(one: Manifest, other: Manifest) -> bool:
    return (one.files, one.zones, one.globs, one.databases) == (
        other.files,
        other.zones,
        other.globs,
        other.databases,
    )


def _digest_on_disk(path: str) -> str:
    try:
        return digest_file(Path(path), MAX_DATABASE)
    except OSError:
        return ""


def _manifest_written(manifest: Manifest, config: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "config": config,
        "at": manifest.at,
        "files": manifest.files,
        "zones": manifest.zones,
        "globs": [[*glob, paths] for glob, paths in sorted(manifest.globs.items())],
        "databases": manifest.databases,
    }


def _manifest_read(document: Any, config: str) -> Manifest:
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise UnusableError(f"it is not of version {VERSION}")
    if document.get("config") != config:
        raise UnusableError(f"it is of another configuration: {document.get('config')}")
    try:
        manifest = Manifest(
            float(document["at"]),
            {str(path): _digest(text) for path, text in document["files"].items()},
            {str(master): [str(p) for p in paths] for master, paths in document["zones"].items()},
            {(str(d), str(p)): [str(m) for m in paths] for d, p, paths in document["globs"]},
            {str(path): _digest(text) for path, text in document["databases"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableError(f"it is damaged: {type(error).__name__}: {error}") from error
    if config not in manifest.files:
        raise UnusableError("it is damaged: it does not hold the configuration")
    return manifest


def _digest(text: Any) -> str:
    """A digest, and so a name within the folder."""
    if not isinstance(text, str) or len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is no digest")
    return text
