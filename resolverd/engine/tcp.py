"""DNS over TCP (RFC 7766): length-framed, pipelined, with limits on time and number.

`tcp_connection` is the life of one connection and `tcp_slots` decides who may have one; this
accepts them, hands each what is ready, and ends those whose time is over. Every end by a limit is
counted in `Counters.tcp_refused`:

    idle            idle for as long as is configured
    idle_shortened  idle for as long as is allowed while few slots are left
    lifetime        open for too long
    connections     idle for longest when a slot was wanted and none left
    per_client      idle for longest of its client's, which wanted more than one client may have
    descriptors     idle for longest when no descriptor was left, or not accepted for lack of one
    busy            with queries to be answered, or new, when none was idle that could go instead
    slow_reader     its answers were not read
    peer_closed     gone within a message, or with a reset
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resolverd.config.model import Server
from resolverd.engine.counters import Counters
from resolverd.engine.tcp_connection import Connection, Respond
from resolverd.engine.tcp_slots import Client, Slots, client_of, idle_time

# Connections accepted before the loop turns to its other files: with more a flood delays those,
# with fewer each costs more of the loop.
_ACCEPTED_AT_ONCE = 64
# Connections read again for one newcomer, because a query may wait in them, before one is closed
# anyhow: more spares busy clients, and costs as many reads for each newcomer in a flood.
_MAX_RECHECKED = 8
# Seconds in which nobody is accepted after no descriptor was to be had: fewer cost CPU on a socket
# that stays ready, more delay the first connection once a descriptor is free.
_ACCEPT_PAUSE = 0.1
# Seconds that a stop waits for queries that are under way on open connections: more lose fewer of
# them, and delay every stop with connections.
_LAST_QUERY_WAIT = 0.1
# Seconds from its beginning on that a stop waits for the first query of a connection: a client on a
# busy host sends it late, and has nobody to send it to again. More delay a stop by as much.
_FIRST_QUERY_WAIT = 1.0
# Seconds between looks at whether it has come.
_POLL_INTERVAL = 0.01
# Seconds that all connections together have, at the end, to take their answers: more let slower
# clients have theirs, and delay the stop by as much.
_CLOSE_TIMEOUT = 1.0

_NO_DESCRIPTOR = frozenset((errno.EMFILE, errno.ENFILE))
_NOT_LISTENING = frozenset((errno.EBADF, errno.EINVAL, errno.ENOTSOCK))


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Times in seconds; numbers are connections open at once in one worker."""

    idle: float
    lifetime: float
    connections: int
    per_client: int

    @classmethod
    def of(cls, server: Server) -> TcpLimits:
        """The limits that the configuration sets."""
        return cls(
            server.tcp_idle, server.tcp_lifetime, server.tcp_connections, server.tcp_per_client
        )


