"""A file that was read is known to be as it was: by its signature alone where that is sure."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resolverd.files import file_systems, unchanged
from resolverd.files.file_systems import WRITTEN_BACK_NS
from resolverd.files.reading import (
    NO_SIGNATURE,
    Reads,
    each_open_chunk,
    is_racy,
    key_of,
    read_file,
    signature_of,
)
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
    monkeypatch.setattr(file_systems, "kind_of", lambda _: "ext4")


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
    """What was read of a file that was then compared long after it was written."""
    reads = read(path)
    later(monkeypatch, WRITTEN_BACK_NS + MINUTE)
    assert still_holds(path, reads, asked_for=True)
    assert reads.proved == {key_of(path)}
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
    for ns in (0, MINUTE, WRITTEN_BACK_NS - MINUTE, WRITTEN_BACK_NS + MINUTE):
        later(monkeypatch, ns)
        expected += 1
        assert still_holds(path, reads, asked_for=True)
        assert len(content_reads) == expected
    for ns in (WRITTEN_BACK_NS + MINUTE, 0):
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
    """The first write to it changes the file's times, the next ones do not for half a minute."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        content[:1] = b"a"
        reads = read(path)
        later(monkeypatch, MINUTE)
        assert still_holds(path, reads, asked_for=True)
        content[:1] = b"b"
        assert not still_holds(path, reads, asked_for=True)


@pytest.mark.parametrize("kind", ["", "nfs4", "fuse.sshfs", "overlay", "tmpfs", "9p", "squashfs"])
def test_where_times_do_not_tell_of_every_write_the_content_is_read_each_time(
    path: Path, kind: str, content_reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_systems, "kind_of", lambda _: kind)
    reads = read(path)
    later(monkeypatch, WRITTEN_BACK_NS + MINUTE)
    for _ in range(3):
        assert still_holds(path, reads, asked_for=True)
    assert (len(content_reads), reads.proved) == (3, set())
    written_through_a_mapping(path)
    assert not still_holds(path, reads, asked_for=True)


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


def test_what_was_written_as_reading_began_is_unsure_however_long_reading_took(path: Path) -> None:
    signature = signature_of(path.stat())
    assert is_racy(signature, now=signature[-1])
    assert not is_racy(signature, now=signature[-1] + MINUTE)
    assert is_racy(signature, now=signature[-1] - MINUTE), "the clock was set back"
