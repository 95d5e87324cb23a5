"""How far a call of the native library is."""

from __future__ import annotations

import ctypes


class Meter:
    """The part of a call that is done, written by the library and read from any thread."""

    def __init__(self) -> None:
        self._thousandths = ctypes.c_uint32(0)

    @property
    def part(self) -> float:
        """The part done, from 0 to 1, in steps of a thousandth."""
        return min(1.0, self._thousandths.value / 1000)

    def lent(self) -> ctypes.c_void_p:
        """A pointer that the library writes to; keep this object until the call has returned."""
        return ctypes.c_void_p(ctypes.addressof(self._thousandths))
