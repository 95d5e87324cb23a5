"""One file read: regular, opened without blocking, bounded in size and in time.

All that operators write is read by `read_file`: configuration, zones, databases, tokens,
certificates, and what was kept in `server.state`. A FIFO, a device, a file without end and a
file system that hangs are refused like any file that cannot be read, by an OSError.

`Reads` notes what one load read: the content of each file, also of those that could not be read,
and the globs that were asked for.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from resolverd.errors import ResolverdError
from resolverd.files.replay import ON_DISK, Replay
from resolverd.files.signatures import NO_SIGNATURE, Signature, sure_signature
from resolverd.files.threads import FileThreads, Step

# The most octets of each kind of file: larger ones are refused before they fill the memory.
MAX_CONFIG = 16 << 20
MAX_ZONE = 512 << 20
MAX_DATABASE = 2 << 30
MAX_TABLE = 256 << 20  # of round-trip times: some seven million lines
MAX_CERTIFICATES = 16 << 20
MAX_SECRET = 64 << 10  # a token or password
MAX_KEPT = 256 << 20  # what was written to server.state
MAX_TEXT = 16 << 20  # attributions, and what is shown

# Octets that are read at a time, and of a large file: after each a thread of Python's waits for its
# turn. One call for many more would be taken for a file that hangs, where a network is slow.
_CHUNK, _LARGE_CHUNK = 1 << 20, 4 << 20
# The least that is asked for. What is asked for is memory by then: of a small file as much as it
# has, since a thousand mebibytes mapped and unmapped keep all other threads waiting for the map.
_SMALL_CHUNK = 4096
# Of what the kernel copies, so much at once at most while pieces take less than so many seconds.
_LARGEST_PIECE, _SOON = 16 << 20, 0.1
# Seconds that a holder of a lease may take to give it back, and between attempts meanwhile.
_LEASE_BREAK, _LEASE_RETRY = 3.0, 0.05

Chunk = bytes | memoryview


class FileState(NamedTuple):
    """A file at one moment; `content` is the SHA-256, or ``!`` and why it could not be read."""

    signature: Signature
    content: str


class UnsettledError(ResolverdError):
    """Files are still being written; nothing is wrong with them yet."""


THREADS = FileThreads()
"""Threads that read and watch operators' files; they share what is known to hang."""

SECRETS = FileThreads(limit=1.0)
"""Threads that read credentials and certificates for probes. A probe waits for them, so that a file
system that hangs may take a second of its timeout, and not all of it."""

_reads: ContextVar[Reads | None] = ContextVar("reads", default=None)


