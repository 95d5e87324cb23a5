"""What the fleet keeps: one bucket that every edge follows, and that a quorum writes.

`serve` runs over one connection after another; what was heard stays known in between. Every
`MARK_INTERVAL` this edge writes a marker of its own and waits until it has heard it: the
acknowledgement proves the quorum, and the hearing that changes are delivered. Whatever fails,
the bucket is followed anew. Revisions grow with every write to the bucket, so of two entries of
one key the higher is the newer; after the bucket itself was made anew they begin again
(`made`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nats.aio.client import Client

from resolverd import log
from resolverd.config.fleet import Fleet
from resolverd.fleet import names, objects
from resolverd.fleet.bucket import Bucket, Change, open_bucket
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetUnavailable
from resolverd.health.untrusted_json import parse_json

MARK_INTERVAL = 2.0
"""Seconds between two markers of an edge."""

EDGE_TIMEOUT = 10.0
"""Seconds for which an edge counts as one of the fleet after its last marker was heard."""

EDGE_FORGOTTEN = 86_400.0
"""Seconds for which an edge is one of the fleet though it is not heard. By the clocks of both."""

# Seconds in which a marker that was acknowledged has to be heard, and after which the bucket is
# followed anew once that has failed.
_HEAR_TIMEOUT, _PAUSE = 2.0, 0.5
# Seconds that a configuration allows a TTL.
_MAX_TTL = 86_400.0


class Entry(NamedTuple):
    """A key's value, None where it was deleted, and the revision of the bucket that wrote it."""

    key: str
    value: bytes | None
    revision: int


class Marker(NamedTuple):
    """What an edge writes of itself: which process it is, when (Unix seconds), and up to which
    revision it obeys the fleet's words.

    `ttls` are the seconds for which its answers of before that may live, by the region they name.
    """

    instance: str
    at: float
    obeyed: int
    ttls: Mapping[str, float]


