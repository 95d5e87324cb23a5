"""What a daemon leaves out when it imports libraries, which load more than it needs of them.

Contexts hold while they last, for whatever is imported in them first.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def sparing() -> Iterator[None]:
    """All of them: how a daemon imports."""
    # Only now: ssl takes a while to load, and a start has begun with its databases by then.
    from resolverd.certificates import certificates_when_needed

    # structlog takes rich for tracebacks, which are made otherwise here; watchfiles takes anyio for
    # those who watch from an event loop, and here a thread does.
    with uncollected(), absent("rich"), hollow("anyio"), certificates_when_needed():
        yield


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without a search for garbage: what is loaded stays, and to look is a quarter of it.

    Nor is it looked through as soon as it is loaded, which would take a tenth of a daemon's start
    to find 90 KiB.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


def without_plugins() -> None:
    """Have pydantic load no plugins, unless the environment says otherwise.

    It would look for some through all that is installed, and run them (pydantic, "Plugins").
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Import as if the package `name` were not installed: for those who take it where it is.

    Nothing happens where it has been imported.
    """
    if name in sys.modules:
        yield
        return
    # So `import` finds that there is none (Python reference, "The module cache").
    sys.modules[name] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def hollow(name: str) -> Iterator[None]:
    """Import as if there were nothing in the package `name`: for those who take and never use it.

    Nothing happens where it has been imported.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