class Reads:
    """What one load read. `globs` are (directory, pattern); `matched` what they matched.

    `matches` says it for each glob, and `contents` is what was read of configuration and zones.
    `unlisted` are directories that could not be listed, with a final slash, and why (`FileState`).
    `proved` are signatures that tell of every write since the content was read, by file.
    With `settled`, contents by path, a load that met any other content raises UnsettledError. With
    a `replay` its files are read in the place of those on disk.
    """

    def __init__(self, settled: Mapping[str, str] | None = None, replay: Replay = ON_DISK) -> None:
        self.replay = replay
        self.contents: dict[str, bytes] = {}
        self.matches: dict[tuple[str, str], list[str]] = {}
        self.seen: dict[str, FileState] = {}
        self.limits: dict[str, int] = {}
        self.proved: dict[str, Signature] = {}
        self.globs: set[tuple[str, str]] = set()
        self.matched: set[str] = set()
        self.unlisted: dict[str, str] = {}
        self._settled = settled

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what is read meanwhile, by threads of this context too. Raises UnsettledError."""
        token = _reads.set(self)
        try:
            yield
        except ResolverdError as error:
            if self.unsettled():
                raise UnsettledError(self._unsettled_text()) from error
            raise
        finally:
            _reads.reset(token)
        if self.unsettled():
            raise UnsettledError(self._unsettled_text())

    @property
    def asked_for(self) -> bool:
        """Whether files are taken as they are now, settled or not: somebody asked for the load."""
        return self._settled is None

    def unsettled(self) -> list[str]:
        """The files whose content was not what had settled, sorted."""
        settled = self._settled
        if settled is None:
            return []
        return sorted(p for p, seen in self.seen.items() if settled.get(p) != seen.content)

    def keep(self, before: Reads, path: Path) -> None:
        """Take over what an earlier load read at `path`, which is not read again."""
        key = key_of(path)
        if key in before.seen:
            self.seen[key], self.limits[key] = before.seen[key], before.limits[key]
            if key in before.proved:
                self.proved[key] = before.proved[key]

    def take_contents(self) -> dict[str, bytes]:
        """What was read of configuration and zones, which is held no longer."""
        taken, self.contents = self.contents, {}
        return taken

    def note(self, name: str, seen: FileState, limit: int, content: bytes) -> None:
        """Note a file that was read, by its absolute path; contents are kept of TOML and zones."""
        self.seen[name], self.limits[name] = seen, limit
        if limit in (MAX_CONFIG, MAX_ZONE):
            self.contents[name] = content

    def _unsettled_text(self) -> str:
        return f"still being written: {', '.join(self.unsettled())}"


def read_file(path: Path, limit: int, threads: FileThreads = THREADS) -> bytes:
    """The content of a regular file of at most `limit` octets, noted where a load is noted.

    Raises OSError, with the reason in `strerror`; blocks for `threads.limit` seconds without an
    answer at most.
    """
    name = key_of(path)
    reads = _reads.get()
    if reads is not None and (kept := reads.replay.contents.get(name)) is not None:
        content = kept()
        reads.note(name, FileState(NO_SIGNATURE, digest_of(content)), limit, content)
        return content
    try:
        signature, content = threads.run(lambda step: read_regular(name, limit, step))
    except OSError as error:
        note_unread(name, error, limit)
        raise
    note_read(name, signature, content, limit)
    return content


def note_as(before: Reads, path: Path) -> None:
    """Note what `before` has of the file at `path`, where a load is being noted."""
    if (reads := _reads.get()) is not None:
        reads.keep(before, path)


def note_read(name: str, signature: Signature, content: bytes, limit: int) -> None:
    """Note a file that was read, where a load is being noted."""
    if _reads.get() is not None:
        note_digest(name, signature, digest_of(content), limit, content)


def note_digest(
    name: str, signature: Signature, digest: str, limit: int, content: bytes = b""
) -> None:
    """Note a file by its SHA-256, where a load is being noted."""
    if (reads := _reads.get()) is not None:
        reads.note(name, FileState(signature, digest), limit, content)


def note_unread(name: str, error: OSError, limit: int) -> None:
    """Note a file that could not be read, where a load is being noted."""
    if (reads := _reads.get()) is not None:
        reads.seen[name], reads.limits[name] = FileState(NO_SIGNATURE, reason_of(error)), limit


def replayed_glob(directory: str, pattern: str) -> list[str] | None:
    """What a glob matched in what is replayed by the load that is noted; None: ask the disk."""
    reads = _reads.get()
    return None if reads is None else reads.replay.globs.get((directory, pattern))


def is_replayed(name: str) -> bool:
    """Whether the load that is noted has a file's content from another time."""
    reads = _reads.get()
    return reads is not None and name in reads.replay.contents


def hidden(path: str) -> bool:
    """Whether the load that is noted takes `path` for absent."""
    reads = _reads.get()
    return reads is not None and path in reads.replay.hidden


def read_kept(path: Path, limit: int = MAX_KEPT) -> bytes:
    """The content of a file that we wrote ourselves, which is no part of an edit.

    Raises OSError as `read_file` does.
    """
    return THREADS.run(lambda step: read_regular(key_of(path), limit, step))[1]


def note_glob(
    directory: str, pattern: str, matched: list[str], unlisted: Mapping[str, str]
) -> None:
    """Note a glob that was asked for, where a load is being noted."""
    if (reads := _reads.get()) is not None:
        reads.globs.add((directory, pattern))
        reads.matches[(directory, pattern)] = matched
        reads.matched.update(matched)
        reads.unlisted |= unlisted


def read_regular(name: str, limit: int, step: Step) -> tuple[Signature, bytes]:
    """A file's signature where it is sure, and the content. Raises OSError."""
    content = io.BytesIO()  # hands over what it holds without a copy
    signature = each_chunk(name, limit, step, content.write)
    return signature, content.getvalue()


