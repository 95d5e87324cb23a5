"""BIRD 2 as the speaker: a static protocol for each route, enabled and disabled.

    announced   its protocol is enabled, and its route exported to an established BGP session
    raised      the protocol of the higher metric is, and the other one is not
    withdrawn   neither is enabled, and no BGP session is given the route

A route is proved by BIRD's own tables: `show route … export PEER protocol NAME`, which puts the
route through the filter of that session. `birdc configure` takes protocols back to what the
file says of `disabled`: the next look sees it, and puts it right.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from resolverd.anycast.bird_control import Control, Line, NotFoundError
from resolverd.anycast.speaker import SpeakerError, network
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Bird

# Seconds between two looks at a route on its way: BIRD takes a few milliseconds.
_AGAIN = 0.005
_PROTOCOL, _ROUTE = 1002, 1007


class Routes:
    """Looks at BIRD's tables: where an address is exported to, and by which static protocol."""

    def __init__(self, control: Control, peers: Sequence[str]) -> None:
        self._control, self._peers = control, peers

    async def sessions(self) -> list[str]:
        """The established BGP sessions among those that count. Raises SpeakerError."""
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

    async def _asked(self, command: str) -> list[Line]:
        try:
            return await self._control.ask(command)
        except NotFoundError:
            return []


class BirdSpeaker:
    """The speaker over BIRD's control socket; `addresses` in the order of its protocols."""

    proves = True

    def __init__(self, settings: Bird, addresses: Sequence[str], *, raises: bool) -> None:
        self._settings = settings
        self._control = Control(settings.socket, settings.timeout)
        self._routes = Routes(self._control, settings.peers)
        self._plain = dict(zip(addresses, settings.protocols, strict=True))
        raised = settings.raised_protocols if raises else ()
        self._raised = dict(zip(addresses, raised, strict=True)) if raises else {}

    async def apply(self, address: str, phase: Phase) -> None:
        """Enable and disable its protocols, and wait for the proof. Raises SpeakerError."""
        plain, raised = self._plain[address], self._raised.get(address)
        if phase is Phase.RAISED and raised is not None:
            await self._control.ask(f"enable {raised}")
            await self._control.ask(f"disable {plain}")
        elif phase is Phase.ANNOUNCED:
            await self._control.ask(f"enable {plain}")
            if raised is not None:
                await self._control.ask(f"disable {raised}")
        else:
            await self._control.ask(f"disable {plain}")
            if raised is not None:
                await self._control.ask(f"disable {raised}")
        await self._prove(address, phase)

    async def proved(self) -> Mapping[str, Phase]:
        """The phase of each address by BIRD's tables. Raises SpeakerError."""
        sessions = await self._routes.sessions()
        return {address: await self._phase(address, sessions) for address in self._plain}

    async def close(self) -> None:
        """Leave BIRD as it is."""
        self._control.close()

    async def _prove(self, address: str, phase: Phase) -> None:
        end = time.monotonic() + self._settings.timeout
        while True:
            sessions = await self._routes.sessions()
            found = await self._phase(address, sessions)
            if found is phase:
                return
            if time.monotonic() > end:
                raise SpeakerError(_unproved(address, phase, found, sessions))
            await asyncio.sleep(_AGAIN)

    async def _phase(self, address: str, sessions: Sequence[str]) -> Phase:
        for phase, protocols in ((Phase.ANNOUNCED, self._plain), (Phase.RAISED, self._raised)):
            protocol = protocols.get(address)
            if protocol is None:
                continue
            for peer in sessions:
                if await self._routes.exported(address, peer, protocol):
                    return phase
        return Phase.WITHDRAWN


def _unproved(address: str, phase: Phase, found: Phase, sessions: Sequence[str]) -> str:
    if not sessions:
        return f"{address} is told to no one: BIRD has no established BGP session that counts"
    return f"{address} should be {phase}, and BIRD has it {found} ({', '.join(sessions)})"
