"""Every way in which files are edited shows in the next scan, and no other file is read for it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from resolverd.files import scanning
from resolverd.files.large import digest_regular
from resolverd.files.reading import MAX_ZONE, Reads, read_file
from resolverd.files.scanning import Scan, Scanner
from resolverd.files.signatures import NO_SIGNATURE, Signature
from resolverd.files.threads import Step

OLD, NEW = "old content", "new content"
LONG_AGO = 1_700_000_000


def _with_old_times(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def _run(*arguments: str | Path, cwd: Path) -> None:
    if shutil.which(str(arguments[0])) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    subprocess.run(arguments, cwd=cwd, check=True, capture_output=True)


def _renamed(place: Path) -> None:
    (place / "x.zone.new").write_text(NEW)
    (place / "x.zone.new").rename(place / "x.zone")


def _as_vim(place: Path) -> None:
    """With its backup by renaming, which vim makes where it cannot be sure of links."""
    (place / "4913").touch()
    (place / "4913").unlink()
    (place / "x.zone").rename(place / "x.zone~")
    (place / "x.zone").write_text(NEW)
    (place / "x.zone~").unlink()


def _with_the_same_size_and_times(place: Path) -> None:
    before = (place / "x.zone").stat()
    (place / "x.zone").write_text(NEW)
    os.utime(place / "x.zone", ns=(before.st_atime_ns, before.st_mtime_ns))


def _kept_times_by_cp(place: Path) -> None:
    _with_old_times(place / "staged", NEW)
    _run("cp", "-p", "staged", "x.zone", cwd=place)


def _touched_back(place: Path) -> None:
    _run("cp", "-p", "x.zone", "reference", cwd=place)
    (place / "x.zone").write_text(NEW)
    _run("touch", "-r", "reference", "x.zone", cwd=place)


def _by_tar(place: Path) -> None:
    (place / "staged").mkdir()
    _with_old_times(place / "staged/x.zone", NEW)
    _run("tar", "cf", "a.tar", "-C", "staged", "x.zone", cwd=place)
    _run("tar", "xf", "a.tar", "--overwrite", cwd=place)


def _by_rsync(place: Path) -> None:
    (place / "staged").mkdir()
    _with_old_times(place / "staged/x.zone", NEW)
    _run("rsync", "--inplace", "--times", "--checksum", "staged/x.zone", "x.zone", cwd=place)


def _by_sed(place: Path) -> None:
    _run("sed", "-i", "s/old/new/", "x.zone", cwd=place)


def _by_git(place: Path) -> None:
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example", "-c", "init.defaultBranch=m")
    _run(*git, "init", cwd=place)
    _run(*git, "add", "x.zone", cwd=place)
    _run(*git, "commit", "-m", "old", cwd=place)
    (place / "x.zone").write_text(NEW)
    _run(*git, "commit", "-am", "new", cwd=place)
    _run(*git, "checkout", "HEAD~1", cwd=place)
    os.utime(place / "x.zone", (LONG_AGO, LONG_AGO))
    _run(*git, "checkout", "-", cwd=place)


def _by_kubernetes(place: Path) -> None:
    (place / "..2").mkdir()
    (place / "..2/x.zone").write_text(NEW)
    (place / "..data.new").symlink_to("..2")
    (place / "..data.new").rename(place / "..data")


def _truncated_and_written(place: Path) -> None:
    with (place / "x.zone").open("r+") as file:
        file.truncate(0)
        file.flush()
        file.write(NEW)


def _appended(place: Path) -> None:
    with (place / "x.zone").open("a") as file:
        file.write("more")


def _directory_swapped(place: Path) -> None:
    (place / "next").mkdir()
    (place / "next/y.zone").write_text(NEW)
    (place / "sub").rename(place / "before")
    (place / "next").rename(place / "sub")


WAYS: dict[str, Callable[[Path], object]] = {
    "written in place": lambda place: (place / "x.zone").write_text(NEW),
    "truncated, then written": _truncated_and_written,
    "appended to": _appended,
    "renamed over": _renamed,
    "vim's backup": _as_vim,
    "sed -i": _by_sed,
    "the same size and times": _with_the_same_size_and_times,
    "cp -p": _kept_times_by_cp,
    "touch -r": _touched_back,
    "tar x": _by_tar,
    "rsync --inplace --times": _by_rsync,
    "git checkout": _by_git,
    "removed": lambda place: (place / "x.zone").unlink(),
    "made a FIFO": lambda p: ((p / "x.zone").unlink(), os.mkfifo(p / "x.zone")),  # type: ignore[func-returns-value]
    "another file beside": lambda place: (place / "z.zone").write_text(NEW),
    "a directory beside, with a file": lambda place: (
        (place / "more").mkdir(),  # type: ignore[func-returns-value]
        (place / "more/z.zone").write_text(NEW),
    ),
    "a directory put in place of another": _directory_swapped,
}


class Place:
    """A directory whose zones were loaded and rested long enough for their marks to count."""

    def __init__(self, path: Path) -> None:
        self.path, self.scanner, self.reads = path, Scanner(), Reads()
        self.globs = {(str(path), "*.zone"), (str(path), "*/*.zone")}

    def scan(self) -> Scan:
        return self.scanner.scan(self.reads.seen, self.globs, lambda path: None)

    def contents(self) -> dict[str, str]:
        return {path: seen.content for path, seen in self.scan().files.items()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "sub").mkdir()
    place = Place(tmp_path)
    for path in (tmp_path / "x.zone", tmp_path / "sub/y.zone"):
        path.write_text(OLD)
        with place.reads.noted():
            read_file(path, MAX_ZONE)
    return place


@pytest.mark.parametrize("edit", WAYS.values(), ids=WAYS.keys())
def test_an_edit_of_any_kind_shows(place: Place, edit: Callable[[Path], object]) -> None:
    place.scanner.learn(place.reads)
    before = place.contents()
    edit(place.path)
    after = place.contents()
    assert after != before
    assert place.contents() == after


def test_the_links_of_kubernetes_show_what_they_lead_to(place: Place) -> None:
    (place.path / "..1").mkdir()
    (place.path / "..1/x.zone").write_text(OLD)
    (place.path / "..data").symlink_to("..1")
    (place.path / "x.zone").unlink()
    (place.path / "x.zone").symlink_to("..data/x.zone")
    before = place.contents()
    _by_kubernetes(place.path)
    assert place.contents() != before


@pytest.mark.parametrize("change", ["touch", "chmod", "hard link"])
def test_what_changes_no_content_is_no_edit(place: Place, change: str) -> None:
    before, path = place.contents(), place.path / "x.zone"
    if change == "touch":
        path.touch()
    elif change == "chmod":
        path.chmod(0o600)
    else:
        (place.path / "backup").hardlink_to(path)
    assert place.contents() == before


def test_files_whose_marks_are_as_they_were_are_not_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(name: str, limit: int, step: Step) -> tuple[Signature, str]:
        read.append(name)
        return digest_regular(name, limit, step)

    monkeypatch.setattr(scanning, "digest_regular", reading)
    while time.time_ns() - (place.path / "sub/y.zone").stat().st_ctime_ns < 2_100_000_000:
        time.sleep(0.05)  # until a write in the same tick of the clock is out of the question
    place.scan()
    read.clear()
    place.scan()
    assert read == []
    (place.path / "x.zone").write_text(NEW)
    place.scan()
    assert read == [str(place.path / "x.zone")]
    read.clear()
    place.scanner.reread_always([str(place.path / "sub/y.zone")])
    place.scan()
    assert str(place.path / "sub/y.zone") in read


def test_a_file_whose_signature_is_not_sure_is_read_again_and_seen_to_change(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(name: str, limit: int, step: Step) -> tuple[Signature, str]:
        read.append(name)
        return NO_SIGNATURE, digest_regular(name, limit, step)[1]

    monkeypatch.setattr(scanning, "digest_regular", reading)
    before = place.scan().files
    assert place.scan().files == before, "it rests"
    path = place.path / "x.zone"
    assert read.count(str(path)) == 2
    path.write_text(OLD)
    assert place.scan().files[str(path)] != before[str(path)], "it was written, if the same"


def test_a_file_too_large_for_its_kind_has_that_for_its_content(place: Place) -> None:
    big = place.path / "big.zone"
    big.write_bytes(bytes(11))
    with pytest.raises(OSError, match="larger than 10"), place.reads.noted():
        read_file(big, 10)
    place.scanner.learn(place.reads)
    assert place.contents()[str(big)] == "!EFBIG"


@pytest.mark.parametrize("again", [False, True])
def test_a_scan_holds_no_content_however_large(place: Place, again: bool) -> None:
    size = 64 << 20
    large = place.path / "large.mmdb"
    with large.open("wb") as file:
        file.truncate(size)
    if again:
        place.scanner.reread_always([str(large)])
    tracemalloc.start()
    try:
        found = place.scanner.scan([str(large)], [], lambda path: None).files[str(large)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.content == hashlib.sha256(bytes(size)).hexdigest()
    assert peak < size / 8
