"""Where `server.state` is, even while the configuration that says so cannot be read.

In this order: what the command line says, what the file says, what the file says above its first
mistake, and what the service manager set up for the daemon ($STATE_DIRECTORY, systemd.exec(5)).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resolverd.config.load import SetOption
from resolverd.config.partial import tables_above
from resolverd.config.toml_text import parsed
from resolverd.files.reading import MAX_CONFIG, read_file


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
    try:
        text = read_file(config, MAX_CONFIG).decode("utf-8", "replace")
    except OSError:
        return None
    try:
        tree = parsed(text)
        server = tree.get("server")
        if not isinstance(server, dict) or not {"state", "coordinates"} & server.keys():
            return None  # emptied, or cut off above what it must say
        return server.get("state", "")
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        tree = tables_above(text, int(at[1]) if at else text.count("\n") + 2)
    server = tree.get("server")
    return server.get("state") if isinstance(server, dict) else None
