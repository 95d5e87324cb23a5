"""What `resolverd anycast` starts with: its tables of the file, or of the one adopted last.

    the file on disk, where it is accepted                         kept for the next start
    refused: what the daemon adopted last, where that can be read  server.state/adopted
             what this process started with last                   anycast.state/FILE

The daemon starts from what it adopted last where an edit is refused; without the same an edge that
answers would stay withdrawn. Under systemd neither account may read what the other keeps.

    {"version": 1, "config": "/etc/resolverd/resolverd.toml", "at": 1764321000.0, "text": "…"}

What is kept is checked anew when it is read.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from resolverd import log
from resolverd.admin.times import iso
from resolverd.anycast import drain as drains
from resolverd.config.load import LoadedConfig, SetOption, load_tables
from resolverd.config.readable import said
from resolverd.errors import ConfigError
from resolverd.files.reading import MAX_KEPT, Reads, key_of, read_kept
from resolverd.files.replay import ON_DISK, Replay
from resolverd.files.writing import make_directory, replace_file
from resolverd.kept.directory import StateDirectory
from resolverd.kept.files import FOLDER, KeptFiles, UnusableError
from resolverd.kept.locate import state_path

FILE = "anycast-configuration.json"
VERSION = 1
TABLES = ("server", "admin", "fleet", "anycast")
"""What a start depends on: a mistake elsewhere is the daemon's to refuse, which serves on."""


class Kept(NamedTuple):
    """What is run with in the place of a file that is `refused`; `at` in Unix seconds."""

    at: float
    refused: ConfigError


class Started(NamedTuple):
    """A configuration, and its text; `kept` where that is not the file's on disk."""

    loaded: LoadedConfig
    content: bytes
    kept: Kept | None = None


class _Copy(NamedTuple):
    """The text of a configuration that was adopted at `at`, and where it is kept."""

    at: float
    content: bytes
    where: Path


def load(path: Path, options: Sequence[SetOption]) -> Started:
    """The configuration at `path`, or where it is refused, with an event, one that is kept.

    Raises ConfigError, about the file on disk, where nothing is kept that is accepted. Blocks.
    """
    try:
        return _loaded(path, options, ON_DISK)
    except ConfigError as refused:
        return _from_kept(path, options, refused)


def keep(started: Started, path: Path, options: Sequence[SetOption]) -> None:
    """Keep what was started with for the next start; an event where that fails. Blocks."""
    place = place_of(path, options)
    if place is None or started.kept is not None:
        return
    try:
        before = _own(place, path)
    except (OSError, ValueError, KeyError, TypeError):
        before = None  # which is then replaced
    if before is not None and before.content == started.content:
        return
    document = {
        "version": VERSION,
        "config": key_of(path),
        "at": time.time(),
        "text": started.content.decode(),
    }
    try:
        make_directory(place)
        replace_file(place / FILE, json.dumps(document).encode())
    except OSError as error:
        log.get("anycast").warning(
            "files.not_kept",
            reason=f"{place / FILE}: {error.strerror or error}",
            consequence="a start of `resolverd anycast` depends on the file on disk",
        )


def place_of(
    path: Path, options: Sequence[SetOption], environ: Mapping[str, str] = os.environ
) -> Path | None:
    """Where this process keeps things, as far as the file tells it; None: nowhere."""
    written = said(path, "anycast", "state", options)
    return drains.directory(written if isinstance(written, str) else "", path.parent, environ)


def _from_kept(path: Path, options: Sequence[SetOption], refused: ConfigError) -> Started:
    events = log.get("anycast")
    for copy in _copies(path, options):
        try:
            started = _loaded(path, options, _replayed(path, copy.content))
        except ConfigError as worse:
            events.warning(
                "kept.refused", files=[str(copy.where)], problems=str(worse).splitlines()
            )
            continue
        events.error(
            "start.kept",
            reason=f"started with what was adopted at {iso(copy.at)}, as {path} is refused",
            files=[str(path)],
            adopted_at=iso(copy.at),
            problems=str(refused).splitlines(),
            consequence="what was edited takes effect at a start that accepts it",
        )
        return started._replace(kept=Kept(copy.at, refused))
    raise refused


def _replayed(path: Path, content: bytes) -> Replay:
    return Replay({key_of(path): lambda: content})


def _loaded(path: Path, options: Sequence[SetOption], replay: Replay) -> Started:
    reads = Reads(replay=replay)
    with reads.noted():
        loaded = load_tables(path, TABLES, options)
    return Started(loaded, reads.contents[key_of(path)])


def _copies(path: Path, options: Sequence[SetOption]) -> Iterator[_Copy]:
    """What is kept of the file, the daemon's first; an event for what cannot be used."""
    places: list[tuple[Path | None, Callable[[Path, Path], _Copy | None]]] = [
        (state_path(path, options, environ={}), _of_daemon),
        (place_of(path, options), _own),
    ]
    for where, read in places:
        if where is None:
            continue
        try:
            copy = read(where, path)
        except (OSError, UnusableError, ValueError, KeyError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            log.get("anycast").warning("kept.unusable", reason=f"{where}: {reason}")
        else:
            if copy is not None:
                yield copy


def _of_daemon(state: Path, path: Path) -> _Copy | None:
    """Raises UnusableError or OSError."""
    kept = KeptFiles(StateDirectory(state), path)
    manifest = kept.manifest()
    if manifest is None:
        return None
    return _Copy(manifest.at, kept.content(manifest, path), state / FOLDER)


def _own(place: Path, path: Path) -> _Copy | None:
    """Raises OSError, ValueError, KeyError or TypeError."""
    try:
        tree = json.loads(read_kept(place / FILE, MAX_KEPT))
    except FileNotFoundError:
        return None
    if tree["version"] != VERSION or tree["config"] != key_of(path):
        raise ValueError(f"{FILE} is of another version or configuration")
    return _Copy(float(tree["at"]), str(tree["text"]).encode(), place / FILE)
