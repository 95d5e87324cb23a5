"""Addresses of hostnames that outlive the process: one JSON file, written whole, read once.

    {"version": 1, "names": {"gpu.example": {"A": ["192.0.2.1"], "AAAA": [], "seen": 1764321000}}}

`seen` is Unix time. What is read is not trusted: a file that is damaged, or of another version,
is an event and no addresses. It is written in the background, soon after a change of addresses and
now and then for their ages, and whole (`files.writing`), so that a crash leaves the old file or the
new one. One write at a time: what is put meanwhile is written after it, and a disk that hangs costs
one thread, none of those that others need.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resolverd import log, stop_limits
from resolverd.dns.hostnames import is_address
from resolverd.files.reading import read_kept
from resolverd.files.writing import WRITES, replacing, why_not
from resolverd.health.lookup import RRType, in_order

VERSION = 1
# Seconds in which changes are gathered, and after which ages alone, and what failed, are written.
_SOON, _SELDOM = 1.0, 300.0
# More addresses of one name than any that is answered has.
_MAX_ADDRESSES = 1000


class KeptAddresses:
    """The last addresses of hostnames that a nameserver gave; `path` None keeps none.

    `clock` gives Unix seconds.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._log = log.get("health")
        self._names: dict[str, dict[str, Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._unwritten = self._closing = False
        self._writing: asyncio.Task[None] | None = None
        self._failing = ""
        if path is not None:
            self._names = self._read(path)

    def get(self, hostname: str, family: RRType) -> tuple[str, ...]:
        """The last addresses of one family; none where none are kept."""
        return tuple(self._names.get(hostname, {}).get(family, ()))

    def age(self, hostname: str) -> float | None:
        """Seconds since a nameserver last spoke of `hostname`; None where nothing is kept."""
        seen = self._names.get(hostname, {}).get("seen")
        return None if seen is None else max(0.0, self._clock() - seen)

    def put(self, hostname: str, family: RRType, addresses: tuple[str, ...]) -> None:
        """Keep these; none forgets those known."""
        if self._path is None:
            return
        known = self._names.setdefault(hostname, {})
        changed = tuple(known.get(family, ())) != addresses
        known[family] = list(addresses)
        known["seen"] = round(self._clock())
        self._write_in(_SOON if changed else _SELDOM)

    def retain(self, hostnames: set[str]) -> None:
        """Forget all but `hostnames`."""
        for hostname in self._names.keys() - hostnames:
            del self._names[hostname]

    async def close(self) -> None:
        """Write what is not written yet, unless the disk keeps it waiting.

        `put` must not be called afterwards.
        """
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
            self._begin_writing()
        if self._writing is None:
            return
        await asyncio.wait([self._writing], timeout=stop_limits.NAMES)
        if not self._writing.done():
            self._writing.cancel()
            await asyncio.wait([self._writing])
            self._report("the disk does not answer")

    def _write_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due, self._timer = due, loop.call_later(seconds, self._begin_writing)

    def _begin_writing(self) -> None:
        """Write what is known now, after what is being written."""
        self._timer, self._unwritten = None, True
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        while self._unwritten:
            self._unwritten = False
            await self._write()

    async def _write(self) -> None:
        if self._path is None:
            return
        names = {name: known for name, known in self._names.items() if _some(known)}
        text = json.dumps({"version": VERSION, "names": names}, indent=1, sort_keys=True)
        try:
            await WRITES.call(replacing(self._path, text.encode()))
        except OSError as error:
            self._report(why_not(error))
            if not self._closing:  # no nameserver need say anything new before the next one
                self._write_in(_SELDOM)
        else:
            self._failing = ""

    def _report(self, reason: str) -> None:
        if reason != self._failing:
            self._log.warning("names.not_kept", file=str(self._path), reason=reason)
        self._failing = reason

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        try:
            names = _parsed(read_kept(path).decode("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self._log.warning("names.unreadable", file=str(path), reason=why_not(error))
            return {}
        if names:
            ages = [max(0.0, self._clock() - known["seen"]) for known in names.values()]
            self._log.info(
                "names.kept", file=str(path), name_count=len(names), oldest_seconds=round(max(ages))
            )
        return names


def _parsed(text: str) -> dict[str, dict[str, Any]]:
    """The names in a file's text. Raises ValueError where it is not what `_write` writes."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    names = document.get("names")
    if not isinstance(names, dict):
        raise ValueError('"names" is no object')
    return {name: _checked(name, known) for name, known in names.items()}


def _checked(name: str, known: Any) -> dict[str, Any]:
    if not isinstance(known, dict):
        raise ValueError(f"{name} is no object")
    seen = known.get("seen")
    if isinstance(seen, bool) or not isinstance(seen, int):
        raise ValueError(f'"seen" of {name} is no time')
    checked: dict[str, Any] = {"seen": seen}
    for family in ("A", "AAAA"):
        held = known.get(family, [])
        right = (
            isinstance(held, list)
            and len(held) <= _MAX_ADDRESSES
            and all(
                isinstance(address, str)
                and is_address(address)
                and (":" in address) == (family == "AAAA")
                for address in held
            )
        )
        if not right:
            raise ValueError(f"{family} of {name} is no list of its addresses")
        checked[family] = list(in_order(held))
    return checked


def _some(known: dict[str, Any]) -> bool:
    return bool(known.get("A") or known.get("AAAA"))
