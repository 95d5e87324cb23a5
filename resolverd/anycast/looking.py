"""One look at this edge: its daemon's own words, and an answer over each service address."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from resolverd.admin.socket_paths import sockets_of
from resolverd.anycast.dns_query import unanswered
from resolverd.anycast.fitness import Daemon, Seen
from resolverd.config.anycast import Anycast
from resolverd.config.model import Admin

_NOT_HEARD = "it has not been asked yet"


class Looking:
    """Looks, and remembers what the last ones saw. `base` is the configuration's directory.

    The daemon is asked at `admin.listen`, whose reading is open to all, or else at its socket.
    """

    def __init__(self, settings: Anycast, admin: Admin, base: Path) -> None:
        self._settings = settings
        self._url, self._paths = _places(admin, base)
        self._failures: Counter[str] = Counter()
        self._daemon: Daemon | None = None
        self._silent, self._heard = _NOT_HEARD, time.monotonic()
        self._session: aiohttp.ClientSession | None = None
        self.own_queries = 0

    async def look(self, *, draining: str = "", stopping: bool = False) -> Seen:
        """One look; it takes `timeout` seconds at most."""
        await self.ask_daemon()
        name = self._settings.query or (self._daemon.zone if self._daemon else "")
        found = await asyncio.gather(*(self._asked(a, name) for a in self._settings.addresses))
        answers = dict(zip(self._settings.addresses, found, strict=True))
        for address, why in answers.items():
            self._failures[address] = self._failures[address] + 1 if why else 0
        return Seen(
            answers,
            dict(self._failures),
            self._daemon,
            self._silent,
            time.monotonic() - self._heard,
            draining,
            stopping,
        )

    async def ask_daemon(self) -> Daemon | None:
        """What the daemon says now; None while it says nothing."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                self._daemon = _understood(await self._fetch())
        except TimeoutError:
            self._silent = f"no answer in {self._settings.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
            self._silent = str(error) or type(error).__name__
        else:
            self._silent, self._heard = "", time.monotonic()
            return self._daemon
        return None

    async def close(self) -> None:
        """End the connection to the daemon."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _asked(self, address: str, name: str) -> str:
        if not name:
            return "no zone is known to ask for"
        self.own_queries += 1
        return await unanswered(address, self._settings.port, name, self._settings.timeout)

    async def _fetch(self) -> Mapping[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=self._connector())
        async with self._session.get(f"{self._url}/fitness") as response:
            document = await response.json()
            if response.status != 200:
                raise ValueError(str(document.get("error", f"HTTP {response.status}")))
            return dict(document)

    def _connector(self) -> aiohttp.BaseConnector:
        if not self._paths:
            return aiohttp.TCPConnector(limit=1)
        there = next((path for path in self._paths if path.exists()), self._paths[0])
        return aiohttp.UnixConnector(str(there), limit=1)


def _places(admin: Admin, base: Path) -> tuple[str, Sequence[Path]]:
    """Where the daemon is asked: a URL, and the sockets to ask over; none of them: over TCP."""
    listener = admin.listen
    if listener is not None and listener.port:
        anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        host = anywhere.get(listener.address, listener.address)
        return f"http://{listener._replace(address=host)}", ()
    return "http://daemon", sockets_of(admin.socket, base)


def _understood(document: Mapping[str, Any]) -> Daemon:
    """From a FitnessDocument. Raises KeyError, TypeError or ValueError."""
    behind = document["plan_behind_seconds"]
    return Daemon(
        tuple(map(str, document["faults"])),
        str(document["isolation"] or ""),
        int(document["plan_generation"]),
        None if behind is None else float(behind),
        str(document["zone"] or ""),
        int(document["queries"]),
    )
