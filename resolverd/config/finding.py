"""What a check across options found, and the tree of options as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from resolverd.config.positions import Path as KeyPath
from resolverd.errors import Severity

Tree = Mapping[str, Any]


class Finding(NamedTuple):
    """What a check found about the key at `path`.

    The caret stands under its value, or under the key where that is what is wrong. `because` are
    the paths of other options that it follows from: of those that nobody wrote the report says
    that their defaults hold.
    """

    path: KeyPath
    check: str
    message: str
    hint: str
    severity: Severity = "error"
    at: Literal["value", "key"] = "value"
    because: tuple[KeyPath, ...] = ()