def each_chunk(name: str, limit: int, step: Step, take: Callable[[Chunk], object]) -> Signature:
    """Have a file's content taken piece by piece; its signature from before, where it is sure.

    Raises OSError.
    """
    began = time.time_ns()
    descriptor, status = open_regular(name, step)
    try:
        each_open_chunk(descriptor, name, limit, step, take)
    finally:
        os.close(descriptor)
    return sure_signature(status, began)


def each_open_chunk(
    descriptor: int, name: str, limit: int, step: Step, take: Callable[[Chunk], object]
) -> None:
    """`each_chunk` of a file that is open."""
    length = 0
    for chunk in _chunks(descriptor, os.fstat(descriptor).st_size, limit):
        length += len(chunk)
        take(chunk)
        if length > limit:
            raise _too_large(name, limit)
        step(name)


def send_regular(name: str, limit: int, step: Step, target: int) -> Signature:
    """Have the kernel copy a file's content to the descriptor `target`; returns as `each_chunk`.

    Raises OSError, with EINVAL where the file system does not do that.
    """
    began = time.time_ns()
    descriptor, status = open_regular(name, step)
    try:
        left, piece = limit + 1, _LARGE_CHUNK
        last = time.monotonic()
        while sent := os.sendfile(target, descriptor, None, min(piece, left)):
            left -= sent
            if left <= 0:
                raise _too_large(name, limit)
            step(name)
            took, last = time.monotonic() - last, time.monotonic()
            piece = min(2 * piece, _LARGEST_PIECE) if took < _SOON else _LARGE_CHUNK
    finally:
        os.close(descriptor)
    return sure_signature(status, began)


def _chunks(descriptor: int, size: int, limit: int) -> Iterator[Chunk]:
    """What is read from a descriptor, piece by piece, an octet more than `limit` at most.

    Each piece is there until the next one is asked for.
    """
    left = limit + 1
    if size <= _LARGE_CHUNK:
        ahead = size + 1  # the end is told by a read of nothing
        while chunk := os.read(descriptor, min(_CHUNK, left, max(ahead, _SMALL_CHUNK))):
            left, ahead = left - len(chunk), ahead - len(chunk)
            yield chunk
        return
    buffer = memoryview(bytearray(_LARGE_CHUNK))  # one, as each new one is memory to be cleared
    while count := os.readv(descriptor, [buffer[:left]]):
        left -= count
        yield buffer[:count]


def digest_of(content: bytes) -> str:
    """The SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def reason_of(error: OSError) -> str:
    """What `FileState.content` says of a file that cannot be read: ``!`` and the errno's name."""
    return f"!{errno.errorcode.get(error.errno or 0, 'EIO')}"


def key_of(path: Path) -> str:
    """The name by which a file is known here: absolute, not otherwise changed."""
    name = str(path)
    if name.startswith("/"):  # as for thousands of zones: `Path.absolute` takes ten times as long
        return name
    return str(path.absolute())


def open_regular(name: str, step: Step) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file, and its status. Raises OSError."""
    step(name)
    # Before it is opened, which may change what a device or a pipe's writer does.
    _check_regular(os.stat(name), name)  # noqa: PTH116
    descriptor = _open(name)
    try:
        status = os.fstat(descriptor)
        _check_regular(status, name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _open(name: str) -> int:
    give_up = time.monotonic() + _LEASE_BREAK
    while True:
        try:
            return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except BlockingIOError:
            # A file server's lease on it, which the kernel has asked back (fcntl(2), F_SETLEASE).
            if time.monotonic() > give_up:
                raise
            time.sleep(_LEASE_RETRY)


def _check_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kinds = {
        stat.S_IFDIR: "directory",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    kind = kinds.get(stat.S_IFMT(status.st_mode), "special file")
    number = errno.EISDIR if kind == "directory" else errno.EINVAL
    raise OSError(number, f"it is a {kind}, not a regular file", name)


def _too_large(name: str, limit: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {_size(limit)}", name)


def _size(octets: int) -> str:
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if octets >= size:
            return f"{octets // size} {unit}"
    return f"{octets} octets"
