"""TOML that several parts of a start look into in turn, parsed once for all of them.

Where the state lies, which databases there are and whether a fleet has the rest is asked before the
configuration is loaded, each time of the same text; of a thousand regions to parse it takes as long
as to check it.
"""

from __future__ import annotations

import re
import sys
import threading
import tomllib
from typing import Any

NESTED = "it nests too deeply"
DIGITS = "a number has too many digits"

# Tables and arrays in one another, far more than any option has.
_DEEPEST = 64

_lock = threading.Lock()


class _Last:
    """The text that was parsed last, and what it says; None once it was taken."""

    known: tuple[str, dict[str, Any]] | None = None


class UnreadableTomlError(tomllib.TOMLDecodeError):
    """The text may be TOML, and cannot be read all the same."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)


def loads(text: str) -> dict[str, Any]:
    """As `tomllib.loads`, which raises TOMLDecodeError; here for all that it cannot read."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise _nested() from None
    except ValueError:
        # Python converts no number of more digits from text (`sys.set_int_max_str_digits`).
        limit = sys.get_int_max_str_digits()
        found = re.search(rf"[0-9_]{{{limit + 1},}}", text) if limit else None
        start = found.start() if found else 0
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        message = f"{DIGITS} (at line {line}, column {column})"
        raise UnreadableTomlError(message) from None
    if _nests_too_deeply(tree):
        raise _nested()
    return tree


def _nested() -> UnreadableTomlError:
    return UnreadableTomlError(f"{NESTED} (at line 1, column 1)")


def _nests_too_deeply(tree: dict[str, Any]) -> bool:
    """What goes through a tree later goes down by calls, from deeper than tomllib is called."""
    nodes: list[Any] = [tree]
    for _ in range(_DEEPEST):
        inside = (node.values() if isinstance(node, dict) else node for node in nodes)
        nodes = [each for node in inside for each in node if isinstance(each, (dict, list))]
    return bool(nodes)


def parsed(text: str) -> dict[str, Any]:
    """As `loads`, which raises TOMLDecodeError; remembered until the next text.

    The tree is the caller's own.
    """
    with _lock:
        last = _Last.known
        if last is None or last[0] != text:
            last = _Last.known = text, loads(text)
        tree: dict[str, Any] = _copy(last[1])
    return tree


def taken(text: str) -> dict[str, Any]:
    """As `parsed`, for whoever asks last: the text is remembered no longer."""
    with _lock:
        last, _Last.known = _Last.known, None
    return loads(text) if last is None or last[0] != text else last[1]


def _copy(node: Any) -> Any:
    """Tables and arrays anew, of which an override may change one."""
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(element) for element in node] if isinstance(node, list) else node
