"""Where the admin socket is: for the daemon that opens it, and for the verbs that look for it.

`auto` is one place per kind of host: what systemd gives a service, else what root has, else
what a login session has, else a directory of the user's own.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Automatic(NamedTuple):
    """Where `auto` is: as `system` for root, as the file `name` in a directory of its own, and as
    `session` in a login session's.
    """

    system: Path
    name: str
    session: str


SYSTEM = Path("/run/resolverd/admin.sock")
DAEMON = Automatic(SYSTEM, "admin.sock", "resolverd.sock")


def socket_of(setting: str, base: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The path to open; relative ones are relative to `base`. None opens no socket."""
    if not setting:
        return None
    if setting != "auto":
        return base / setting
    return next(_automatic(DAEMON, environ))


def sockets_of(
    setting: str,
    base: Path,
    environ: Mapping[str, str] = os.environ,
    automatic: Automatic = DAEMON,
) -> list[Path]:
    """Where a process with that setting may be found, likeliest first; none where it opens none."""
    if not setting:
        return []
    if setting != "auto":
        return [base / setting]
    return list(dict.fromkeys([*_automatic(automatic, environ), automatic.system]))


def own_directory() -> Path:
    """The directory of this user among the temporary ones; `is_own` says whether it is safe.

    It need not be possible to make it: the root of a container may be read-only.
    """
    try:
        temporary = tempfile.gettempdir()
    except FileNotFoundError:
        temporary = "/tmp"
    return Path(temporary) / f"resolverd-{os.geteuid()}"


def make_directory(path: Path) -> None:
    """Make the directory of a socket. Raises OSError, also where another user could swap it."""
    parent = path.parent
    if parent != own_directory():
        parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return
    parent.mkdir(mode=0o700, exist_ok=True)
    if not is_own(parent):
        raise PermissionError(1, "belongs to somebody else", str(parent))


def is_own(directory: Path) -> bool:
    """Whether a directory is this user's, and nobody else may write to it."""
    status = directory.lstat()
    mine = status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode)
    return mine and not status.st_mode & 0o022


def _automatic(automatic: Automatic, environ: Mapping[str, str]) -> Iterator[Path]:
    given = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        yield Path(given) / automatic.name
    if os.geteuid() == 0:
        yield automatic.system
    session = environ.get("XDG_RUNTIME_DIR")
    if session:
        yield Path(session) / automatic.session
    yield own_directory() / automatic.name
