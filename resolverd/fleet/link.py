"""This process's connection to the fleet's NATS, kept up for as long as the process lives.

One connection after another, to one server after another, with everything begun anew on each:
`connection` says when one is over. Nobody waits for it: what is published while there is none is
dropped, for it would be old when it arrives.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.config.secrets import shown_url
from resolverd.fleet import cancelling
from resolverd.fleet.connection import connected
from resolverd.fleet.errors import FleetUnavailable
from resolverd.fleet.names import permission_of
from resolverd.fleet.reasons import in_words
from resolverd.fleet.store import Store
from resolverd.tasks import Tasks

Heard = Callable[[str, bytes], None]

# Seconds until the next server is tried, and messages that may wait until the loop sends them.
_PAUSE, _MAX_WAITING = 0.5, 1000
# Reasons that are remembered as said, and subjects that are named.
_MAX_SAID, _MAX_NAMED = 100, 3


class LinkState(NamedTuple):
    """How this edge stands with NATS, since `since` (monotonic seconds).

    `quorum` says that a quorum has confirmed what was written within the last seconds, and that it
    was heard. `reason` is empty while both hold. `server` is shown without secrets.
    `forbidden` is what this edge may not do there, in words.
    """

    connected: bool
    quorum: bool
    since: float
    reason: str
    server: str
    forbidden: str = ""


class Link:
    """Publishes, subscribes and keeps `store`, through the servers of `settings`.

    Files that it names are relative to `base`. `changed` is called with each new `state`. `marker`
    is that of `Store`.
    """

    def __init__(
        self,
        settings: Fleet,
        base: Path,
        changed: Callable[[LinkState], None],
        marker: str = "edges",
    ) -> None:
        self.state = LinkState(False, False, time.monotonic(), "not connected yet", "")
        self.store = Store(settings, self._note, marker)
        self._settings, self._base, self._changed = settings, base, changed
        self._tasks = Tasks()
        self._server = ""
        self._said: set[tuple[str, str]] = set()
        self._forbidden: dict[str, None] = {}
        self._subscriptions: list[tuple[str, Heard]] = []
        self._subscribed = 0
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=_MAX_WAITING)
        self._work = asyncio.Event()

    async def start(self) -> None:
        """Connect in the background, for ever; returns at once."""
        self._tasks.keep("fleet", self._keep)

    def on_change(self, changed: Callable[[LinkState], None]) -> None:
        """Call `changed` with each new state from now on, and nobody else."""
        self._changed = changed

    async def stop(self) -> None:
        """End the connection, and connect no more."""
        await self._tasks.stop()

    def publish(self, subject: str, payload: bytes) -> None:
        """Send to the other edges, and not to this one; dropped while there is no connection."""
        if self._server:
            self._outgoing.append((subject, payload))
            self._work.set()

    def subscribe(self, subject: str, heard: Heard) -> None:
        """Call `heard` with the subject and payload of each message, over every connection."""
        self._subscriptions.append((subject, heard))
        self._work.set()

    async def _keep(self) -> None:
        urls = list(self._settings.urls)
        # Edges spread over the servers, each in an order of its own.
        turn = zlib.crc32(self._settings.edge_name.encode())
        while True:
            cancelling.end_if_cancelled()
            url = urls[turn % len(urls)]
            turn += 1
            try:
                await self._connection(url)
            except FleetUnavailable as lost:
                stood, self._server = bool(self._server), ""
                self._outgoing.clear()
                self._forbidden.clear()
                self.store.lost(f"{shown_url(url)}: {lost}")
                self._note()
                if not stood:
                    self._say_why(shown_url(url), str(lost))
            await asyncio.sleep(_PAUSE)

    async def _connection(self, url: str) -> None:
        """Connect, and serve until it is over: then it raises FleetUnavailable."""
        async with connected(url, self._settings, self._base, self._forbid) as connection:
            self._subscribed = 0
            self._forbidden.clear()
            self._server = shown_url(url)
            self._work.set()
            self._note()
            works = [
                asyncio.create_task(connection.until_it_ends()),
                asyncio.create_task(self.store.serve(connection.client)),
                asyncio.create_task(self._send(connection.client)),
            ]
            try:
                await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            finally:
                raised = await cancelling.end(works)
            raise next((e for e in raised if not isinstance(e, FleetUnavailable)), raised[0])

    async def _send(self, client: Client) -> None:
        """Subscribe and publish what is wanted; never returns."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while self._subscribed < len(self._subscriptions):
                    subject, heard = self._subscriptions[self._subscribed]
                    await client.subscribe(subject, cb=_delivering(heard))
                    self._subscribed += 1
                while self._outgoing:
                    subject, payload = self._outgoing.popleft()
                    if len(payload) <= client.max_payload:
                        await client.publish(subject, payload)
                    else:
                        log.get("fleet").warning(
                            "fleet.too_large",
                            subject=subject,
                            octets=len(payload),
                            limit_octets=client.max_payload,
                        )
            except (NatsError, OSError) as error:
                raise FleetUnavailable(in_words(error)) from error

    def _note(self) -> None:
        """Tell of a new state, where it is one."""
        connected, quorum, reason = bool(self._server), self.store.quorum, self.store.reason
        before, forbidden = self.state, "; ".join([*self._forbidden][:_MAX_NAMED])
        if (connected, quorum, reason, self._server, forbidden) == (
            before.connected, before.quorum, before.reason, before.server, before.forbidden
        ):  # fmt: skip
            return
        now = time.monotonic()
        same = (connected, quorum) == (before.connected, before.quorum)
        self.state = LinkState(
            connected, quorum, before.since if same else now, reason, self._server, forbidden
        )
        if not same:
            self._say(before)
        self._changed(self.state)

    def _say(self, before: LinkState) -> None:
        events, state = log.get("fleet"), self.state
        if state.quorum:
            self._said.clear()
            events.info("fleet.connected", server=state.server)
        elif before.quorum or (before.connected and not state.connected):
            events.warning("fleet.lost", server=before.server, reason=state.reason)

    def _say_why(self, server: str, reason: str) -> None:
        """Once for each server and reason, until one of them is well again."""
        if (server, reason) in self._said:
            return
        if len(self._said) >= _MAX_SAID:
            self._said.clear()
        self._said.add((server, reason))
        log.get("fleet").warning("fleet.not_connected", server=server, reason=reason)

    def _forbid(self, subject: str, publish: bool) -> None:
        """Note a subject that this edge may not use, over this connection."""
        allowed = permission_of(subject, self._settings.name, self._settings.domain)
        words = f"it may not {'publish to' if publish else 'hear'} {allowed}"
        if words in self._forbidden or len(self._forbidden) >= _MAX_SAID:
            return
        self._forbidden[words] = None
        if (self._server, words) not in self._said:
            self._said.add((self._server, words))
            log.get("fleet").warning("fleet.forbidden", server=self._server, reason=words)
        self._note()


def _delivering(heard: Heard) -> Callable[[Msg], Awaitable[None]]:
    async def deliver(message: Msg) -> None:
        heard(message.subject, message.data)

    return deliver
