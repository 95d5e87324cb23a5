"""What a check across options finds: where, which check, what is wrong, and what to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from resolverd.config.positions import Path as KeyPath
from resolverd.errors import Severity

Tree = Mapping[str, Any]
"""A configuration as it was written."""


class Finding(NamedTuple):
    """What a check found about the key at `path`."""

    path: KeyPath
    check: str
    message: str
    mend: str
    severity: Severity = "error"
