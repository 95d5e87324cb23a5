"""Whether anything can be kept for the next start, in words."""

from __future__ import annotations

from resolverd.admin.served import Served
from resolverd.kept.directory import NOT_SET


def kept_troubles(served: Served) -> list[str]:
    """What somebody should look at, in words: kept files that are served, state that is not kept.

    An empty `server.state` is the operator's choice, and none of these.
    """
    trouble = served.state.trouble
    found = [served.reloads.kept] if served.reloads.kept else []
    if trouble and trouble != NOT_SET:
        found.append(f"nothing can be kept for a restart: {trouble}")
    return found
