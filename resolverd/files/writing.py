"""Files that are replaced whole: written beside, synchronised, renamed, the directory synchronised.

A crash leaves the old content or the new one, and at most a file `.NAME.new` that the next writing
removes. Callers see that each path has one writer at a time; `replacing` does so itself. Modes are
those asked for, whatever the umask: 0600 and 0700 where a secret may be inside, 0644 and 0755 where
a daemon of another user has to read. Symbolic links are replaced, never written through: who may
write to a directory cannot have root overwrite a file elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from resolverd.files.threads import FileThreads, HangingError, Step

# For what may hold a secret, and for what daemons of other users have to read.
PRIVATE, PRIVATE_DIRECTORY = 0o600, 0o700
PUBLIC, PUBLIC_DIRECTORY = 0o644, 0o755
# For a lock that accounts of one group have in turn, as in a volume of theirs.
GROUP = 0o660

WRITES = FileThreads()
"""Threads for writing what may come late or not at all. Not those for reading, which would be
refused in the directory of a write that is slow."""

# By path: those that write there take turns, for whoever is cancelled may write anew at once.
_turns: dict[str, threading.Lock] = {}
os.register_at_fork(after_in_child=_turns.clear)  # a child has none of the threads

# Octets that are put on the disk at once where each call has to end in time.
_PIECE = 4 << 20


def replace_file(
    path: Path, content: bytes, *, mode: int = PRIVATE, synchronised: bool = True
) -> None:
    """Put `content` in place of what `path` holds; see `replace_filled`."""
    replace_filled(path, lambda file: file.write(content), mode=mode, synchronised=synchronised)


def replace_filled(
    path: Path,
    fill: Callable[[BinaryIO], object],
    *,
    mode: int = PRIVATE,
    synchronised: bool = True,
) -> None:
    """Put what `fill` writes in place of what `path` holds; its directory must be there.

    Not `synchronised` it is replaced at once for those who read, but a crash of the machine may
    leave a part of it. Raises OSError, with what was there left as it was; blocks.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(fresh, flags, PRIVATE), "wb") as file:
            os.fchmod(file.fileno(), mode)
            fill(file)
            file.flush()
            if synchronised:
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    if synchronised:
        synchronise(path.parent)  # the renaming


def replacing(path: Path, content: bytes, *, synchronised: bool = True) -> Callable[[Step], None]:
    """`make_directory` and `replace_file`, as work for `WRITES`.

    Large `content` is put on the disk piece by piece. What is written too late may still replace
    what `path` holds, but not what is written after it: that waits for its end, or is refused.
    """
    name = str(path)

    def write(step: Step) -> None:
        def fill(file: BinaryIO) -> None:
            for start in range(0, len(content), _PIECE):
                if start:
                    if synchronised:
                        file.flush()
                        os.fsync(file.fileno())
                    step(name)
                file.write(content[start : start + _PIECE])

        step(name)
        with _turns.setdefault(name, threading.Lock()):
            step(name)  # nobody may wait for it any more
            make_directory(path.parent)
            replace_filled(path, fill, synchronised=synchronised)

    return write


def removing(path: Path) -> Callable[[Step], None]:
    """Its removal, if it is there, as work for `WRITES`."""

    def remove(step: Step) -> None:
        step(str(path))
        path.unlink(missing_ok=True)

    return remove


def why_not(error: Exception) -> str:
    """Why something cannot be written or read, or not be used.

    The words stay the same for as long as a disk hangs, so that it is said once.
    """
    if not isinstance(error, OSError):
        return str(error)
    if isinstance(error, HangingError):
        return "the disk does not answer"
    return error.strerror or type(error).__name__


def install_file(fresh: Path, path: Path, *, mode: int = PUBLIC) -> None:
    """Move a whole file of the same file system to `path`, in place of what that holds.

    Raises OSError, with what was there left as it was; blocks.
    """
    descriptor = os.open(fresh, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    synchronise(path.parent)


def make_directory(path: Path, *, mode: int = PRIVATE_DIRECTORY) -> None:
    """A directory and those above it where they are not there; those that are stay as they are.

    `Path.mkdir` gives those above the default mode. Raises OSError; blocks.
    """
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    except FileNotFoundError:
        if path.parent == path or path.is_symlink():  # one that leads nowhere
            raise
        make_directory(path.parent, mode=mode)
        path.mkdir(mode=mode, exist_ok=True)
    path.chmod(mode)  # the umask has taken from it
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Have a file, or the names in a directory, outlive a crash. Raises OSError; blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot synchronise directories, and have no need to.
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def open_lock(path: Path, *, mode: int = PRIVATE) -> int:
    """A descriptor of a file that is there to be locked; made where it is not. Raises OSError.

    Its mode says who else may lock it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, mode)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
