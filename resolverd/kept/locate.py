"""Where `server.state` is, even while the configuration that says so cannot be read.

In this order: what the command line says, what the file says, what the file says above its first
mistake, and what the service manager set up for the daemon ($STATE_DIRECTORY, systemd.exec(5)).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resolverd.config.load import SetOption
from resolverd.config.readable import tables_read


def state_path(
    config: Path, options: Sequence[SetOption], environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The directory, or None where there is none. Blocks as `read_file` does."""
    said: Any = next((value for key, value in reversed(options) if key == "server.state"), None)
    if said is None:
        said = _in_file(config)
    if said is None:
        said = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return config.parent / said if isinstance(said, str) and said else None


def _in_file(config: Path) -> Any:
    """What the file says, None where it says nothing."""
    tree, whole = tables_read(config)
    server = tree.get("server")
    if not isinstance(server, dict):
        return None
    if not whole:
        return server.get("state")
    if not {"state", "coordinates"} & server.keys():
        return None  # emptied, or cut off above what it must say
    return server.get("state", "")
