"""Remember that a database passed its walk, so that a restart does not pay for it again.

One JSON file per database path in a state directory: the rules it was checked by, and the
file's size, mtime and SHA-256 with the report. Only the SHA-256 decides; a stamp that
cannot be read, or was written by other rules, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from resolverd.errors import GeoError
from resolverd.files.large import digest_file
from resolverd.files.reading import MAX_DATABASE, read_kept
from resolverd.files.writing import WRITES, replacing, why_not
from resolverd.geo.inspection import WalkReport

RULES = 1
"""Version of what a walk checks: a higher one than a stamp's has the database walked again."""

_UNREADABLE = (OSError, ValueError, TypeError, KeyError)
"""What a stamp that cannot be read raises."""


def recall(directory: Path, path: Path) -> WalkReport | None:
    """The report of an earlier walk of the very bytes now at `path`, if there is one.

    Raises GeoError when the database cannot be read.
    """
    report = _read(directory, path)
    return report if report is not None and report.sha256 == sha256_of(path) else None


def known(directory: Path, path: Path, sha256: str) -> WalkReport | None:
    """`recall` of bytes with this SHA-256, which have been read already."""
    report = _read(directory, path)
    return report if report is not None and report.sha256 == sha256 else None


def is_known(directory: Path, path: Path, sha256: str) -> bool:
    """Whether there is such a report; a stamp that cannot be read is for others to tell of."""
    with suppress(*_UNREADABLE):
        report = _report(_stamp_path(directory, path))
        return report is not None and report.sha256 == sha256
    return False


def _read(directory: Path, path: Path) -> WalkReport | None:
    stamp = _stamp_path(directory, path)
    try:
        return _report(stamp)
    except FileNotFoundError:
        return None
    except _UNREADABLE as error:
        from resolverd import (
            log,
        )  # only now: a start looks for stamps before it has anything to log

        log.get("geo").warning("geo.stamp_unreadable", file=str(stamp), reason=why_not(error))
        return None


def _report(stamp: Path) -> WalkReport | None:
    stamped = json.loads(read_kept(stamp))
    return WalkReport(**stamped["report"]) if stamped["rules"] == RULES else None


def remember(directory: Path, path: Path, report: WalkReport) -> None:
    """Write the stamp for a walk that passed; a failure is logged, for only time is lost."""
    try:
        status = path.stat()
        stamp = {
            "rules": RULES,
            "size": status.st_size,
            "mtime_ns": status.st_mtime_ns,
            "sha256": report.sha256,
            "report": asdict(report),
        }
        content = json.dumps(stamp, indent=1).encode()
        # A start waits for this, and of a part nothing is believed.
        WRITES.run(replacing(_stamp_path(directory, path), content, synchronised=False))
    except OSError as error:
        from resolverd import log  # as above

        reason = why_not(error)
        log.get("geo").warning("geo.stamp_unwritable", directory=str(directory), reason=reason)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises GeoError when it cannot be read."""
    try:
        return digest_file(path, MAX_DATABASE)
    except OSError as error:
        raise GeoError(f"{path}: {error.strerror}") from error


def _stamp_path(directory: Path, path: Path) -> Path:
    place = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:12]
    return directory / f"{path.name}.{place}.walk.json"