class Store:
    """The bucket of one fleet. `changed` is told when `quorum` or `reason` changes.

    `marker` is the first part of the key of this process's marker: `edges` for an edge, which
    others wait for, and another word for a process that is none.
    """

    def __init__(self, settings: Fleet, changed: Callable[[], None], marker: str = "edges") -> None:
        self.quorum = False
        self.reason = "not connected yet"
        self.made = ""
        """When the bucket was made, as NATS says it: another bucket has other revisions."""
        self.same_name_at = -math.inf
        """When a marker of another process by this edge's name was heard last (monotonic)."""
        self._settings, self._changed = settings, changed
        self._bucket: Bucket | None = None
        self._client: Client | None = None
        self._followed = asyncio.Event()
        self._known: dict[str, Entry] = {}
        self._followers: list[tuple[str, Callable[[Entry], None]]] = []
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._broken = ""
        self._due = asyncio.Event()
        self._marker_key = names.key(marker, settings.edge_name)
        self._instance = uuid.uuid4().hex
        self._first_mark, self._heard_to, self._pending = 0, 0, 0
        self._obeyed = 0
        self._ttls: Mapping[str, float] = {}
        self._heard_at: dict[str, float] = {}
        self._markers: dict[str, Marker] = {}

    async def put(self, key: str, value: bytes, *, revision: int | None = None) -> int:
        """Write, and return the new revision, which a quorum has confirmed.

        `revision` is the one that the key must have: 0 for a key that must not exist. Raises
        FleetUnavailable, after which it may have been written, and FleetConflict.
        """
        return await self._open().put(key, value, self._expected(key, revision))

    async def delete(self, key: str, *, revision: int | None = None) -> int:
        """Delete; as `put`."""
        return await self._open().delete(key, self._expected(key, revision))

    def follow(self, prefix: str, heard: Callable[[Entry], None]) -> None:
        """Call `heard` with what is known of the keys that begin so, and with each change.

        An entry with the value None says that the key was deleted. Revisions of a key only grow.
        """
        self._followers.append((prefix, heard))
        for entry in self.known(prefix).values():
            heard(entry)

    def known(self, prefix: str) -> Mapping[str, Entry]:
        """The newest entries that were heard of keys that begin so, those deleted left out."""
        return {
            key: entry
            for key, entry in self._known.items()
            if key.startswith(prefix) and entry.value is not None
        }

    async def current(self, within: float) -> None:
        """Return once all that was committed before this call has been heard.

        Raises FleetUnavailable where that is not so `within` so many seconds.
        """
        reason = self.reason
        try:
            async with asyncio.timeout(within):
                while True:
                    await self._followed.wait()
                    try:
                        await self._mark()
                    except FleetUnavailable as unavailable:
                        reason = str(unavailable)
                        await asyncio.sleep(_PAUSE)
                    else:
                        return
        except TimeoutError as error:
            reason = self.reason or reason or f"nothing was heard within {within:g} s"
            raise FleetUnavailable(reason) from error

    def edges(self) -> dict[str, float]:
        """The seconds since each live edge's last marker was heard, this one's too."""
        now = time.monotonic()
        return {
            edge: now - at
            for edge, at in sorted(self._heard_at.items())
            if now - at <= EDGE_TIMEOUT
        }

    def every_edge(self) -> set[str]:
        """The edges of the fleet, live or not: those with a marker of the last day."""
        limit = time.time() - EDGE_FORGOTTEN
        return {edge for edge, marker in self._markers.items() if marker.at >= limit}

    def obey(self, revision: int, ttls: Mapping[str, float]) -> None:
        """Tell the fleet that this edge obeys all words up to `revision`.

        `ttls` are the seconds for which its answers may live that name a region withdrawn by them.
        """
        if (revision, ttls) != (self._obeyed, self._ttls):
            self._obeyed, self._ttls = revision, ttls
            self._due.set()

    def obeyed(self) -> dict[str, int]:
        """The revision up to which each edge has said to obey words."""
        return {edge: marker.obeyed for edge, marker in self._markers.items()}

    def ttls(self) -> dict[str, Mapping[str, float]]:
        """The `ttls` that each edge has told with what it obeys."""
        return {edge: marker.ttls for edge, marker in self._markers.items()}

    async def put_object(self, name: str, content: bytes) -> None:
        """Keep what is too large for a key, in place of what had that name.

        Raises FleetUnavailable.
        """
        await objects.put(self._connected(), self._settings, name, content)

    async def get_object(self, name: str, limit: int) -> bytes:
        """What was kept under that name, whole. Raises FleetUnavailable, FleetMissing.

        It has no more than `limit` octets, else it is not read.
        """
        return await objects.get(self._connected(), self._settings, name, limit)

    async def delete_object(self, name: str) -> None:
        """Delete what was kept under that name, if anything was. Raises FleetUnavailable."""
        await objects.delete(self._connected(), self._settings, name)

    async def serve(self, client: Client) -> None:
        """Follow the bucket over `client` and prove the quorum; never returns."""
        self._client = client
        try:
            while True:
                end_if_cancelled()
                try:
                    await self._serve(client)
                except FleetUnavailable as unavailable:
                    self._stand(quorum=False, reason=str(unavailable))
                await asyncio.sleep(_PAUSE)
        finally:
            self._client = None

    async def _serve(self, client: Client) -> None:
        name = names.bucket(self._settings.name)
        bucket = await open_bucket(client, self._settings.domain, name, self._settings.replicas)
        with self._opened(bucket):
            async with bucket.followed(self._hear, self._break):
                self._followed.set()
                while not self._broken:
                    self._due.clear()
                    await self._mark()
                    self._stand(quorum=True, reason="")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(MARK_INTERVAL):
                            await self._due.wait()
        raise FleetUnavailable(self._broken)

    @contextlib.contextmanager
    def _opened(self, bucket: Bucket) -> Iterator[None]:
        if bucket.created != self.made:
            if self.made:
                log.get("fleet").warning(
                    "fleet.bucket_anew", bucket=names.bucket(self._settings.name)
                )
            self.made, self._obeyed = bucket.created, 0
            self._known.clear()
            self._markers.clear()
        self._broken = ""
        self._first_mark, self._heard_to, self._pending = 0, 0, 0
        self._bucket = bucket
        try:
            yield
        finally:
            self._followed.clear()
            self._bucket = None

    async def _mark(self) -> None:
        """Write this edge's marker, and hear it with all that was written before it."""
        marker = Marker(self._instance, round(time.time(), 3), self._obeyed, dict(self._ttls))
        revision = await self.put(self._marker_key, json.dumps(marker._asdict()).encode())
        self._first_mark = self._first_mark or revision
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (revision, heard)
        self._waiters.append(waiter)
        try:
            self._wake()
            async with asyncio.timeout(_HEAR_TIMEOUT):
                await heard
        except TimeoutError as error:
            self._break("what is written is not delivered")
            raise FleetUnavailable(self._broken) from error
        finally:
            self._waiters.remove(waiter)

    def _hear(self, change: Change) -> None:
        before = self._known.get(change.key)
        if before is None or before.revision < change.revision:
            entry = Entry(change.key, change.value, change.revision)
            self._known[change.key] = entry
            self._note_edge(entry)
            for prefix, heard in self._followers:
                if entry.key.startswith(prefix):
                    heard(entry)
        self._heard_to, self._pending = change.revision, change.pending
        self._wake()

    def _wake(self) -> None:
        # A key that was written again before it was delivered comes later, with its newer value: so
        # nothing may be pending, either.
        for revision, heard in self._waiters:
            if self._heard_to >= revision and not self._pending and not heard.done():
                heard.set_result(None)

    def _note_edge(self, entry: Entry) -> None:
        """Note a marker. One from before our first of this following says nothing of now."""
        if not entry.key.startswith("edges."):
            return
        try:
            edge = names.key_parts(entry.key)[1]
            marker = None if entry.value is None else _marker(entry.value)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
            return  # another release's, or somebody's by hand
        if marker is None:
            self._markers.pop(edge, None)
            return
        self._markers[edge] = marker
        if self._first_mark and entry.revision >= self._first_mark:
            self._heard_at[edge] = time.monotonic()
            if entry.key == self._marker_key and marker.instance != self._instance:
                self.same_name_at = time.monotonic()
                log.get("fleet").error("fleet.same_name", edge=edge)

    def _break(self, reason: str) -> None:
        self._broken = reason
        self._due.set()

    def _stand(self, *, quorum: bool, reason: str) -> None:
        if (quorum, reason) != (self.quorum, self.reason):
            self.quorum, self.reason = quorum, reason
            self._changed()

    def lost(self, reason: str) -> None:
        """The connection is over, so nothing is proved any more."""
        self._stand(quorum=False, reason=reason)

    def _open(self) -> Bucket:
        if self._bucket is None:
            raise FleetUnavailable(self.reason)
        return self._bucket

    def _connected(self) -> Client:
        if self._client is None:
            raise FleetUnavailable(self.reason)
        return self._client

    def _expected(self, key: str, revision: int | None) -> int | None:
        """The revision that NATS has to find; a key that was deleted has one too."""
        known = self._known.get(key)
        if revision == 0 and known is not None and known.value is None:
            return known.revision
        return revision


def _marker(value: bytes) -> Marker:
    document = parse_json(value)
    instance, at = str(document["instance"]), float(document["at"])
    ttls = {
        str(region): min(_MAX_TTL, max(0.0, float(ttl)))
        for region, ttl in dict(document.get("ttls", {})).items()
    }
    return Marker(instance, at, int(document.get("obeyed", 0)), ttls)
