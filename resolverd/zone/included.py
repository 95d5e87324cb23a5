"""Files that match `server.zones` and are no zones, for a zone file includes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import dns.exception

from resolverd.errors import Problem
from resolverd.files.matching import real_path, real_paths
from resolverd.zone.catalogue import problem
from resolverd.zone.directives import unescaped
from resolverd.zone.files import UnreadableError, read_source
from resolverd.zone.lexer import Lexer
from resolverd.zone.record import EntryError
from resolverd.zone.source import FilePosition, SourceFile


def including_files(zones: Iterable[Sequence[Path]]) -> dict[str, Sequence[Path]]:
    """By its real path, the files of the first zone that includes a file.

    `zones` are the files of each zone file, itself the first.
    """
    parts = [(part, files) for files in zones for part in files[1:]]
    found: dict[str, Sequence[Path]] = {}
    for real, (_, files) in zip(real_paths([part for part, _ in parts]), parts, strict=True):
        found.setdefault(real, files)
    return found


def included_zone(path: Path, including: Mapping[str, Sequence[Path]]) -> Problem | None:
    """What to do about a file without an SOA that another one includes; None where none does.

    `including` is as `including_files` has it.
    """
    real = real_path(path)
    if (files := including.get(real)) is None:
        return None
    return problem(
        "zone-included",
        FilePosition(str(path), 0, 0, ""),
        f"{_where(real, files)} includes it, and as a zone of its own it has no SOA",
        _hint(path),
    )


def _hint(path: Path) -> str:
    other = f"name it {path.stem}.inc, also in the $INCLUDE, and " if path.suffix == ".zone" else ""
    return f'keep it out of server.zones: {other}write a pattern such as "zones/*.zone" there'


def _where(real: str, files: Sequence[Path]) -> str:
    """The place of the $INCLUDE, or the zone file where the line cannot be told."""
    for file in files:
        try:
            source = read_source(file)
        except UnreadableError:  # which has a finding of its own
            continue
        for number, line in enumerate(source.text.split("\n"), 1):
            if line[:8].upper() == "$INCLUDE" and _names(source, line, real):
                return f"{file}:{number}"
    return str(files[0])


def _names(source: SourceFile, line: str, real: str) -> bool:
    lexer = Lexer(line)
    try:
        lexer.get()
        return real_path(source.path.parent / unescaped(lexer.get(), 0)) == real
    except (dns.exception.SyntaxError, EntryError):
        return False
