"""Routes at BIRD: the sessions that an address is exported to, looked at until it is as wanted.

A route is proved by BIRD's own tables: `show route … export PEER protocol NAME`, which puts the
route through the filter of that session.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from resolverd.anycast.bird_control import Control, Line, NotFoundError
from resolverd.anycast.speaker import network
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Bird

# Seconds between two looks at a route on its way: BIRD takes a few milliseconds.
_AGAIN = 0.005
_PROTOCOL, _ROUTE = 1002, 1007


class Routes:
    """Looks at BIRD's tables. Each method raises SpeakerError."""

    def __init__(self, control: Control, settings: Bird) -> None:
        self._control, self._peers, self._timeout = control, settings.peers, settings.timeout

    async def sessions(self) -> list[str]:
        """The established BGP sessions among those that count."""
        found = []
        for line in await self._control.ask("show protocols"):
            words = line.text.split()
            if line.code == _PROTOCOL and words[1:2] == ["BGP"] and "Established" in words:
                found.append(words[0])
        return [name for name in found if not self._peers or name in self._peers]

    async def exported(self, address: str, peer: str, protocol: str = "") -> bool:
        """Whether a session is given the route, of that static protocol if one is named."""
        route = network(address)
        command = f"show route {route} export {peer}"
        lines = await self._asked(f"{command} protocol {protocol}" if protocol else command)
        return any(line.code == _ROUTE and line.text.startswith(route) for line in lines)

    async def until(
        self, phase: Phase, look: Callable[[Sequence[str]], Awaitable[Phase]]
    ) -> tuple[Phase, list[str]]:
        """What `look` finds at the sessions, and those, once it is `phase` or `timeout` is over."""
        end = time.monotonic() + self._timeout
        while True:
            sessions = await self.sessions()
            found = await look(sessions)
            if found is phase or time.monotonic() > end:
                return found, sessions
            await asyncio.sleep(_AGAIN)

    async def _asked(self, command: str) -> list[Line]:
        try:
            return await self._control.ask(command)
        except NotFoundError:
            return []
