"""Find and load the native library, or give the reason why there is none.

It lies beside the package as ``_native*.so`` where a `pip install` built it; where that failed,
``_native.missing`` says why, in one line that ``setup.py`` wrote. The library
is loaded once per process, and only if it has this package's version of the ABI.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

ABI_VERSION = 5
"""The same as in `native/src/ffi/mod.rs`; a library of another version is not used."""

_PACKAGE = Path(__file__).parents[1]
# `RECORD` in setup.py.
_RECORD = "_native.missing"


class Span(ctypes.Structure):
    """Octets lent to the library for one call (`sys::Span`)."""

    _fields_ = (("start", ctypes.c_char_p), ("length", ctypes.c_size_t))

    @classmethod
    def of(cls, octets: bytes) -> Span:
        """`octets`, which must stay referenced until the call returns."""
        return cls(octets, len(octets))


class OutBuf(ctypes.Structure):
    """A buffer lent to the library for an answer (`sys::OutBuf`)."""

    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))

    @classmethod
    def of(cls, buffer: ctypes.Array[ctypes.c_char]) -> OutBuf:
        """`buffer`, made by ``ctypes.create_string_buffer``, for one call."""
        return cls(ctypes.addressof(buffer), len(buffer))


class _Loaded(NamedTuple):
    library: ctypes.CDLL | None
    reason: str


def why_not() -> str | None:
    """None when the native library can be used, else the reason, in words for an operator."""
    loaded = _load()
    return None if loaded.library is not None else loaded.reason


def library() -> ctypes.CDLL:
    """The native library. Raises RuntimeError with `why_not` where there is none."""
    loaded = _load()
    if loaded.library is None:
        raise RuntimeError(loaded.reason)
    return loaded.library


def _recorded() -> str:
    """Why the build failed, as recorded when resolverd was installed."""
    try:
        recorded = (_PACKAGE / _RECORD).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "resolverd was not installed, or nothing was recorded then"
    return f"{recorded}, when resolverd was installed"


@cache
def _load() -> _Loaded:
    if sys.platform != "linux":
        return _Loaded(None, f"it serves on Linux only, and this is {platform.system()}")
    found = sorted(_PACKAGE.glob("_native*.so"))
    if not found:
        return _Loaded(None, f"it was not built: {_recorded()}")
    try:
        opened = ctypes.CDLL(str(found[0]))
        version = opened.resolverd_abi_version
    except (OSError, AttributeError) as error:
        return _Loaded(None, f"{found[0].name} cannot be loaded: {error}")
    version.restype = ctypes.c_uint32
    if (found_version := version()) != ABI_VERSION:
        return _Loaded(
            None,
            f"{found[0].name} has ABI version {found_version}, not {ABI_VERSION}: "
            "it is of another release; install resolverd again",
        )
    return _Loaded(opened, "")
