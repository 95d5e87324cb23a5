"""Values as TOML writes them: what a hint says can be pasted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from resolverd.config.bias import RegionBias
from resolverd.config.types import Listener

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_UNITS = (("d", 86_400), ("h", 3600))


def toml_value(value: Any, *, seconds: bool = False) -> str:
    """`value` as TOML; a number is a duration where it is `seconds`."""
    if isinstance(value, Listener):
        return f'"{value}"'
    if isinstance(value, RegionBias):
        value = value.written
    if isinstance(value, Mapping):
        pairs = (f"{toml_key(key)} = {toml_value(inner)}" for key, inner in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'"{duration(value)}"' if seconds else f"{value:.12g}"
    return _quoted(value)


def toml_key(key: str) -> str:
    """`key` as TOML writes it: bare, or in quotes if it has more than letters, digits, _ and -."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(value: Any) -> str:
    """A string as JSON has it, or a boolean; but TOML wants a DELETE escaped, too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def duration(seconds: float) -> str:
    """``5s``, ``250ms``, ``1h``: a unit that needs no fraction; minutes are said in seconds."""
    if seconds != round(seconds):
        return f"{seconds * 1000:g}ms"
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"
