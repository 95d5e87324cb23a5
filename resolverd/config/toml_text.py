"""TOML that several parts of a start look into in turn, parsed once for all of them.

Where the state lies, which databases there are and whether a fleet has the rest is asked before the
configuration is loaded, each time of the same text; of a thousand regions to parse it takes as long
as to check it.
"""

from __future__ import annotations

import threading
import tomllib
from typing import Any

_lock = threading.Lock()


class _Last:
    """The text that was parsed last, and what it says; None once it was taken."""

    known: tuple[str, dict[str, Any]] | None = None


def parsed(text: str) -> dict[str, Any]:
    """As `tomllib.loads`, which raises TOMLDecodeError; remembered until the next text.

    The tree is the caller's own.
    """
    with _lock:
        last = _Last.known
        if last is None or last[0] != text:
            last = _Last.known = text, tomllib.loads(text)
        tree: dict[str, Any] = _copy(last[1])
    return tree


def taken(text: str) -> dict[str, Any]:
    """As `parsed`, for whoever asks last: the text is remembered no longer."""
    with _lock:
        last, _Last.known = _Last.known, None
    return tomllib.loads(text) if last is None or last[0] != text else last[1]


def _copy(node: Any) -> Any:
    """Tables and arrays anew, of which an override may change one."""
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(element) for element in node] if isinstance(node, list) else node
