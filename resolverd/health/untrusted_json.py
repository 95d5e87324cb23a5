"""JSON from a server that is not trusted: read where it holds no more values than are useful.

`json` reads a value in one go, in which nothing else happens; of octets a million make lists of
lists for half a second, and for a hundred times their memory.
"""

from __future__ import annotations

import json
from typing import Any

# Values in one text, about: a list of 1,500 models has so many, a vector of 8,192 numbers a sixth.
MAX_VALUES = 50_000
# Octets that are counted at once.
_PART = 64 * 1024


def too_many_values(text: bytes | bytearray) -> bool:
    """Whether the text may hold more values than are read; what stands in strings counts too."""
    values = 0
    for at in range(0, len(text), _PART):
        part = text[at : at + _PART]
        values += part.count(b",") + part.count(b"[") + part.count(b"{")
        if values > MAX_VALUES:
            return True
    return False


def parse_json(text: bytes) -> Any:
    """The JSON value in `text`, or None where there is none that can be read.

    Nor is there one where it holds too many values.
    """
    if too_many_values(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
