"""Whether the times of an open file tell of every write, by the file system that it lies on.

Linux itself keeps the times of files on a local disk: a write changes that of the status change,
which nobody can set. Where a program writes into a mapping of the file, the first write to a page
does, and the next one after the page was written to the disk. Elsewhere the times may be those of
another host, of a program, or of the archive that an image was made of; and nothing writes pages of
a file system in memory to a disk, so that its times stay as they are through a mapping. An overlay
may lie on any of these.
"""

from __future__ import annotations

from pathlib import Path

WRITTEN_BACK_NS = 15 * 60 * 1_000_000_000
"""After so long without a change no page is left whose next write the times would not tell of.
Kernels write pages to the disk after half a minute, some that spare a disk after ten."""

_TELLING = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"))
_PROC = Path("/proc/self")


def tells_of_writes(descriptor: int) -> bool:
    """Whether the file lies on a file system whose times do; False where that is not known."""
    return kind_of(descriptor) in _TELLING


def kind_of(descriptor: int) -> str:
    """The kind of file system, such as ``ext4``; empty where it is not known."""
    try:
        status = (_PROC / f"fdinfo/{descriptor}").read_text()
        mounts = (_PROC / "mountinfo").read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    fields = dict(line.partition(":")[::2] for line in status.splitlines())
    return _kind(mounts, fields.get("mnt_id", "").strip())


def _kind(mounts: str, mount: str) -> str:
    """That of the mount with this id (proc_pid_mountinfo(5))."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if before.split(" ", 1)[0] == mount:
            return after.split(" ", 1)[0]
    return ""