class TcpService:
    """Answers the queries of TCP connections in the running event loop.

    `failed` is called with the reason when a listening socket can accept no more.
    """

    def __init__(
        self,
        limits: TcpLimits,
        respond: Respond,
        counters: Counters,
        failed: Callable[[str], None],
    ) -> None:
        self._limits, self._respond, self._counters = limits, respond, counters
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._slots: Slots[Connection] = Slots(limits.connections, limits.per_client)
        self._connections: set[Connection] = set()
        # When connections are next checked for their time, in monotonic seconds.
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._none_open = asyncio.Event()

    def start(self, listening: Sequence[socket.socket]) -> None:
        """Accept whoever comes to these, which do not block."""
        self._listening = list(listening)
        self._listen()

    async def close(self) -> None:
        """Accept nobody more, answer what was read, and end every connection."""
        self._pause()
        if self._resume is not None:
            self._resume.cancel()
        stopped_at = time.monotonic()
        while time.monotonic() < self._last_query_due(stopped_at):  # noqa: ASYNC110 - clients' doing
            await asyncio.sleep(_POLL_INTERVAL)
        for connection in tuple(self._connections):
            ended = connection.ready()
            self._update(connection, connection.close() if ended is None else ended)
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    self._none_open.clear()
                    await self._none_open.wait()
        for connection in tuple(self._connections):
            self._end(connection, "")
        if self._timer is not None:
            self._timer.cancel()

    def _last_query_due(self, stopped_at: float) -> float:
        """Until when a query may come, of which a stop at that moment is not to lose the answer."""
        if not self._connections:
            return stopped_at
        first = [
            connection.opened_at
            for connection in self._connections
            if connection.awaits_first_query
        ]
        return max(stopped_at + _LAST_QUERY_WAIT, max(first, default=0.0) + _FIRST_QUERY_WAIT)

    def _listen(self) -> None:
        self._resume = None
        for listening in self._listening:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _pause(self) -> None:
        for listening in self._listening:
            self._loop.remove_reader(listening.fileno())

    def _accept(self, listening: socket.socket) -> None:
        """Accept whoever waits.

        Where no descriptor is left, the idle connection longest without a query gives its own.
        """
        closed_one = False
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                stream, peer = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_DESCRIPTOR:
                    # accept(2) wants a descriptor before it looks whether anybody waits.
                    if not _is_readable(listening):
                        return
                    if closed_one or not self._close_for_descriptor():
                        self._wait_for_descriptors()
                        return
                    closed_one = True
                elif error.errno in _NOT_LISTENING:
                    self._pause()
                    self._failed(f"a listening TCP socket failed: {error.strerror}")
                    return
                elif not isinstance(error, ConnectionAbortedError | InterruptedError):
                    self._counters.tcp_refused["peer_closed"] += 1
                continue
            closed_one = False
            self._admit(stream, peer[0])

    def _close_for_descriptor(self) -> bool:
        """Close a connection for its descriptor; False where there is none."""
        longest = self._slots.longest("descriptors")
        if longest is None or longest.connection is None:
            self._counters.tcp_refused["descriptors"] += 1
            return False
        self._end(longest.connection, longest.limit)
        return True

    def _wait_for_descriptors(self) -> None:
        """The listening sockets stay ready, so they are left alone for a while."""
        self._pause()
        self._resume = self._loop.call_later(_ACCEPT_PAUSE, self._listen)

    def _admit(self, stream: socket.socket, source: str) -> None:
        try:
            stream.setblocking(False)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self._counters.tcp_refused["peer_closed"] += 1
            stream.close()
            return
        client = client_of(source)
        if not self._free_slot(client):
            self._counters.tcp_refused["busy"] += 1
            stream.close()
            return
        connection = Connection(stream, source, self._respond)
        self._connections.add(connection)
        self._slots.take(connection, client)
        self._ready(connection)  # its first query often came with it

    def _free_slot(self, client: Client) -> bool:
        """Close what has to be closed for `client` to have a slot; False where it may have none.

        A query may wait unread in the connection that would go, so that is read first.
        """
        rechecked = 0
        while (instead := self._slots.admission(client)) is not None:
            connection, limit = instead
            if connection is None:
                return False
            if rechecked < _MAX_RECHECKED and limit != "busy":
                rechecked += 1
                self._ready(connection)
                if self._slots.admission(client) != instead:
                    continue
            self._end(connection, limit)
        return True

    def _ready(self, connection: Connection) -> None:
        """Something happened to a connection."""
        before = connection.active_at, connection.idle
        ended = connection.ready()
        if before != (connection.active_at, connection.idle):
            self._slots.used(connection, idle=connection.idle)
        self._update(connection, ended)

    def _update(self, connection: Connection, ended: str | None) -> None:
        """Forget a connection that ended, and watch another for what it waits for now."""
        if ended is not None:
            self._end(connection, ended)
            return
        self._watch(connection, connection.wanted)
        self._expire_by(self._deadline(connection))

    def _watch(self, connection: Connection, wanted: int) -> None:
        changed, descriptor = connection.watched ^ wanted, connection.stream.fileno()
        if changed & 1:
            if wanted & 1:
                self._loop.add_reader(descriptor, self._ready, connection)
            else:
                self._loop.remove_reader(descriptor)
        if changed & 2:
            if wanted & 2:
                self._loop.add_writer(descriptor, self._ready, connection)
            else:
                self._loop.remove_writer(descriptor)
        connection.watched = wanted

    def _end(self, connection: Connection, limit: str) -> None:
        if limit:
            self._counters.tcp_refused[limit] += 1
        self._watch(connection, 0)
        connection.stream.close()
        self._slots.leave(connection)
        self._connections.discard(connection)
        if not self._connections:
            self._none_open.set()

    @property
    def _idle_time(self) -> float:
        return idle_time(self._limits.idle, self._slots.taken, self._limits.connections)

    def _deadline(self, connection: Connection) -> float:
        return connection.deadline(self._idle_time, self._limits.idle, self._limits.lifetime)

    def _expire_by(self, moment: float) -> None:
        """Look for connections whose time is over, at `moment` at the latest."""
        if moment >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = moment
        self._timer = self._loop.call_later(max(0.0, moment - time.monotonic()), self._expire)

    def _expire(self) -> None:
        """End the connections whose time is over.

        All are checked when the earliest of them is due, and a tenth of the shortest limit later
        at most, so that many connections cost few passes.
        """
        now, idle, limits = time.monotonic(), self._idle_time, self._limits
        self._due = math.inf
        moments = []
        for connection in tuple(self._connections):
            ended = connection.expired(now, idle, limits.idle, limits.lifetime)
            if ended in {"idle", "idle_shortened"}:
                self._counters.tcp_refused[ended] += 1
                ended = connection.close()
                self._slots.used(connection, idle=False)
            if ended is not None:
                self._end(connection, ended)
                continue
            self._watch(connection, connection.wanted)
            moments.append(self._deadline(connection))
        if moments:
            self._expire_by(max(min(moments), now + min(idle, limits.lifetime) / 10))


def _is_readable(file: socket.socket) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))
