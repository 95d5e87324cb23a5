"""Files replaced whole: modes, full disks, and a crash between any two of the system calls."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.waiting import until_holds, wait_until

from resolverd.files import writing
from resolverd.files.threads import FileThreads, HangingError, Step
from resolverd.files.writing import (
    install_file,
    make_directory,
    open_lock,
    replace_file,
    replacing,
)

MASKS = (0o000, 0o022, 0o077, 0o777)


@pytest.fixture(params=MASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("wanted", [0o600, 0o644])
def test_a_file_has_the_mode_asked_for_whatever_the_umask(tmp_path: Path, wanted: int) -> None:
    path = tmp_path / "file"
    for content in (b"one", b"two"):
        replace_file(path, content, mode=wanted)
        assert (path.read_bytes(), mode(path)) == (content, wanted)
    path.chmod(0o666)
    replace_file(path, b"three", mode=wanted)
    assert mode(path) == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("wanted", [0o700, 0o755])
def test_all_directories_that_are_made_have_the_mode_and_others_stay(
    tmp_path: Path, wanted: int
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o711)
    made = [tmp_path / "there" / "a", tmp_path / "there" / "a" / "b"]
    for _ in range(2):
        make_directory(made[-1], mode=wanted)
        assert [mode(path) for path in made] == [wanted, wanted]
    assert mode(tmp_path / "there") == 0o711


@pytest.mark.usefixtures("umask")
def test_an_installed_file_can_be_read_by_others(tmp_path: Path) -> None:
    fresh, path = tmp_path / "scratch", tmp_path / "city.mmdb"
    fresh.touch()
    fresh.chmod(0o600)
    path.touch()
    install_file(fresh, path)
    assert mode(path) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["city.mmdb"]


@pytest.mark.parametrize("leftover", ["a file", "a link", "a link to nothing"])
def test_what_a_crash_left_is_overwritten_and_not_followed(tmp_path: Path, leftover: str) -> None:
    other, path, fresh = tmp_path / "other", tmp_path / "file", tmp_path / ".file.new"
    other.write_bytes(b"somebody's")
    match leftover:
        case "a file":
            fresh.write_bytes(b"half of wh")
            fresh.chmod(0o666)
        case "a link":
            fresh.symlink_to(other)
        case _:
            fresh.symlink_to(tmp_path / "nothing")
    replace_file(path, b"whole")
    assert (path.read_bytes(), other.read_bytes()) == (b"whole", b"somebody's")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]


def test_a_link_in_the_place_of_the_file_is_replaced(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "file"
    other.write_bytes(b"somebody's")
    path.symlink_to(other)
    replace_file(path, b"mine")
    assert not path.is_symlink()
    assert other.read_bytes() == b"somebody's"


def test_a_lock_is_no_way_to_another_file(tmp_path: Path) -> None:
    other, lock = tmp_path / "other", tmp_path / "lock"
    other.write_bytes(b"somebody's")
    lock.symlink_to(other)
    with pytest.raises(OSError, match="symbolic links") as found:
        open_lock(lock)
    assert found.value.errno == errno.ELOOP
    assert other.read_bytes() == b"somebody's"
    lock.unlink()
    descriptor = open_lock(lock)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
    assert mode(lock) == 0o600


@pytest.mark.parametrize("blocked", ["a file", "a link to nothing"])
def test_what_is_no_directory_is_said(tmp_path: Path, blocked: str) -> None:
    path = tmp_path / "blocked"
    if blocked == "a file":
        path.touch()
    else:
        path.symlink_to(tmp_path / "nothing")
    for below in (path, path / "a" / "b"):
        with pytest.raises(OSError, match="blocked"):
            make_directory(below)


CALLS = ("open", "fchmod", "fsync", "replace")


@pytest.mark.parametrize("crash", range(8))
def test_a_crash_between_any_two_steps_leaves_the_old_or_the_new_and_the_next_writing_works(
    tmp_path: Path, crash: int
) -> None:
    """A process that is gone at its n-th call of the system, as if the power were."""
    path = tmp_path / "file"
    replace_file(path, b"old" * 1000)
    ended = subprocess.run([sys.executable, "-c", _DIES, str(path), str(crash)], check=False)
    assert ended.returncode in {0, 9}
    assert path.read_bytes() in {b"old" * 1000, b"new" * 1000}
    if ended.returncode == 0:
        assert path.read_bytes() == b"new" * 1000
        assert crash >= len(CALLS)
    replace_file(path, b"next")
    assert path.read_bytes() == b"next"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


_DIES = """
import os, sys
from pathlib import Path
from resolverd.files.writing import replace_file
path, left = Path(sys.argv[1]), [int(sys.argv[2])]
def counted(call):
    def wrapper(*arguments, **more):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        return call(*arguments, **more)
    return wrapper
