"""Writes how things stand to `standing.json` in `server.state`, and reads it at a start.

Once it serves, soon after news, now and then for the ages of verdicts, and at once for an
operator's override, which has to be on the disk before the API confirms it. One write at a time,
one that nobody waits for any more too: it may still put what is older into place. What cannot be
written is one event and `trouble`, and delays nothing for longer than `WRITE_TIMEOUT`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from resolverd import log
from resolverd.files.threads import detached
from resolverd.kept.directory import FORGOTTEN, StateDirectory
from resolverd.kept.document import Clocks, KeptState, read, written
from resolverd.kept.files import UnusableError
from resolverd.kept.verdict_texts import VerdictTexts
from resolverd.turns import in_turns
from resolverd.uncancelled import to_its_end

NAME = "standing.json"
"""Its name, and that of `standing.unusable`, are older than the standing of a verdict in a fleet:
by another one an upgrade, or a return to an earlier release, would lose what was kept."""

WRITE_TIMEOUT = 5.0
"""Seconds in which a write has to be on the disk. It holds up the answer to an operator's override,
so no longer than `curl` and people wait; a slower disk is reported, and what was written counts."""

# Seconds for which changes are gathered into one write (a crash loses as much), and after which the
# ages of verdicts are written by themselves (a start takes them for older by as much).
_GATHER_TIME, _AGES_INTERVAL = 0.5, 10.0
# Entries of which JSON is made at once, in less than a millisecond; those of services that name all
# their regions are long.
_SLICE, _LONG_SLICES = 100, MappingProxyType({"given_ttls": 10})


class Keeper:
    """Keeps what `current` gives, of the configuration at `config`, in `directory`."""

    def __init__(self, directory: StateDirectory, config: Path) -> None:
        self.directory = directory
        self._config = config.absolute()
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()
        self._thread: asyncio.Task[None] | None = None
        self._current: Callable[[], Awaitable[KeptState]] = _nothing
        self._failing = ""
        self._texts = VerdictTexts()
        self._log = log.get("kept")

    async def restore(self) -> KeptState:
        """How things stood; nothing, and an event, where that cannot be used."""
        try:
            return await detached(partial(standing, self.directory, self._config))
        except UnusableError as error:
            self._log.warning("standing.unusable", file=NAME, reason=str(error))
            return KeptState()

    def follow(self, current: Callable[[], Awaitable[KeptState]]) -> None:
        """Write what `current` gives from now on; before that, `write` writes an empty KeptState.

        It gives others the loop's turn meanwhile, where it has thousands of endpoints to look at.
        """
        self._current = current

    def note(self) -> None:
        """Something that is kept has changed: it is written within a second."""
        self._news.set()

    async def keep(self) -> None:
        """Write at once, for a kill may come soon, after news, and now and then; never returns."""
        await self.write()
        while True:
            try:
                async with asyncio.timeout(_AGES_INTERVAL):
                    await self._news.wait()
                await asyncio.sleep(_GATHER_TIME)
            except TimeoutError:
                pass  # nothing new but the ages
            self._news.clear()
            await self.write()

    async def write(self, within: float = WRITE_TIMEOUT) -> None:
        """Write now; returns once it is on the disk, or cannot be, in so many seconds at most."""
        if self.directory.path is None:
            return
        try:
            async with asyncio.timeout(within), self._writing:
                if self._thread is not None:  # that of one who waits no more
                    await asyncio.wait([self._thread])
                content = await self._content()
                writing = detached(partial(self.directory.write, NAME, content))
                self._thread = asyncio.create_task(writing, name="standing")
                await to_its_end(self._thread)
        except TimeoutError:
            self.directory.trouble = f"{self.directory.path}: no answer within {within:g} s"
            self._report(self.directory.trouble)
        except OSError:
            self._report(self.directory.trouble)
        else:
            self._report("")

    async def _content(self) -> bytes:
        state, clocks = await self._current(), now()
        document = written(replace(state, verdicts={}), str(self._config), clocks)
        document["verdicts"] = state.verdicts
        self._texts.begin(clocks)
        return await in_slices(document, {"verdicts": self._texts.of})

    def _report(self, reason: str) -> None:
        if reason and reason != self._failing:
            self._log.warning("state.unusable", reason=reason, consequence=FORGOTTEN)
        self._failing = reason


def standing(directory: StateDirectory, config: Path) -> KeptState:
    """How things stood of the configuration at `config`, as `directory` has it; blocks.

    Nothing where nothing is kept; nothing is logged. Raises UnusableError.
    """
    try:
        content = directory.read(NAME)
    except (FileNotFoundError, NotADirectoryError):
        return KeptState()
    except OSError as error:
        raise UnusableError(error.strerror or str(error)) from error
    try:
        return read(json.loads(content), str(config.absolute()), now())
    except (ValueError, RecursionError) as error:
        raise UnusableError(str(error)) from error


async def _nothing() -> KeptState:
    return KeptState()


async def in_slices(
    document: Mapping[str, Any],
    written_as: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType({}),
) -> bytes:
    """`document` as JSON, of which others have the loop's turn now and then while it is made.

    `written_as` makes of the entries of a key, some at a time, the members of its JSON object.

    A thread would hold them up as long: whoever makes JSON of thousands of endpoints has the
    interpreter meanwhile.
    """
    return await in_turns(_steps(document, written_as))


def _steps(
    document: Mapping[str, Any], written_as: Mapping[str, Callable[[Mapping[str, Any]], str]]
) -> Generator[None, None, bytes]:
    octets = [b"{"]
    for place, (key, value) in enumerate(sorted(document.items())):
        octets.append(((",\n" if place else "") + f"{json.dumps(key)}: ").encode())
        if not isinstance(value, Mapping):
            octets.append(json.dumps(value, sort_keys=True).encode())
            continue
        members, names = written_as.get(key, _members), sorted(value)
        size = _LONG_SLICES.get(key, _SLICE)
        octets.append(b"{")
        for at in range(0, len(names), size):
            some = members({name: value[name] for name in names[at : at + size]})
            octets.append((",\n" + some if at else some).encode())
            yield
        octets.append(b"}")
    octets.append(b"}\n")
    return b"".join(octets)


def _members(some: Mapping[str, Any]) -> str:
    return json.dumps(some, sort_keys=True)[1:-1]


def now() -> Clocks:
    """Both clocks, read now."""
    return Clocks(time.monotonic(), time.time())
