"""ExaBGP as the speaker, which runs `resolverd anycast` as its process: commands out, lines in.

    standard output   one command a line, as `announce route 192.0.2.53/32 next-hop self med 100`
    standard input    an acknowledgement for each, in order: done or error, as text or as JSON;
                      and whatever else this process is told, of which `shutdown` counts

An acknowledgement means that a command was understood. Whether a neighbour has the route is
proved at a BIRD on this host that is one, where `proof` is bird. Every acknowledgement is waited
for and taken by the command that it is for, also one that comes after its time, so that no later
command takes it for its own. 4.2 stops reading commands while it waits for its processes to end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial

from resolverd.anycast.bird_control import Control
from resolverd.anycast.routes import Routes
from resolverd.anycast.speaker import SpeakerError, network
from resolverd.anycast.transitions import Phase
from resolverd.config.anycast import Anycast

_MAX_LINE = 1 << 20


class Process:
    """The two pipes to ExaBGP. `gone` is set once it ends, or says that it is about to."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._pending: deque[asyncio.Future[str]] = deque()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()

    async def start(self) -> None:
        """Take over standard input and output. Raises SpeakerError where they are no pipes."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_MAX_LINE)
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, sys.stdout
            )
        except (OSError, ValueError) as error:
            raise SpeakerError(
                'with via = "exabgp" it is ExaBGP that runs `resolverd anycast`: write '
                '"process anycast { run … anycast; encoder text; }" into its configuration'
            ) from error
        self._writer = asyncio.StreamWriter(transport, protocol, None, loop)
        self._reading = asyncio.create_task(self._read(reader))

    async def tell(self, command: str) -> None:
        """Give a command, and wait for its acknowledgement. Raises SpeakerError."""
        if self._writer is None or self.gone.is_set():
            raise SpeakerError("ExaBGP has ended, or is about to")
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._pending.append(answer)
        try:
            async with asyncio.timeout(self._timeout):
                self._writer.write(f"{command}\n".encode())
                await self._writer.drain()
                said = await asyncio.shield(answer)
        except TimeoutError:
            raise SpeakerError(
                f"ExaBGP has not acknowledged `{command}` in {self._timeout:g} s; see that "
                "exabgp.api.ack is true"
            ) from None
        except OSError as error:
            raise SpeakerError(f"ExaBGP cannot be told: {error.strerror or error}") from error
        if said != "done":
            raise SpeakerError(f"ExaBGP says {said} to `{command}`; its log has more")

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        for answer in self._pending:
            answer.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._heard(line.decode("ascii", "replace").strip())
        finally:
            self._end()

    def _heard(self, line: str) -> None:
        said = acknowledgement(line)
        if said == "shutdown":
            self._end()
        elif said and self._pending:
            answer = self._pending.popleft()
            if not answer.done():
                answer.set_result(said)

    def _end(self) -> None:
        """Whoever still waits for an acknowledgement waits in vain."""
        self.gone.set()
        while self._pending:
            answer = self._pending.popleft()
            if not answer.done():
                answer.set_result("nothing, and ends,")


def acknowledgement(line: str) -> str:
    """``done``, ``error`` or ``shutdown`` where a line is that, as text or as JSON; else empty."""
    if line.startswith("{"):
        try:
            tree = json.loads(line)
        except ValueError:
            return ""
        if not isinstance(tree, dict):
            return ""
        word = tree.get("answer") or tree.get("status") or tree.get("notification")
        return word if word in ("done", "error", "shutdown") else ""
    word = line.partition(" ")[0].rstrip(":")
    return word if word in ("done", "error", "shutdown") else ""


class ExabgpSpeaker:
    """The speaker over ExaBGP's process API."""

    def __init__(self, settings: Anycast, process: Process) -> None:
        self._settings, self._process = settings.exabgp, process
        self._addresses: Sequence[str] = settings.addresses
        self._asked = dict.fromkeys(settings.addresses, Phase.WITHDRAWN)
        self._control = Control(settings.bird.socket, settings.bird.timeout)
        self._routes = Routes(self._control, settings.bird)
        self.proves = settings.exabgp.proof == "bird"

    async def apply(self, address: str, phase: Phase) -> None:
        """Tell ExaBGP, and wait for the acknowledgement and the proof. Raises SpeakerError."""
        route = f"route {network(address)} next-hop self"
        if phase is Phase.WITHDRAWN:
            await self._process.tell(f"withdraw {route}")
        else:
            raised = phase is Phase.RAISED
            more = self._settings.raised if raised else self._settings.announced
            await self._process.tell(f"announce {route} {more}".rstrip())
        self._asked[address] = phase
        if self.proves:
            found, _ = await self._routes.until(phase, partial(self._phase, address))
            if found is not phase:
                where = "no session" if found is Phase.WITHDRAWN else "its sessions"
                raise SpeakerError(
                    f"{address} should be {phase}: ExaBGP has acknowledged it, and BIRD exports "
                    f"it to {where}"
                )

    async def proved(self) -> Mapping[str, Phase]:
        """The phase of each address: by BIRD's tables, or as acknowledged. Raises SpeakerError."""
        if not self.proves:
            return dict(self._asked)
        sessions = await self._routes.sessions()
        return {address: await self._phase(address, sessions) for address in self._addresses}

    async def close(self) -> None:
        """Leave ExaBGP as it is: it keeps what it was told."""
        self._control.close()
        await self._process.close()

    async def _phase(self, address: str, sessions: Sequence[str]) -> Phase:
        """What BIRD exports shows no metric of ours: a route that is there is as it was asked."""
        for peer in sessions:
            if await self._routes.exported(address, peer):
                asked = self._asked[address]
                return Phase.ANNOUNCED if asked is Phase.WITHDRAWN else asked
        return Phase.WITHDRAWN
