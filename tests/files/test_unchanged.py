"""A file that was read is known to be as it was: by its signature alone where that is sure."""

from __future__ import annotations

import errno
import mmap
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resolverd.files import unchanged
from resolverd.files.file_systems import tells_of_writes
from resolverd.files.large import copy_file, copy_into_memory, digest_file
from resolverd.files.reading import Reads, each_open_chunk, key_of, read_file, read_regular
from resolverd.files.signatures import NO_SIGNATURE, is_racy, signature_of
from resolverd.files.threads import FileThreads
from resolverd.files.unchanged import still_holds

LIMIT = 1 << 20
OLD, NEW = b"1" * 8192, b"2" * 8192
MINUTE = 60 * 10**9

Change = Callable[[Path], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "f"
    found.write_bytes(OLD)
    return found


@pytest.fixture(autouse=True)
def on_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run on any file system."""
    monkeypatch.setattr(unchanged, "tells_of_writes", lambda _: True)


@pytest.fixture
def content_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read to compare it."""
    names: list[str] = []

    def reading(descriptor: int, name: str, *rest: object) -> None:
        names.append(name)
        each_open_chunk(descriptor, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(unchanged, "each_open_chunk", reading)
    return names


def read(path: Path) -> Reads:
    reads = Reads()
    with reads.noted():
        read_file(path, LIMIT)
    return reads


def later(monkeypatch: pytest.MonkeyPatch, ns: int) -> None:
    """Let the clock be so much later than it is."""
    monkeypatch.setattr(unchanged, "time_ns", lambda: time.time_ns() + ns)


def proved(path: Path, monkeypatch: pytest.MonkeyPatch) -> Reads:
    """What was read of a file that was then compared some time after it was written."""
    reads = read(path)
    later(monkeypatch, MINUTE)
    assert still_holds(path, reads, asked_for=True)
    assert reads.proved == {key_of(path): signature_of(path.stat())}
    return reads


def replaced(path: Path) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(NEW)
    fresh.replace(path)


def edited_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(NEW)


def with_the_times_before(change: Change) -> Change:
    """As `cp -p`, `rsync -t` and `touch -r` have it."""

    def changed(path: Path) -> None:
        status = path.stat()
        change(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return changed


def written_through_a_mapping(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        content[:1] = NEW[:1]


CHANGES: dict[str, Change] = {
    "replaced": replaced,
    "replaced, with the times before": with_the_times_before(replaced),
    "edited in place": edited_in_place,
    "edited in place, with the times before": with_the_times_before(edited_in_place),
    "another length": lambda path: path.write_bytes(OLD[1:]),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("asked_for", [True, False])
def test_a_file_holds_what_was_read_until_its_content_changes(
    path: Path, change: Change, *, asked_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = proved(path, monkeypatch)
    assert still_holds(path, reads, asked_for=asked_for)
    assert not still_holds(path.with_name("other"), reads, asked_for=asked_for)
    change(path)
    assert not still_holds(path, reads, asked_for=asked_for)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.touch(),
        lambda path: path.chmod(0o600),
        lambda path: path.write_bytes(OLD),
        lambda path: os.utime(path, (1, 1)),
    ],
    ids=["touched", "chmod", "written as it was", "another time"],
)
def test_what_changes_no_content_is_no_edit(
    path: Path, change: Change, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = proved(path, monkeypatch)
    change(path)
    content_reads.clear()
    for _ in range(3):
        assert still_holds(path, reads, asked_for=True)
    assert content_reads == [key_of(path)], "once, and then its times tell again"


def test_a_load_that_was_asked_for_reads_the_content_until_the_times_tell_of_every_write(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, expected = read(path), 0
    for ns in (0, 0, MINUTE):
        later(monkeypatch, ns)
        expected += 1
        assert still_holds(path, reads, asked_for=True)
        assert len(content_reads) == expected
    for ns in (MINUTE, 0):
        later(monkeypatch, ns)
        assert still_holds(path, reads, asked_for=True)
        assert len(content_reads) == expected


def test_a_load_that_was_not_asked_for_reads_the_content_once_where_it_was_just_written(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = read(path)
    assert reads.seen[key_of(path)].signature == NO_SIGNATURE
    later(monkeypatch, MINUTE)
    for _ in range(3):
        assert still_holds(path, reads, asked_for=False)
    assert content_reads == [key_of(path)]


def test_a_page_that_is_written_again_through_a_mapping_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write to it changes the file's times, the next ones do not until it is synced."""
    monkeypatch.setattr(unchanged, "tells_of_writes", tells_of_writes)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        if not tells_of_writes(file.fileno()):
            pytest.skip("the file system that tests run on does not tell of every write")
        content[:1] = b"a"
        reads = read(path)
        later(monkeypatch, MINUTE)
        assert still_holds(path, reads, asked_for=True)
        assert reads.proved
        wait_for_another_tick(path)
        content[:1] = b"b"
        assert not still_holds(path, reads, asked_for=True)


def wait_for_another_tick(path: Path) -> None:
    """Until the times of files are later than those of `path`."""
    other = path.with_name("other")
    other.touch()
    while other.stat().st_ctime_ns <= path.stat().st_ctime_ns:
        other.touch()


def test_a_page_that_is_written_as_the_file_is_read_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written before pages are synced is read: a look at the content comes after that."""
    reads = read(path)
    later(monkeypatch, MINUTE)
    sync = os.fdatasync

    def written_meanwhile(descriptor: int) -> None:
        written_through_a_mapping(path)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", written_meanwhile)
    assert not still_holds(path, reads, asked_for=True)


@pytest.mark.parametrize("fails", [True, False])
def test_a_file_that_is_not_synced_in_time_is_read_each_time(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    ended = threading.Event()

    def syncing(descriptor: int) -> None:
        if fails:
            raise OSError(errno.EIO, "broken")
        ended.wait()

    monkeypatch.setattr(os, "fdatasync", syncing)
    monkeypatch.setattr(unchanged, "_SYNCS", FileThreads(limit=0.01))
    reads = read(path)
    later(monkeypatch, MINUTE)
    try:
        for _ in range(3):
            assert still_holds(path, reads, asked_for=True)
        assert (len(content_reads), reads.proved) == (3, {})
    finally:
        ended.set()


def test_where_times_do_not_tell_of_every_write_the_content_is_read_each_time(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "tells_of_writes", lambda _: False)
    reads = read(path)
    later(monkeypatch, MINUTE)
    for _ in range(3):
        assert still_holds(path, reads, asked_for=True)
    assert (len(content_reads), reads.proved) == (3, {})
    written_through_a_mapping(path)
    assert not still_holds(path, reads, asked_for=True)


def test_what_is_proved_of_one_signature_is_not_of_another(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = proved(path, monkeypatch)
    monkeypatch.setattr(unchanged, "tells_of_writes", lambda _: False)
    path.touch()
    content_reads.clear()
    assert still_holds(path, reads, asked_for=False)
    for _ in range(2):
        assert still_holds(path, reads, asked_for=True)
    assert len(content_reads) == 3


def test_what_is_known_of_a_file_is_known_of_the_next_load_that_keeps_it(
    path: Path, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, after = proved(path, monkeypatch), Reads()
    after.keep(reads, path)
    content_reads.clear()
    assert still_holds(path, after, asked_for=True)
    assert not content_reads


def test_files_of_one_inode_on_two_devices_are_two(path: Path) -> None:
    status = path.stat()
    fields = list(status)
    fields[2] += 1  # st_dev
    assert signature_of(os.stat_result(fields)) != signature_of(os.stat_result(list(status)))


def test_a_signature_is_sure_some_time_after_the_last_write(path: Path) -> None:
    signature = signature_of(path.stat())
    assert is_racy(signature, signature[-1])
    assert not is_racy(signature, signature[-1] + MINUTE)
    assert is_racy(signature, signature[-1] - MINUTE), "the clock was set back"


READING: dict[str, Callable[[Path], object]] = {
    "whole": lambda path: read_file(path, LIMIT),
    "digest": lambda path: digest_file(path, LIMIT),
    "copy": lambda path: copied(path, copy_file),
    "copy into memory": lambda path: copied(path, copy_into_memory),
}


def copied(path: Path, copy: Callable[[Path, int, int], str]) -> None:
    descriptor = os.memfd_create("copy")
    try:
        copy(path, LIMIT, descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a file takes a minute by the clock."""
    clock, late = time.time_ns, 0

    def slowly(call: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*arguments: Any) -> Any:
            nonlocal late
            late = MINUTE
            return call(*arguments)

        return reading

    for name in ("read", "readv", "sendfile"):
        monkeypatch.setattr(os, name, slowly(getattr(os, name)))
    monkeypatch.setattr(time, "time_ns", lambda: clock() + late)


@pytest.mark.parametrize("reading", READING.values(), ids=READING)
@pytest.mark.usefixtures("slow")
def test_what_was_written_as_reading_began_is_unsure_however_long_reading_took(
    path: Path, reading: Callable[[Path], object]
) -> None:
    reads = Reads()
    with reads.noted():
        reading(path)
    assert reads.seen[key_of(path)].signature == NO_SIGNATURE
    # The same once more, a minute after it was written.
    with reads.noted():
        reading(path)
    assert reads.seen[key_of(path)].signature == signature_of(path.stat())


@pytest.mark.usefixtures("slow")
def test_a_credential_that_was_written_as_reading_began_is_read_again(path: Path) -> None:
    name = key_of(path)
    assert read_regular(name, LIMIT, lambda _: None) == (NO_SIGNATURE, OLD)
    assert read_regular(name, LIMIT, lambda _: None) == (signature_of(path.stat()), OLD)
