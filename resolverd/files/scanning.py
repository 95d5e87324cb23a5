"""What all watched files hold now.

Each scan calls stat(2) on every file, and reads those alone whose signature has changed, whose last
write was too recent for the signature to tell, or that were asked for by `reread_always`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from resolverd.files.large import digest_regular
from resolverd.files.matching import expand
from resolverd.files.reading import MAX_DATABASE, FileState, Reads, reason_of
from resolverd.files.signatures import NO_SIGNATURE, signature_of
from resolverd.files.threads import Step


class Scan(NamedTuple):
    """Files by path, and directories with what tells one from another of the same name.

    A directory that cannot be listed is among the files too, with a final slash after its name
    and the reason for its content.
    """

    files: Mapping[str, FileState]
    directories: Mapping[str, tuple[int, int]]


class Scanner:
    """Scans, one at a time, that remember contents by signature."""

    def __init__(self) -> None:
        self._known: dict[str, FileState] = {}
        self._limits: dict[str, int] = {}
        self._always: set[str] = set()

    def learn(self, reads: Reads) -> None:
        """Take over what a load read, so that it is not read again."""
        self._known = {**self._known, **reads.seen}
        self._limits = {**self._limits, **reads.limits}

    def reread_always(self, paths: Iterable[str]) -> None:
        """Read these at every scan from now on: their signatures are not to be relied on."""
        self._always.update(paths)

    def reread_on_change(self) -> None:
        """Read only what has changed by its signature again."""
        self._always.clear()

    def scan(self, names: Iterable[str], globs: Iterable[tuple[str, str]], step: Step) -> Scan:
        """The files `names`, and all that `globs` match. Raises HangingError alone."""
        found: dict[str, FileState] = {}
        directories: dict[str, None] = {}
        wanted = dict.fromkeys(names)
        for base, pattern in sorted(globs):
            matches = expand(base, pattern, step)
            wanted |= dict.fromkeys(matches.paths)
            directories |= dict.fromkeys(matches.directories)
            found |= {p: FileState(NO_SIGNATURE, why) for p, why in matches.reasons.items()}
        directories |= dict.fromkeys(map(os.path.dirname, wanted))
        found |= {name: self._seen(name, step) for name in wanted}
        self._known = {name: self._known[name] for name in wanted if name in self._known}
        return Scan(
            found, {d: signature for d in directories if (signature := _directory(d, step))}
        )

    def _seen(self, name: str, step: Step) -> FileState:
        try:
            step(name)
            signature = signature_of(os.stat(name))  # noqa: PTH116 - a fifth of the time of Path's
            known = self._known.get(name)
            if known is not None and known.signature == signature and name not in self._always:
                return known
            limit = self._limits.get(name, MAX_DATABASE)
            sure, content = digest_regular(name, limit, step)
        except OSError as error:
            self._known.pop(name, None)
            return FileState(NO_SIGNATURE, reason_of(error))
        if sure == NO_SIGNATURE:
            self._known.pop(name, None)
            return FileState(signature, content)
        seen = self._known[name] = FileState(sure, content)
        return seen


def _directory(name: str, step: Step) -> tuple[int, int] | None:
    try:
        step(f"{name}/")
        status = os.stat(name)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino
