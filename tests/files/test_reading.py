"""What is no file to be read is refused at once, in words; what hangs, within a limit."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from harness.hanging import hanging_mount
from harness.waiting import wait_until

from resolverd.files.many import read_files
from resolverd.files.reading import (
    MAX_ZONE,
    Reads,
    UnsettledError,
    digest_of,
    key_of,
    read_file,
)
from resolverd.files.threads import FileThreads, HangingError, Step

LIMIT = 1000
T = TypeVar("T")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def _linked_fifo(path: Path) -> None:
    os.mkfifo(f"{path}.p")
    path.symlink_to(f"{path}.p")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


REFUSED: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "FIFO": (os.mkfifo, errno.EINVAL, "it is a FIFO, not a regular file"),
    "link to a FIFO": (
        _linked_fifo,
        errno.EINVAL,
        "it is a FIFO, not a regular file",
    ),
    "device without end": (
        lambda path: path.symlink_to("/dev/zero"),
        errno.EINVAL,
        "it is a device, not a regular file",
    ),
    "terminal": (
        lambda path: path.symlink_to("/dev/tty"),
        errno.EINVAL,
        "it is a device, not a regular file",
    ),
    "directory": (Path.mkdir, errno.EISDIR, "it is a directory, not a regular file"),
    "socket": (_socket, errno.EINVAL, "it is a socket, not a regular file"),
    "too large": (lambda p: p.write_bytes(bytes(LIMIT + 1)), errno.EFBIG, "larger than 1000 oc"),
    "sparse and huge": (_sparse, errno.EFBIG, "it is larger than 1000 octets"),
    "missing": (lambda path: None, errno.ENOENT, "No such file or directory"),
    "link to itself": (_loop, errno.ELOOP, "Too many levels of symbolic links"),
}


@pytest.mark.parametrize(("make", "number", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_file_to_be_read_is_refused_in_words(
    tmp_path: Path, make: Callable[[Path], object], number: int, words: str
) -> None:
    path = tmp_path / "f"
    make(path)
    reads = Reads()
    with pytest.raises(OSError, match=words) as refused, reads.noted():
        read_file(path, LIMIT)
    assert refused.value.errno == number
    assert reads.seen[str(path)].content == f"!{errno.errorcode[number]}"


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * LIMIT)
    assert read_file(path, LIMIT) == b"x" * LIMIT


def test_of_a_small_file_no_more_is_asked_for_than_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, larger, asked = tmp_path / "small", tmp_path / "larger", list[int]()
    small.write_bytes(b"A")
    larger.write_bytes(bytes(100_000))
    read = os.read

    def noted(descriptor: int, octets: int) -> bytes:
        asked.append(octets)
        return read(descriptor, octets)

    monkeypatch.setattr(os, "read", noted)
    for path in (small, larger):
        assert read_file(path, MAX_ZONE) == path.read_bytes()
        assert max(asked) <= path.stat().st_size + 4096
        asked.clear()


def test_a_file_whose_size_says_nothing_is_read() -> None:
    assert read_file(Path("/proc/self/status"), 1 << 16).startswith(b"Name:")


def test_a_regular_file_that_has_nothing_to_say_yet_does_not_hold_up(tmp_path: Path) -> None:
    path = Path("/proc/kmsg")  # a regular file by its mode, whose read(2) waits for the kernel
    if not os.access(path, os.R_OK):
        pytest.skip("/proc/kmsg is root's")
    with pytest.raises(BlockingIOError):
        read_file(path, 1 << 30)


def test_a_file_under_a_lease_is_read_once_its_holder_gives_it_back(tmp_path: Path) -> None:
    """A file server's lease (fcntl(2)) makes a non-blocking open fail; it is asked back."""
    path = tmp_path / "f"
    path.write_text("leased")
    holder = (
        "import fcntl, os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})\n"
        "f = os.open(sys.argv[1], os.O_RDWR)\n"
        "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n"
        "print('held', flush=True)\n"
        "signal.sigwait({signal.SIGIO})\n"
        "print('asked', flush=True)\n"
        "sys.stdin.readline()\n"
        "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_UNLCK)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        content: list[bytes] = []
        reader = threading.Thread(target=lambda: content.append(read_file(path, LIMIT)))
        reader.start()
        assert process.stdout.readline() == "asked\n"
        process.stdin.write("\n")
        process.stdin.flush()
        reader.join()
    assert content == [b"leased"]


def test_a_file_system_that_hangs_is_left_alone_within_the_limit(tmp_path: Path) -> None:
    place = tmp_path / "mount"
    place.mkdir()
    beside = tmp_path / "beside"
    beside.write_text("sound")
    threads = FileThreads(limit=0.2)
    with hanging_mount(place):
        with pytest.raises(HangingError, match=r"does not answer within 0\.2 s"):
            read_file(place / "a.zone", LIMIT, threads)
        assert threads.hanging == (str(place / "a.zone"),)
        with pytest.raises(HangingError, match=r"not tried while .*/a\.zone does not answer"):
            read_file(place / "b.zone", LIMIT, threads)
        assert read_file(beside, LIMIT, threads) == b"sound"
    wait_until(lambda: not threads.hanging, within=20)
    with pytest.raises(FileNotFoundError):
        read_file(place / "a.zone", LIMIT, threads)


def test_a_process_whose_file_hangs_can_still_end(tmp_path: Path) -> None:
    place = tmp_path / "mount"
    place.mkdir()
    program = (
        "import asyncio, signal, sys; from pathlib import Path\n"
        # A shell's background job, as these tests may be, has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from resolverd.files.reading import read_file\n"
        "from resolverd.files.threads import FileThreads, detached\n"
        "async def main():\n"
        "    task = asyncio.create_task(detached(lambda: read_file(Path(sys.argv[1]), 9,"
        " FileThreads(3600))))\n"
        "    await asyncio.sleep(0.2); print('hangs', flush=True)\n"
        "    await task\n"
        "try: asyncio.run(main())\n"
        "except KeyboardInterrupt: print('ends')\n"
    )
    with (
        hanging_mount(place),
        subprocess.Popen(
            [sys.executable, "-c", program, str(place / "f")], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "ends\n"


def test_a_load_that_reads_what_had_not_settled_is_none(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    settled = {key_of(one): digest_of(b"1"), key_of(two): digest_of(b"2")}
    with Reads(settled).noted():
        read_file(one, LIMIT)
        read_file(two, LIMIT)
    two.write_text("3")
    reads = Reads(settled)
    with pytest.raises(UnsettledError, match=r"still being written: .*two$"), reads.noted():
        _read_all(one, two)
    assert reads.unsettled() == [key_of(two)]


def test_a_file_that_was_not_watched_before_has_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "included"
    path.write_text("1")
    reads = Reads({})
    with pytest.raises(UnsettledError), reads.noted():
        read_file(path, LIMIT)


def _read_all(*paths: Path) -> None:
    for path in paths:
        read_file(path, LIMIT)


def test_many_files_come_in_their_order_each_with_what_it_holds_or_why_not(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number:04}" for number in range(700)]
    for number, path in enumerate(paths):
        if number % 100 == 7:
            continue  # it is not there
        path.write_bytes(b"x" * (LIMIT + 1 if number % 100 == 9 else number))
    reads = Reads()
    with reads.noted():
        outcomes = list(read_files(paths, LIMIT))
    for number, (path, outcome) in enumerate(zip(paths, outcomes, strict=True)):
        if number % 100 in (7, 9):
            assert isinstance(outcome, OSError)
            code = errno.ENOENT if number % 100 == 7 else errno.EFBIG
            assert outcome.errno == code
            assert reads.seen[str(path)].content == f"!{errno.errorcode[code]}"
        else:
            assert outcome == b"x" * number
            assert reads.seen[str(path)].content == digest_of(outcome)


def test_those_read_with_a_file_that_hangs_are_read_and_those_behind_it_refused(
    tmp_path: Path,
) -> None:
    threads = FileThreads(limit=0.3)
    place = tmp_path / "hanging"
    place.mkdir()
    sound, later = tmp_path / "a", tmp_path / "c"
    sound.write_bytes(b"sound")
    later.write_bytes(b"later")
    with hanging_mount(place):
        paths = [sound, place / "b", place / "d", later]
        outcomes = list(read_files(paths, LIMIT, threads))
    assert outcomes[0] == b"sound"
    assert outcomes[3] == b"later"
    assert isinstance(outcomes[1], HangingError)
    assert "does not answer within" in str(outcomes[1])
    assert isinstance(outcomes[2], HangingError)
    assert "it is not tried while" in str(outcomes[2])


@pytest.mark.parametrize("late", ["a", "b", "c"])
def test_a_file_that_answers_as_it_is_given_up_gives_nobody_its_error(
    tmp_path: Path, late: str
) -> None:
    class LeftBehindError(Exception):
        """Nobody waits for the work any more."""

    class Late(FileThreads):
        """Its first work ends with one file, given up in the moment at which it answers."""

        begun = 0

        def run(self, work: Callable[[Step], T]) -> T:
            self.begun += 1
            if self.begun > 1:
                return super().run(work)

            def until_late(step: Step) -> T:
                def reached(path: str) -> None:
                    if Path(path).name > late:
                        raise LeftBehindError
                    step(path)

                return work(reached)

            with contextlib.suppress(LeftBehindError):
                super().run(until_late)
            raise HangingError(str(tmp_path / late), "it does not answer")

    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(path.name.encode())
    assert list(read_files(paths, LIMIT, Late())) == [b"a", b"b", b"c"]
