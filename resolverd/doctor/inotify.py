"""Whether edits can be noticed as they happen: the kernel's limits on inotify(7), per user."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from resolverd.doctor.finding import Finding, untold
from resolverd.doctor.procfs import Procfs

NEEDED_WATCHES = 64
"""Directories of an ordinary configuration, with room for more."""

_INSTANCE = "anon_inode:inotify"


class Usage(NamedTuple):
    """What one user's processes have of inotify, as far as we may see; `own` is the daemon's."""

    user: int
    instances: int
    watches: int
    own: int


def inotify_usage(proc: Procfs, process: str) -> Usage | None:
    """The usage of the user that `process` runs as; None where /proc hides it."""
    uid = proc.status(process, "Uid")
    if uid is None:
        return None
    user = uid.split()[0]
    instances = watches = own = 0
    for folder in _entries(proc.root / "proc"):
        if not folder.name.isdigit() or (proc.status(folder.name, "Uid") or "").split()[:1] != [
            user
        ]:
            continue
        for descriptor in _entries(folder / "fd"):
            if _link(descriptor) != _INSTANCE:
                continue
            info = proc.text(f"proc/{folder.name}/fdinfo/{descriptor.name}") or ""
            instances += 1
            own += folder.name == process
            watches += sum(row.startswith("inotify ") for row in info.splitlines())
    return Usage(int(user), instances, watches, own)


def inotify(
    watch: bool, usage: Usage | None, max_instances: int | None, max_watches: int | None
) -> Finding:
    """Where no instance is left, edits are noticed by polling: seconds later, and not refused."""
    if not watch:
        seen = "server.watch is false: edits are adopted by `resolverd reload` and SIGHUP alone"
        return Finding("inotify", "ok", seen)
    if usage is None or max_instances is None or max_watches is None:
        return untold("inotify", "/proc/sys/fs/inotify")
    seen = (
        f"user {usage.user} has {usage.instances:,} of {max_instances:,} inotify instances "
        f"and {usage.watches:,} of {max_watches:,} watches"
    )
    if usage.own:
        return Finding("inotify", "ok", seen)
    if usage.instances >= max_instances:
        hint = f"sysctl -w fs.inotify.max_user_instances={max(1024, 2 * max_instances)}"
    elif usage.watches + NEEDED_WATCHES > max_watches:
        hint = f"sysctl -w fs.inotify.max_user_watches={max(65536, 2 * max_watches)}"
    else:
        return Finding("inotify", "ok", seen)
    return Finding("inotify", "advice", f"{seen}: edits are noticed by polling", hint)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # another user's, or ended meanwhile
        return []


def _link(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""
