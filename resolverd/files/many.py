"""Many small files read at once: thousands of zones are not thousands of ways to a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from resolverd.files.reading import (
    THREADS,
    is_replayed,
    key_of,
    note_read,
    note_unread,
    read_file,
    read_regular,
)
from resolverd.files.signatures import Signature
from resolverd.files.threads import FileThreads, HangingError, Step

# Files that one piece of work reads, and octets after which it reads no more.
_FILES_AT_ONCE, _OCTETS_AT_ONCE = 256, 8 << 20

_Read = tuple[Signature, bytes]


def read_files(
    paths: Iterable[Path], limit: int, threads: FileThreads = THREADS
) -> Iterator[bytes | OSError]:
    """For each path, in order, what `read_file` returns or raises.

    Many are read by one piece of work, for of a small file most of the time is the way to a thread
    and back. Those before one that does not answer are read; that one, and those after it, alone.
    """
    left = deque(map(key_of, paths))
    while left:
        batch = list(islice(left, _FILES_AT_ONCE))
        read: list[_Read | OSError | None] = []
        if not any(map(is_replayed, batch)):
            read += _read_together(batch, limit, threads)
        for outcome in read or [None]:
            name = left.popleft()
            if outcome is None:
                yield _alone(name, limit, threads)
            elif isinstance(outcome, OSError):
                note_unread(name, outcome, limit)
                yield outcome
            else:
                note_read(name, *outcome, limit)
                yield outcome[1]


def _read_together(names: Sequence[str], limit: int, threads: FileThreads) -> list[_Read | OSError]:
    """What came of the first of these, of as many as answered and fit into memory at once."""
    read: list[_Read | OSError] = []

    def work(step: Step) -> None:
        octets = 0
        for name in names:
            try:
                outcome = read_regular(name, limit, step)
            except HangingError:
                return
            except OSError as error:
                read.append(error)
                continue
            read.append(outcome)
            octets += len(outcome[1])
            if octets > _OCTETS_AT_ONCE:
                return

    try:
        threads.run(work)
    except HangingError as error:
        known = list(read)
        # The one that was given up may have answered just then: the error is nobody else's.
        return known if len(known) > names.index(error.filename) else [*known, error]
    return read


def _alone(name: str, limit: int, threads: FileThreads) -> bytes | OSError:
    try:
        return read_file(Path(name), limit, threads)
    except OSError as error:
        return error
