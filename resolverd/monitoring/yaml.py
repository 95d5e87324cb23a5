"""Plain values as YAML that people read: blocks, and texts in double quotes as JSON has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_]{2,}")
# Of those, what YAML 1.1 takes for no text, in any case of its letters (yaml.org/type/bool.html).
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off"}


def to_yaml(value: Any) -> str:
    """Mappings, lists, texts, numbers and switches; a list of plain values stands on one line."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                # A parameter of a URL may be called as anything.
                plain = _PLAIN.fullmatch(name) and name.lower() not in _NO_TEXT
                key = name if plain else json.dumps(name, ensure_ascii=False)
                if _is_short(inner):
                    yield f"{key}: {json.dumps(inner, ensure_ascii=False)}"
                else:
                    yield f"{key}:"
                    yield from (f"  {line}" for line in _lines(inner))
        case list():
            for inner in value:
                first, *others = _lines(inner)
                yield f"- {first}"
                yield from (f"  {line}" for line in others)
        case _:
            yield json.dumps(value, ensure_ascii=False)


def _is_short(value: Any) -> bool:
    """Whether it stands behind its key: JSON is YAML too."""
    if isinstance(value, dict):
        return not value
    return not isinstance(value, list) or not any(isinstance(e, (dict, list)) for e in value)
