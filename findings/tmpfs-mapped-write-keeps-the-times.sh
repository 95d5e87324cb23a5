#!/bin/sh
# A file on tmpfs that is written through a shared mapping can keep its mtime and ctime for good.
#
# Expected: what is written to a MAP_SHARED mapping updates the file's times at some point between the write and the next
# msync(2), as mmap(2) and POSIX have it; so a watcher that compares the times sees the change in the end.
# Seen: where the page was read through the mapping before it is written, tmpfs maps it writable at the read, and no
# fault tells the kernel of the write. The content changes, and neither time does: not at the write, nor at msync(2),
# fsync(2), munmap(2) or close(2). On a page that is written first they do change, as they do on a disk's file system.
# So whoever keeps a database in /dev/shm or a tmpfs /run, and updates it in place by a mapping, changes it unseen by
# anything that goes by stat(2): rsync, make, and reloads that skip what has not changed.
# Needs Python 3 alone and a writable tmpfs in /dev/shm; what is tried is the kernel.
set -eu
uname -sr
python3 - <<'PY'
import mmap
import os
import sys
import tempfile


def times(path):
    found = os.stat(path)
    return found.st_mtime_ns, found.st_ctime_ns


def changed_after(folder, read_first):
    """After which steps the times differ from those before the write; and what the file holds then."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"a" * mmap.PAGESIZE)
        file.flush()
        os.utime(file.name, (1_000_000_000, 1_000_000_000))
        before, steps = times(file.name), {}
        with mmap.mmap(file.fileno(), mmap.PAGESIZE) as mapped:
            if read_first:
                mapped[:1]
            mapped[:1] = b"b"
            steps["write"] = times(file.name) != before
            mapped.flush()
            steps["msync"] = times(file.name) != before
            os.fsync(file.fileno())
            steps["fsync"] = times(file.name) != before
        steps["munmap"] = times(file.name) != before
        with open(file.name, "rb") as again:
            return steps, again.read(1)


results = {}
for folder in ("/dev/shm", tempfile.gettempdir()):
    kind = os.popen(f"stat -f -c %T {folder}").read().strip()
    for read_first in (False, True):
        steps, held = changed_after(folder, read_first)
        results[kind, read_first] = (any(steps.values()), held)
        first = "read, then written" if read_first else "written"
        told = ", ".join(f"{step} {'yes' if yes else 'no'}" for step, yes in steps.items())
        print(f"{kind:10} {first:19} times changed after: {told}; the file holds {held.decode()}")
expected = {("tmpfs", False): (True, b"b"), ("tmpfs", True): (False, b"b")}
sys.exit(0 if {key: results.get(key) for key in expected} == expected else "this has changed")
PY
