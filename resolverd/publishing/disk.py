"""Generations on this edge's disk, below `server.state`; laid out as `config/published.py` says.

    generations/7-0123456789ab/…     one set, written whole and synchronised before it has its name
    generations/current              a link to the one that is served, replaced at once
    generations/trial.json           {"number": 8, "digest": "…", "good": "7-0123456789ab"}
                                     while 8 is on trial

A crash leaves `current` at one whole set. A trial that is still noted at a start did not end by a
stop of ours: the daemon was killed, or died of it; `recover` puts the last good set back and says
so. Whoever calls makes one change at a time of what is current, noted and removed; `write` may go
on beside it. All of it blocks.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from resolverd.config.published import CURRENT, DEFAULT_ZONES, FOLDER, MAIN, RECORD
from resolverd.config.sources import FRAGMENTS
from resolverd.files.matching import expand
from resolverd.files.reading import MAX_KEPT, digest_of, key_of, read_kept
from resolverd.files.replay import Replay
from resolverd.files.writing import make_directory, replace_file, synchronise
from resolverd.publishing.model import Generation
from resolverd.publishing.packing import digest_of_set

_TRIAL = "trial.json"
_NEW = ".new-"
_SHORT = 12


class OnDisk(NamedTuple):
    """A generation that lies on the disk: its number, its digest, and the name of its directory."""

    number: int
    digest: str
    name: str


class Tried(NamedTuple):
    """A generation that was tried here. Numbers begin again in a fleet that was made anew."""

    number: int
    digest: str

    def is_that(self, generation: Generation) -> bool:
        """Whether it is that one. Notes of earlier releases tell the number alone."""
        return self.number == generation.number and self.digest in ("", generation.digest)


class GenerationFiles:
    """The generations below `state`, of which `current` is served."""

    def __init__(self, state: Path) -> None:
        self.folder = state.absolute() / FOLDER
        self.current_path = self.folder / CURRENT

    def current(self) -> OnDisk | None:
        """The generation that `current` names, if it is there and says what it is."""
        try:
            name = self.current_path.readlink().name
        except OSError:
            return None
        return self.known(name)

    def known(self, name: str) -> OnDisk | None:
        """The generation in the directory of that name."""
        try:
            record = json.loads(read_kept(self.folder / name / RECORD, MAX_KEPT))
            return OnDisk(int(record["number"]), str(record["digest"]), name)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def record_path(self) -> str:
        """The record of the current set, as a load notes it."""
        return str(self.current_path / RECORD)

    def record_digest(self, of: OnDisk) -> str:
        """The SHA-256 of the record of a set; empty where it cannot be read."""
        try:
            return digest_of(read_kept(self.folder / of.name / RECORD))
        except OSError:
            return ""

    def with_record(self, digest: str) -> OnDisk | None:
        """The set whose record has this SHA-256, if it lies here."""
        every = [self.known(p.name) for p in self.folder.iterdir() if not p.is_symlink()]
        return next((each for each in every if each and self.record_digest(each) == digest), None)

    def find(self, number: int, digest: str) -> OnDisk | None:
        """A generation that lies here whole, every octet as it was published."""
        found = self.known(_name(number, digest))
        if found is None or found.digest != digest:
            return None
        try:
            whole = digest_of_set(self.contents(found)) == digest
        except OSError:
            return None
        return found if whole else None

    def write(self, number: int, digest: str, files: Mapping[str, bytes]) -> OnDisk:
        """Put a set beside the others. Raises OSError, with nothing changed."""
        name = _name(number, digest)
        fresh, place = self.folder / f"{_NEW}{name}", self.folder / name
        make_directory(self.folder)
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            record = json.dumps({"number": number, "digest": digest}).encode()
            for path, content in {**files, RECORD: record}.items():
                make_directory((fresh / path).parent)
                replace_file(fresh / path, content, synchronised=False)
            for each in (*fresh.rglob("*"), fresh):  # at the end, so that the disk has all at once
                synchronise(each)
            shutil.rmtree(place, ignore_errors=True)
            fresh.rename(place)
            synchronise(self.folder)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        return OnDisk(number, digest, name)

    def switch(self, to: OnDisk) -> None:
        """Serve `to` from now on, also after a start. Raises OSError, with nothing changed."""
        fresh = self.folder / f".{CURRENT}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(to.name)
        fresh.replace(self.current_path)
        synchronise(self.folder)

    def contents(self, of: OnDisk) -> dict[str, bytes]:
        """The files of a set, less its record. Raises OSError."""
        directory = self.folder / of.name
        return {
            str(path.relative_to(directory)): read_kept(path)
            for path in sorted(directory.rglob("*"))
            if path.is_file() and path != directory / RECORD
        }

    def begin_trial(self, tried: Tried) -> None:
        """Note what is on trial, and what to return to. Raises OSError.

        While another is on trial, that is what this one returned to.
        """
        good = self.current()
        name = good.name if good else ""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            name = str(json.loads(read_kept(self.folder / _TRIAL))["good"])
        note = {**tried._asdict(), "good": name}
        replace_file(self.folder / _TRIAL, json.dumps(note).encode())

    def end_trial(self) -> None:
        """No generation is on trial any more. Raises OSError."""
        (self.folder / _TRIAL).unlink(missing_ok=True)
        if self.folder.is_dir():
            synchronise(self.folder)

    def recover(self) -> Tried | None:
        """Put the last good set back where a trial had not ended, and say which; else None.

        Raises OSError.
        """
        tried: Tried | None = None
        good: OnDisk | None = None
        try:
            note = json.loads(read_kept(self.folder / _TRIAL, MAX_KEPT))
            number, good = int(note["number"]), self.known(str(note["good"]))
            tried = Tried(number, str(note.get("digest", "")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            pass  # then what is current stays
        if good is not None:
            self.switch(good)
        self.end_trial()
        return tried

    def tidy(self, keep: int = 2) -> None:
        """Remove all but the current set and the newest others. Raises OSError."""
        current = self.current()
        found = [self.known(p.name) for p in self.folder.iterdir() if not p.is_symlink()]
        sets = sorted(each for each in found if each is not None)
        for old in sets[:-keep]:
            if current is None or old.name != current.name:
                shutil.rmtree(self.folder / old.name)
        for path in self.folder.glob(f"{_NEW}*"):
            shutil.rmtree(path, ignore_errors=True)

    def replay(self, of: OnDisk, base: Path) -> Replay:
        """What a load reads so that `of` is the current set, for the edge's file in `base`."""
        directory = self.folder / of.name
        paths = [str(path) for path in directory.rglob("*") if path.is_file()]
        fragments = Path(MAIN).with_suffix(".d").name
        globs = {
            (str(self.current_path / fragments), pattern): self._served(
                directory, expand(str(directory / fragments), pattern, _any_step).paths
            )
            for pattern in FRAGMENTS
        }
        for pattern in _zone_patterns(directory / MAIN):
            globs[(key_of(base), f"{self.current_path}/{pattern}")] = self._served(
                directory, expand(str(directory), pattern, _any_step).paths
            )
        contents: dict[str, Callable[[], bytes]] = {
            name: partial(read_kept, Path(path))
            for path, name in zip(paths, self._served(directory, paths), strict=True)
        }
        return Replay(contents, globs)

    def _served(self, directory: Path, paths: Iterable[str]) -> list[str]:
        """The names that files of `directory` have where that is the current set."""
        return [str(self.current_path / Path(path).relative_to(directory)) for path in paths]


def _zone_patterns(main: Path) -> list[str]:
    """`server.zones` of a set; of one that cannot be read, which no load accepts, the default."""
    try:
        text = read_kept(main).decode().removeprefix("\ufeff")
        written = tomllib.loads(text).get("server", {}).get("zones")
    except (OSError, ValueError, AttributeError):
        written = None
    return [str(pattern) for pattern in written] if isinstance(written, list) else [*DEFAULT_ZONES]


def _any_step(_path: str) -> None:
    """What lies below `server.state` is ours, and is not waited for in a thread of its own."""


def _name(number: int, digest: str) -> str:
    return f"{number}-{digest[:_SHORT]}"
