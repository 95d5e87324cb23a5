"""Copies of large files in memory: the same octets and digest whoever copies, kernel or Python."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from resolverd.files.large import copy_file, copy_into_memory
from resolverd.files.reading import THREADS, Reads, key_of

LIMIT = 20 << 20
SIZES = [0, 1, 4096, 4 << 20, (4 << 20) + 1, (13 << 20) + 7, LIMIT]


@pytest.fixture
def memory() -> Iterator[int]:
    """A memory file with nothing in it."""
    descriptor = os.memfd_create("copy")
    yield descriptor
    os.close(descriptor)


def written(path: Path, size: int) -> bytes:
    content = (b"a large file, of which no piece is as another " * (size // 46 + 1))[:size]
    path.write_bytes(content)
    return content


def held(descriptor: int) -> bytes:
    return os.pread(descriptor, LIMIT + 1, 0)


def refusing(after: int) -> object:
    """`os.sendfile` of a file system that copies so many pieces, and then none."""
    pieces, send = iter(range(after)), os.sendfile

    def sendfile(*arguments: int) -> int:
        if next(pieces, None) is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        return send(*arguments)

    return sendfile


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pieces", [None, 0, 1])
def test_a_copy_has_the_octets_and_tells_their_digest(
    tmp_path: Path, memory: int, size: int, pieces: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file system lets the kernel copy nothing, or nothing more."""
    content = written(tmp_path / "file", size)
    if pieces is not None:
        monkeypatch.setattr(os, "sendfile", refusing(pieces))
    assert copy_into_memory(tmp_path / "file", LIMIT, memory) == hashlib.sha256(content).hexdigest()
    assert held(memory) == content


@pytest.mark.parametrize("over", [1, 8 << 20])
def test_what_is_larger_than_the_limit_is_refused(tmp_path: Path, memory: int, over: int) -> None:
    written(tmp_path / "file", LIMIT + over)
    with pytest.raises(OSError, match="it is larger than 20 MiB") as refused:
        copy_into_memory(tmp_path / "file", LIMIT, memory)
    assert refused.value.errno == errno.EFBIG


def test_what_is_no_regular_file_is_refused(tmp_path: Path, memory: int) -> None:
    os.mkfifo(tmp_path / "file")
    with pytest.raises(OSError, match="it is a FIFO, not a regular file"):
        copy_into_memory(tmp_path / "file", LIMIT, memory)


@pytest.mark.parametrize("size", [None, 7, LIMIT + 1])
def test_it_is_noted_as_any_other_reading_is(tmp_path: Path, memory: int, size: int | None) -> None:
    path, seen = tmp_path / "file", []
    if size is not None:
        written(path, size)
    for copy in (copy_file, copy_into_memory):
        os.truncate(f"/proc/self/fd/{memory}", 0)
        os.lseek(memory, 0, os.SEEK_SET)
        reads = Reads()
        with reads.noted(), suppress(OSError):
            copy(path, LIMIT, memory)
        seen.append((reads.seen[key_of(path)].content, reads.limits[key_of(path)]))
    assert seen[0] == seen[1]


def test_no_descriptor_is_left_behind(tmp_path: Path, memory: int) -> None:
    written(tmp_path / "file", 5 << 20)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for limit in (LIMIT, 1):
        with suppress(OSError):
            copy_into_memory(tmp_path / "file", limit, memory)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_no_descriptor_is_left_behind_where_no_thread_can_be_started(
    tmp_path: Path, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where TasksMax= of a unit is reached."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    written(tmp_path / "file", 5)
    monkeypatch.setattr(THREADS, "_idle", [])
    monkeypatch.setattr(threading.Thread, "start", start)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for copy in (copy_file, copy_into_memory):
        with pytest.raises(OSError, match="no thread can be started"):
            copy(tmp_path / "file", LIMIT, memory)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
