"""The dotted keys of `--set`, such as ``service."llama-3.1".ttl``, taken apart."""

from __future__ import annotations

import re

from resolverd.config.positions import unquoted

_PART = re.compile(r"""("(?:\\.|[^"\\])+"|'[^']+'|[^."']+)(\.|\Z)""", re.DOTALL)


def key_parts(key: str) -> list[str]:
    """The names in a dotted key; one that has a dot in it stands in quotes, as in TOML.

    Raises ValueError where a part is empty or its quotes are not closed.
    """
    parts, at, more = [], 0, True
    while more:
        part = _PART.match(key, at)
        if part is None:
            raise ValueError(f"{key} is no dotted key")
        parts.append(unquoted(part[1]))
        at, more = part.end(), bool(part[2])
    return parts
