"""The object store of a fleet: what is too large for a key, such as a set of configuration.

Part by part, each asked for or confirmed before the next: the connection, and that of a leaf node
behind it, goes on carrying all else of this edge between two parts, and what is given up costs no
more than the part on its way. nats-py gets an object from a consumer that sends ahead: on a slow
link what proves the connection waits behind it, and it goes on once nobody waits for it any more.

An object is whole or is not returned. What did not go up whole is not kept.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo, ObjectStoreConfig, PubAck, StorageType
from nats.js.errors import APIError, NotFoundError, ObjectNotFoundError
from nats.js.object_store import (
    OBJ_CHUNKS_PRE_TEMPLATE,
    OBJ_DIGEST_TEMPLATE,
    OBJ_STREAM_TEMPLATE,
    ObjectStore,
)

from resolverd.config.fleet import Fleet
from resolverd.fleet import names
from resolverd.fleet.bucket import NOT_CLUSTERED, TIMEOUT
from resolverd.fleet.cancelling import end, end_if_cancelled
from resolverd.fleet.errors import FleetMissing, FleetUnavailable
from resolverd.fleet.reasons import in_words

TRANSFER_TIMEOUT = 60.0
"""Seconds until the first part of an object, and from each part to the next.

For the whole there is no limit: parts that come, come to an end. Each request has `TIMEOUT`."""

# Seconds for the part that is on its way, and then for all parts to be purged.
_GIVING_UP = 2 * TIMEOUT


async def put(client: Client, settings: Fleet, name: str, content: bytes) -> None:
    """Keep `content` under `name`. Raises FleetUnavailable."""
    async with _in_time(f"JetStream did not confirm {name}") as deadline:
        upload = _Upload(client, prefix=names.api_prefix(settings.domain), timeout=TIMEOUT)
        upload.deadline = deadline
        store = await _opened(upload, settings)
        putting = asyncio.create_task(store.put(name, content))
        try:
            await asyncio.wait({putting})
        except asyncio.CancelledError:
            upload.given_up = True
            await asyncio.wait({putting}, timeout=_GIVING_UP)
            raise
        finally:
            await end([putting])
        putting.result()


async def get(client: Client, settings: Fleet, name: str, limit: int) -> bytes:
    """What is kept under `name`. Raises FleetUnavailable, and FleetMissing.

    An object of more than `limit` octets is somebody else's, and none of it is read.
    """
    async with _in_time(f"JetStream did not send {name} whole") as deadline:
        stream = _jetstream(client, settings)
        try:
            info = await (await _opened(stream, settings)).get_info(name)
        except ObjectNotFoundError as error:
            raise FleetMissing(f"the fleet keeps no {name}") from error
        size = info.size or 0
        if size > limit:
            raise FleetMissing(f"what is kept as {name} has {size} octets, not {limit}")
        return await _parts(stream, names.sets_bucket(settings.name), info, deadline)


async def delete(client: Client, settings: Fleet, name: str) -> None:
    """Delete what is kept under `name`, if anything is. Raises FleetUnavailable."""
    async with _in_time(f"JetStream did not confirm that {name} is deleted"):
        store = await _opened(_jetstream(client, settings), settings)
        with contextlib.suppress(ObjectNotFoundError):
            await store.delete(name)


class _Upload(JetStreamContext):
    """JetStream for one object, whose parts are sent until it is `given_up`.

    nats-py purges what went up where the next part fails, and not where it is cancelled.
    """

    given_up = False
    deadline: asyncio.Timeout

    async def publish(self, *args: Any, **options: Any) -> PubAck:
        """Raises NatsError once it is given up."""
        if self.given_up:
            raise NatsError("the upload was given up")
        confirmed = await super().publish(*args, **options)
        _move_on(self.deadline)
        return confirmed


async def _parts(
    stream: JetStreamContext, bucket: str, info: ObjectInfo, deadline: asyncio.Timeout
) -> bytes:
    """The object's octets, as they were put. Raises FleetUnavailable."""
    subject = OBJ_CHUNKS_PRE_TEMPLATE.format(bucket=bucket, obj=info.nuid)
    content, digest, after = bytearray(), hashlib.sha256(), 0
    while len(content) < (info.size or 0):
        try:
            part = await stream.get_msg(
                OBJ_STREAM_TEMPLATE.format(bucket=bucket), after + 1, subject=subject, next=True
            )
        except NotFoundError as error:
            raise FleetUnavailable(f"the fleet keeps {info.name} in part only") from error
        end_if_cancelled()
        _move_on(deadline)
        content += part.data or b""
        digest.update(part.data or b"")
        after = part.seq or 0
    found = base64.urlsafe_b64encode(digest.digest()).decode()
    if content and info.digest != OBJ_DIGEST_TEMPLATE.format(digest=found):
        raise FleetUnavailable(f"what the fleet keeps as {info.name} is not what was put")
    return bytes(content)


@contextlib.asynccontextmanager
async def _in_time(late: str) -> AsyncIterator[asyncio.Timeout]:
    """Raises FleetUnavailable where what is done fails, or is not done in time, which is `late`."""
    try:
        async with asyncio.timeout(TRANSFER_TIMEOUT) as deadline:
            yield deadline
            end_if_cancelled()
    except TimeoutError as error:
        raise FleetUnavailable(late) from error
    except (NatsError, OSError) as error:
        raise FleetUnavailable(in_words(error)) from error


def _move_on(deadline: asyncio.Timeout) -> None:
    if not deadline.expired():
        deadline.reschedule(asyncio.get_running_loop().time() + TRANSFER_TIMEOUT)


def _jetstream(client: Client, settings: Fleet) -> JetStreamContext:
    return client.jetstream(timeout=TIMEOUT, prefix=names.api_prefix(settings.domain))


async def _opened(stream: JetStreamContext, settings: Fleet) -> ObjectStore:
    bucket = names.sets_bucket(settings.name)
    try:
        return await stream.object_store(bucket)
    except NotFoundError:
        pass
    config = ObjectStoreConfig(storage=StorageType.FILE, replicas=settings.replicas)
    try:
        return await stream.create_object_store(bucket, config)
    except APIError as error:
        if error.err_code != NOT_CLUSTERED:
            raise
    config.replicas = 1
    return await stream.create_object_store(bucket, config)
