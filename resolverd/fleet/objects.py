"""The object store of a fleet: what is too large for a key, such as a set of configuration.

Bounded in time, for nats-py waits for ever for a part that does not come. An object is whole or is
not returned: nats-py checks the digest with the last part, and returns what it has where the
connection ends before that, so its size is looked at too.
"""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import APIError, NotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from resolverd.config.fleet import Fleet
from resolverd.fleet import names
from resolverd.fleet.bucket import NOT_CLUSTERED, TIMEOUT
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetMissing, FleetUnavailable
from resolverd.fleet.reasons import in_words

TRANSFER_TIMEOUT = 60.0
"""Seconds in which an object has to be there whole."""


async def put(client: Client, settings: Fleet, name: str, content: bytes) -> None:
    """Keep `content` under `name`. Raises FleetUnavailable."""
    try:
        async with asyncio.timeout(TRANSFER_TIMEOUT):
            store = await _opened(client, settings)
            await store.put(name, content)
            end_if_cancelled()
    except TimeoutError as error:
        raise FleetUnavailable(f"JetStream did not confirm {name}") from error
    except (NatsError, OSError) as error:
        raise FleetUnavailable(in_words(error)) from error


async def get(client: Client, settings: Fleet, name: str, limit: int) -> bytes:
    """What is kept under `name`. Raises FleetUnavailable, and FleetMissing.

    An object of more than `limit` octets is somebody else's, and none of it is read.
    """
    try:
        async with asyncio.timeout(TRANSFER_TIMEOUT):
            store = await _opened(client, settings)
            size = (await store.get_info(name)).size or 0
            if size > limit:
                raise FleetMissing(f"what is kept as {name} has {size} octets, not {limit}")
            found = await store.get(name)
            end_if_cancelled()
    except ObjectNotFoundError as error:
        raise FleetMissing(f"the fleet keeps no {name}") from error
    except TimeoutError as error:
        raise FleetUnavailable(f"JetStream did not send {name} whole") from error
    except (NatsError, OSError) as error:
        raise FleetUnavailable(in_words(error)) from error
    content = bytes(found.data or b"")
    if len(content) != (found.info.size or 0):
        raise FleetUnavailable(f"the connection ended before {name} was there whole")
    return content


async def delete(client: Client, settings: Fleet, name: str) -> None:
    """Delete what is kept under `name`, if anything is. Raises FleetUnavailable."""
    try:
        async with asyncio.timeout(TRANSFER_TIMEOUT):
            store = await _opened(client, settings)
            await store.delete(name)
            end_if_cancelled()
    except ObjectNotFoundError:
        return
    except TimeoutError as error:
        raise FleetUnavailable(f"JetStream did not confirm that {name} is deleted") from error
    except (NatsError, OSError) as error:
        raise FleetUnavailable(in_words(error)) from error


async def _opened(client: Client, settings: Fleet) -> ObjectStore:
    prefix = names.api_prefix(settings.domain)
    stream = client.jetstream(timeout=TIMEOUT, prefix=prefix)
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
