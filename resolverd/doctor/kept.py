"""What a restart depends on: the files on disk, and what is kept in `server.state`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from resolverd.doctor.finding import Finding
from resolverd.kept.directory import FORGOTTEN

# Free octets below which it is a warning: more than an override or a small configuration takes.
_FREE_OCTETS = 1 << 20


def restart(path: Path, refused: str, held: str = "") -> Finding:
    """Whether a restart would come up with the files at `path`, and serve them.

    `refused` is what it would do where they are refused, `held` what it would not serve of good
    ones; both are empty where it would serve them all.
    """
    hint = f"resolverd check --config {shlex.quote(str(path))}"
    if refused:
        return Finding("restart", "fault", refused, hint)
    if held:
        return Finding("restart", "warning", held, hint)
    return Finding("restart", "ok", f"{path}: a restart would serve these files")


def state(directory: Path | None) -> Finding:
    """Whether anything can be kept, as far as that is seen without writing."""
    if directory is None:
        seen = f"server.state is empty: {FORGOTTEN}"
        return Finding("state", "advice", seen, 'write in [server]: state = "/var/lib/resolverd"')
    unusable, hint = _unusable(directory)
    if unusable:
        return Finding("state", "warning", f"{directory}: {unusable}: {FORGOTTEN}", hint)
    return Finding("state", "ok", f"{directory}: what is to outlive a restart is kept there")


def _unusable(directory: Path) -> tuple[str, str]:
    """Why nothing can be kept, and what to do; empty where it can, or may be made."""
    quoted = shlex.quote(str(directory))
    if not os.path.lexists(directory):
        parent = directory.parent
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            return "", ""
        return "it does not exist, and may not be made", f"install -d -m 0700 {quoted}"
    if not directory.is_dir():
        return "it is no directory", f"ls -ld {quoted}"
    if not os.access(directory, os.W_OK | os.X_OK):
        return "it cannot be written from here", f"ls -ld {quoted}; findmnt -T {quoted}"
    room = os.statvfs(directory)
    if room.f_bavail * room.f_frsize < _FREE_OCTETS:
        return "its file system is full", f"df -h {quoted}"
    return "", ""