for name in ("open", "fchmod", "fsync", "replace", "close"):
    setattr(os, name, counted(getattr(os, name)))
replace_file(path, b"new" * 1000)
"""


@pytest.mark.parametrize("call", ["fchmod", "fsync"])
def test_what_fails_leaves_the_old_content_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "file"
    replace_file(path, b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="Input/output"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_leaves_the_old_content_and_nothing_beside(tmp_path: Path) -> None:
    """A file system of 64 KiB, in a mount namespace of its own."""
    script = f"""
mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec {sys.executable} -c '{_FILLS}' {tmp_path}/file
"""
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if ran.returncode and "permitted" in ran.stderr:
        pytest.skip(ran.stderr)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "28 old file\n", "")


_FILLS = """
import sys
from pathlib import Path
from resolverd.files.writing import replace_file
path = Path(sys.argv[1])
replace_file(path, b"old")
try:
    replace_file(path, bytes(1024 * 1024))
except OSError as error:
    print(error.errno, path.read_text(), *(each.name for each in path.parent.iterdir()))
"""


def synchronised(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> list[str]:
    """The names of what is synchronised, in order."""
    seen: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    act()
    return seen


def test_the_content_is_synchronised_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, place = tmp_path / "file", tmp_path.name
    seen = synchronised(monkeypatch, lambda: replace_file(path, b"x"))
    assert seen == [".file.new", place]
    seen = synchronised(monkeypatch, lambda: replace_file(path, b"x", synchronised=False))
    assert seen == []
    seen = synchronised(monkeypatch, lambda: make_directory(tmp_path / "a" / "b"))
    assert seen == [place, "a"]


def test_directories_that_cannot_be_synchronised_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def fails_for_directories(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink() == tmp_path:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fails_for_directories)
    replace_file(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("synchronised", [True, False])
def test_each_piece_of_large_content_may_take_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool
) -> None:
    monkeypatch.setattr(writing, "_PIECE", 4)
    path, steps = tmp_path / "made" / "file", list[str]()
    replacing(path, b"0123456789", synchronised=synchronised)(steps.append)
    assert (path.read_bytes(), mode(path), mode(path.parent)) == (b"0123456789", 0o600, 0o700)
    assert steps == [str(path)] * 4, "before its turn, and before each piece"
    assert [path.name for path in path.parent.iterdir()] == ["file"]


def test_what_is_written_late_does_not_overtake_what_is_written_after_it(tmp_path: Path) -> None:
    path, writes, answers = tmp_path / "file", FileThreads(limit=0.02), threading.Event()

    def late(step: Step) -> None:
        step(str(path))
        answers.wait()
        replace_file(path, b"late")

    try:
        with pytest.raises(HangingError):
            writes.run(late)
        with pytest.raises(HangingError, match="it is not tried"):
            writes.run(replacing(path, b"new"))
    finally:
        answers.set()
    wait_until(lambda: not writes.hanging, within=20)
    writes.limit = 20
    writes.run(replacing(path, b"new"))
    assert path.read_bytes() == b"new"


async def test_what_was_given_up_and_is_written_late_does_not_overtake_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is cancelled writes anew while the first write is still under way."""
    path, writes, answers, begun = (
        tmp_path / "file",
        FileThreads(20),
        threading.Event(),
        list[str](),
    )

    def slow(directory: Path) -> None:
        begun.append(directory.name)
        answers.wait()

    monkeypatch.setattr(writing, "make_directory", slow)
    for content in (b"old", b"never"):
        given_up = asyncio.create_task(writes.call(replacing(path, content)))
        await until_holds(lambda: bool(begun), within=20)
        given_up.cancel()
        await asyncio.wait([given_up])
    written = asyncio.create_task(writes.call(replacing(path, b"new")))
    await asyncio.sleep(0)
    answers.set()
    await written
    assert (path.read_bytes(), len(begun)) == (b"new", 2)
