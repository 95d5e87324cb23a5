"""Make a source distribution the same octets whenever it is built.

What builds it puts in the time of the build, the name of the user, and the members in the order
of the file system.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path


def settle(path: Path, epoch: int) -> None:
    """Write it anew: members by name, owned by nobody, of the time `epoch` (s)."""
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=epoch) as zipped:
        zipped.write(packed.getvalue())
