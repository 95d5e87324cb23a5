"""Asking the kernel whether its clock is kept right: adjtimex(2), which here only reads."""

from __future__ import annotations

import ctypes
import sys

_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex``, and more room than any kernel fills after it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("most_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def kernel_synchronised() -> bool | None:
    """Whether something keeps the kernel's clock right; None where we may not ask."""
    if sys.platform != "linux":
        return None
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # a C library without it
        return None
    asked = _Timex()  # modes 0: nothing is set
    if adjtimex(ctypes.byref(asked)) < 0:
        return None
    return not asked.status & _STA_UNSYNC
