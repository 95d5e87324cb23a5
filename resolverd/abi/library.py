"""Find and load the native library, or give the reason why there is none.

It lies beside the package as ``_native*.so`` where a `pip install` built it; where that failed,
``_native.missing`` says why, in one line that ``setup.py`` wrote. The library
is loaded once per process, and only if it has this package's version of the ABI.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from resolverd.abi import contract

_PACKAGE = Path(__file__).parents[1]
# `RECORD` in setup.py.
_RECORD = "_native.missing"


class Span(contract.Span):
    """Octets lent to the library for one call."""

    @classmethod
    def of(cls, octets: bytes, start: int = 0) -> Span:
        """`octets` from `start` on, which must stay referenced until the call returns."""
        if not start:
            return cls(octets, len(octets))
        address = ctypes.cast(ctypes.c_char_p(octets), ctypes.c_void_p).value
        assert address is not None, "bytes lie somewhere"
        rest = ctypes.cast(ctypes.c_void_p(address + start), ctypes.c_char_p)
        return cls(rest, len(octets) - start)


class OutBuf(contract.OutBuf):
    """A buffer lent to the library for an answer."""

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


def path_of_library() -> Path:
    """Where it lies. Raises RuntimeError as `library` does."""
    return Path(library()._name)


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
    if (found_version := version()) != contract.ABI_VERSION:
        return _Loaded(
            None,
            f"{found[0].name} has ABI version {found_version:08x}, not {contract.ABI_VERSION:08x}: "
            "it is of another release; install resolverd again",
        )
    for name, (gives, *takes) in contract.FUNCTIONS.items():
        function = getattr(opened, name)
        function.restype, function.argtypes = gives, takes
    return _Loaded(opened, "")


def release_after(owner: object, release: Callable[[int], object], handle: int) -> None:
    """Release what the library has for `owner` once nobody holds that, and never as Python ends.

    Threads that are left behind then may still be in the library with it, without Python's lock,
    and the kernel takes all of the memory anyway.
    """
    weakref.finalize(owner, release, handle).atexit = False
