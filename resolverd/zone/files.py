"""Which files the patterns of `server.zones` mean, and their text.

Only regular files are read: a pipe or device would hold up a reload for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from resolverd.errors import Problem, ResolverdError
from resolverd.zone.catalogue import found
from resolverd.zone.source import Place, Source


class UnreadableError(ResolverdError):
    """A file that cannot be read; `place` is set where something inside it is to blame."""

    def __init__(self, id_: str, message: str, mend: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.mend, self.place = id_, message, mend, place


def match_files(patterns: Sequence[str], base: Path) -> tuple[list[Path], list[Problem]]:
    """The files that each pattern matches, sorted, each once; hidden files only by name."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for pattern in patterns:
        matched = sorted(_matches(pattern, base))
        if not matched:
            problems.append(
                found(
                    "zone-no-file",
                    Place(str(base / pattern), 0, 0, ""),
                    f'no file matches "{pattern}"',
                    "create the file, or correct server.zones",
                )
            )
        for path in matched:
            files.setdefault(real_path(path), path)
    return list(files.values()), problems


def read_source(path: Path) -> Source:
    """The file's text. Raises UnreadableError."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadableError("zone-unreadable", "not a regular file", "name a file")
        content = path.read_bytes()
    except OSError as wrong:
        raise UnreadableError(
            "zone-unreadable",
            f"cannot be read: {wrong.strerror or wrong}",
            "correct the path or the file's permissions",
        ) from wrong
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise UnreadableError(
            "zone-encoding",
            f"byte 0x{content[wrong.start]:02X} is not UTF-8",
            "save the file as UTF-8, or write the byte as \\DDD",
            _byte_place(path, content, wrong.start),
        ) from wrong
    return Source(path, text.replace("\r\n", "\n").replace("\r", "\n"))


def real_path(path: Path) -> str:
    """What tells whether two paths are one file; Path.resolve() raises where links loop."""
    return os.path.realpath(path)


def _matches(pattern: str, base: Path) -> Iterator[Path]:
    wanted = Path(pattern)
    root = Path(wanted.anchor) if wanted.is_absolute() else base
    relative = str(wanted.relative_to(wanted.anchor))
    if relative == ".":
        return
    try:
        for path in root.glob(relative):
            # Editors keep their own files, such as .#name.zone, beside the one being edited.
            if not path.name.startswith(".") or wanted.name.startswith("."):
                yield path
    except (OSError, ValueError):
        # A pattern that is malformed, or leads where we may not look, matches nothing.
        return


def _byte_place(path: Path, content: bytes, offset: int) -> Place:
    before = content[:offset]
    start = before.rfind(b"\n") + 1
    end = content.find(b"\n", offset)
    line = content[start:] if end < 0 else content[start:end]
    column = len(content[start:offset].decode("utf-8-sig" if start == 0 else "utf-8")) + 1
    shown = line.decode("utf-8-sig" if start == 0 else "utf-8", "replace").rstrip("\r")
    return Place(str(path), before.count(b"\n") + 1, column, shown)
