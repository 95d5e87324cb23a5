"""How the C library keeps freed memory: a little, and in one place.

glibc gives each thread an arena of its own, and once a large block was freed it takes blocks as
large from there too, where what a start has freed stays. A daemon that loads databases in threads
keeps the most that each thread ever had. So: one arena, and large blocks are mapped each for
itself, which go back to the kernel when they are freed (mallopt(3)).
"""

from __future__ import annotations

import ctypes
from functools import cache

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Octets. With a lower threshold, blocks that are used all the time would each cost a system call.
_LARGE = 256 * 1024
_KEPT = 128 * 1024


def keep_little() -> None:
    """Keep as little of what is freed as costs no time; before any thread is started.

    Where the C library is not glibc nothing happens.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """Give what is free back to the kernel: after much was made and dropped. Takes milliseconds."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt, libc.malloc_trim  # noqa: B018 - AttributeError where there is none
    except (OSError, AttributeError, TypeError):
        return None
    libc.malloc_trim.argtypes = [ctypes.c_size_t]
    return libc
