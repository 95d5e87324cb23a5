"""Priorities for the journal: ``<4>`` before a line that a service logs at level warning.

sd-daemon(3): a line on standard error that begins so has that priority (syslog(3)) in the journal,
where all others are informational. Standard error is the journal if its device and inode are those
in JOURNAL_STREAM (systemd.exec(5)), which holds for the process that systemd started and for
those that share its standard error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

PRIORITIES: Mapping[str, int] = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""By level; syslog's emergency, alert and notice are not used."""

_PREFIX = re.compile("<[0-7]>")


def is_journal(descriptor: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `descriptor` leads to the journal."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def printed(line: str) -> str:
    """A line that is no event, as it is to go to the journal: an error where it says nothing else.

    What a daemon prints is why it cannot start, or the traceback of a defect that ends it.
    """
    known = not line.strip() or _PREFIX.match(line)
    return line if known else f"<{PRIORITIES['error']}>{line}"


def prefixed(text: str, level: str) -> str:
    """`text` with its priority at the beginning of each line: the journal has an entry for each."""
    prefix = f"<{PRIORITIES[level]}>"
    return "\n".join(prefix + line for line in text.split("\n"))
