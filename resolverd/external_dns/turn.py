"""One writer of fragments at a time, be it of another process.

While a pod is replaced two providers have the same files. Each reads a fragment, changes what it
read, and writes it through a file beside (`files.writing`): without turns one would undo what the
other has changed, or move what that has half written into its place.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resolverd.files.matching import real_path
from resolverd.files.writing import GROUP, open_lock


@contextmanager
def turn(fragments: Iterable[Path]) -> Iterator[None]:
    """Keep others from these meanwhile, once they are done; raises OSError. Blocks.

    It is a lock on a file `.NAME.lock` beside each, which stays, and which a process that ends
    lets go of. Other accounts of its group may have it, as in a pod's volume (fsGroup).
    """
    with ExitStack() as locks:
        # In one order everywhere, so that no two wait for each other.
        places = {Path(real_path(each.parent)) / each.name for each in fragments}
        for fragment in sorted(places):
            path = fragment.with_name(f".{fragment.name}.lock")
            try:
                lock = open_lock(path, mode=GROUP)
                locks.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                in_the_way = path if os.path.lexists(path) else fragment
                raise OSError(error.errno, error.strerror, str(in_the_way)) from error
        yield
