"""Which files the patterns of `server.zones` mean, and their text.

`resolverd.files.reading` reads them, and refuses what is no regular file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from resolverd.errors import Problem, ResolverdError
from resolverd.files.many import read_files
from resolverd.files.matching import match, real_paths
from resolverd.files.reading import MAX_ZONE, digest_of, read_file
from resolverd.zone.catalogue import problem
from resolverd.zone.source import FilePosition, SourceFile


class UnreadableError(ResolverdError):
    """A file that cannot be read; `place` is set where something inside it is to blame."""

    def __init__(
        self, id_: str, message: str, hint: str, position: FilePosition | None = None
    ) -> None:
        super().__init__(message)
        self.id, self.message, self.hint, self.position = id_, message, hint, position


def match_files(patterns: Sequence[str], base: Path) -> tuple[list[Path], list[Problem]]:
    """The files that each pattern matches, sorted, each once; hidden files only by name."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        try:
            matched = match(base, pattern)
        except OSError as error:
            problems.append(_unlisted(str(base / pattern), error))
            continue
        problems += [_unlisted(path, error) for path, error in matched.unlisted.items()]
        if not matched.paths:
            problems.append(
                problem(
                    "zone-no-file",
                    FilePosition(str(base / pattern), 0, 0, ""),
                    f'no file matches "{pattern}"',
                    "create the file, or correct server.zones",
                )
            )
        paths = [Path(path) for path in matched.paths]
        for name, path in zip(real_paths(paths), paths, strict=True):
            files.setdefault(name, path)
    return list(files.values()), problems


def read_sources(paths: Sequence[Path]) -> Iterator[Callable[[], SourceFile]]:
    """For each path, in order, what gives `read_source` of it; the files are read together."""
    for path, outcome in zip(paths, read_files(paths, MAX_ZONE), strict=True):
        yield partial(_source, path, outcome)


def read_source(path: Path) -> SourceFile:
    """The text of the file at `path`, and its digest. Raises UnreadableError; blocks."""
    try:
        outcome: bytes | OSError = read_file(path, MAX_ZONE)
    except OSError as error:
        outcome = error
    return _source(path, outcome)


def _source(path: Path, read: bytes | OSError) -> SourceFile:
    """The source of what was read at `path`. Raises UnreadableError."""
    try:
        content = _content(read)
    except OSError as error:
        raise UnreadableError(
            "zone-unreadable",
            f"cannot be read: {error.strerror or error}",
            'it is a directory: name the files in it, as in "zones/*.zone"'
            if isinstance(error, IsADirectoryError)
            else "correct the path or the file's permissions",
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "zone-encoding",
            f"byte 0x{content[error.start]:02X} is not UTF-8",
            "save the file as UTF-8, or write the byte as \\DDD",
            _byte_place(path, content, error.start),
        ) from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return SourceFile(path, text, digest_of(content))


def _content(read: bytes | OSError) -> bytes:
    if isinstance(read, OSError):
        raise read
    return read


def _unlisted(path: str, error: OSError) -> Problem:
    return problem(
        "zone-unreadable",
        FilePosition(path, 0, 0, ""),
        f"cannot be listed: {error.strerror or error}",
        "see that its file system answers and the daemon's user may list it, "
        "or correct server.zones",
    )


def _byte_place(path: Path, content: bytes, offset: int) -> FilePosition:
    before = content[:offset]
    start = before.rfind(b"\n") + 1
    end = content.find(b"\n", offset)
    line = content[start:] if end < 0 else content[start:end]
    column = len(content[start:offset].decode("utf-8-sig" if start == 0 else "utf-8")) + 1
    shown = line.decode("utf-8-sig" if start == 0 else "utf-8", "replace").rstrip("\r")
    return FilePosition(str(path), before.count(b"\n") + 1, column, shown)
