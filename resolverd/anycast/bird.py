"""BIRD 2 as the speaker: a static protocol for each route, enabled and disabled.

    announced   its protocol is enabled, and its route exported to an established BGP session
    raised      the protocol of the higher metric is, and the other one is not
    withdrawn   neither is enabled, and no BGP session is given the route

`birdc configure` takes protocols back to what the file says of `disabled`: the next look sees it,
and puts it right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from resolverd.anycast.bird_control import Control
from resolverd.anycast.routes import Routes
from resolverd.anycast.speaker import SpeakerError
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Bird


class BirdSpeaker:
    """The speaker over BIRD's control socket; `addresses` in the order of its protocols."""

    proves = True

    def __init__(self, settings: Bird, addresses: Sequence[str], *, raises: bool) -> None:
        self._control = Control(settings.socket, settings.timeout)
        self._routes = Routes(self._control, settings)
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
        found, sessions = await self._routes.until(phase, partial(self._phase, address))
        if found is not phase:
            raise SpeakerError(_unproved(address, phase, found, sessions))

    async def proved(self) -> Mapping[str, Phase]:
        """The phase of each address by BIRD's tables. Raises SpeakerError."""
        sessions = await self._routes.sessions()
        return {address: await self._phase(address, sessions) for address in self._plain}

    async def close(self) -> None:
        """Leave BIRD as it is."""
        self._control.close()

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
