"""Whether a running daemon serves a socket unit's addresses and not those configured; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resolverd.config.listen_checks import LISTEN_IGNORED
from resolverd.doctor.finding import Finding


def listening(state: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding where its `server.listen` is ignored, by the answer of ``GET /state``."""
    for problem in state.get("reload", {}).get("warnings", ()):
        if problem["id"] == LISTEN_IGNORED:
            yield Finding("listen", "warning", problem["message"], f"# {problem['hint']}")
