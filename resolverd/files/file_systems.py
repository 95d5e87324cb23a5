"""Whether the times of an open file tell of every write, by the file system that it lies on.

Linux itself keeps the times of files on a local disk: a write changes that of the status change,
which no program sets as it likes. Where a program writes into a mapping of the file, the first
write to a page does, and the next one after the page was synced (fdatasync(2)). Elsewhere the times
may be those of another host, of a program, or of the archive that an image was made of; and nothing
syncs pages of a file system in memory, so that its times stay as they are through a mapping. An
overlay may lie on any of these.

Who makes an image sets all times in it, and another one may be mounted by the same device number.
So a file system is not relied on that is read-only, or that lies in a file (a loop device).
"""

from __future__ import annotations

from pathlib import Path

_TELLING = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"))
_PROC = Path("/proc/self")


def tells_of_writes(descriptor: int) -> bool:
    """Whether the file lies on a file system whose times do; False where that is not known."""
    try:
        status = (_PROC / f"fdinfo/{descriptor}").read_text()
        mounts = (_PROC / "mountinfo").read_text()
    except (OSError, UnicodeDecodeError):
        return False
    fields = dict(line.partition(":")[::2] for line in status.split("\n"))
    return _tells(mounts, fields.get("mnt_id", "").strip())


def _tells(mounts: str, mount: str) -> bool:
    """Whether those of the mount with this id do (proc_pid_mountinfo(5))."""
    for line in mounts.split("\n"):
        before, _, after = line.partition(" - ")
        if before.split(" ", 1)[0] == mount:
            kind, source, options = [*after.split(" "), "", ""][:3]
            # Those of the file system: a unit may have a view of its own that it cannot write to.
            writable = "ro" not in options.split(",")
            return kind in _TELLING and writable and not source.startswith("/dev/loop")
    return False
