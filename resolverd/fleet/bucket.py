"""One bucket of JetStream, over one connection: written with a quorum's acknowledgement, followed.

It is laid out as every NATS key-value bucket is (ADR-8): a stream `KV_<bucket>` of the subjects
`$KV.<bucket>.<key>`, so `nats kv ls` reads it. What matters here:

- **history 1**: with more, a newest value that goes would bring an older one back;
- **no lifetimes**: of a key that has one, a later plain put is eternal, so nothing relies on them;
- **nothing is read by gets**, which a leader answers for long after its quorum is gone. What is
  written is acknowledged by a quorum, or has not been written for all we know; what is known is
  what one consumer delivers in order, without a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from resolverd.fleet import names
from resolverd.fleet.cancelling import end_if_cancelled
from resolverd.fleet.errors import FleetConflict, FleetUnavailable
from resolverd.fleet.reasons import in_words

TIMEOUT = 2.0
"""Seconds in which JetStream has to answer; a cluster across continents takes a third of one."""

NOT_CLUSTERED = 10074
"""The error code of JetStream's API of a server without a cluster, asked for several copies."""

# More of them.
_NOT_FOUND = 10059
# The second is a leader's, who has another write of that key on its way to the followers.
_WRONG_REVISION = (10071, 10164)
_OPERATION, _DELETED = "KV-Operation", frozenset({"DEL", "PURGE"})


class Change(NamedTuple):
    """A key's value (None: deleted) at a revision; `pending` are changes that follow already."""

    key: str
    value: bytes | None
    revision: int
    pending: int


class Bucket:
    """The bucket called `name`, of which there was nothing before `created`."""

    def __init__(self, api: _Api, name: str, created: str) -> None:
        self.created = created
        self._api, self._client, self._name = api, api.client, name

    async def put(self, key: str, value: bytes, expected: int | None = None) -> int:
        """Write, and return the revision. Raises FleetUnavailable, and FleetConflict where the key
        has another revision than `expected` (0: was never written)."""
        return await self._write(key, value, {}, expected)

    async def delete(self, key: str, expected: int | None = None) -> int:
        """Write that the key is deleted; as `put`."""
        return await self._write(key, b"", {_OPERATION: "DEL"}, expected)

    async def _write(
        self, key: str, value: bytes, headers: Mapping[str, str], expected: int | None
    ) -> int:
        if expected is not None:
            headers = {**headers, "Nats-Expected-Last-Subject-Sequence": str(expected)}
        # A leaf node keeps $KV to its own side; a domain's API takes it across.
        across = f"{self._api.prefix}." if self._api.prefix != names.api_prefix("") else ""
        subject = f"{across}$KV.{self._name}.{key}"
        reply = await _asked(self._client, subject, value, dict(headers) or None)
        return int(reply["seq"])

    @contextlib.asynccontextmanager
    async def followed(
        self, heard: Callable[[Change], None], broken: Callable[[str], None]
    ) -> AsyncIterator[None]:
        """Hear the newest value of each key and then each change, while the context lasts.

        `broken` is told once something is missing: nothing that is heard after it is in order.
        """
        inbox, prefix = self._client.new_inbox(), f"$KV.{self._name}."
        expected = 0

        async def deliver(message: Msg) -> None:
            nonlocal expected
            if not message.subject.startswith(prefix):
                return  # a status of the server
            delivered = message.metadata
            expected += 1
            if delivered.sequence.consumer != expected:
                broken("a change is missing among those delivered")
                return
            headers = message.headers or {}
            deleted = headers.get(_OPERATION) in _DELETED
            heard(
                Change(
                    message.subject.removeprefix(prefix),
                    None if deleted else message.data,
                    delivered.sequence.stream,
                    delivered.num_pending,
                )
            )

        subscription = await self._client.subscribe(inbox, cb=deliver)
        try:
            await self._api.ask(
                f"CONSUMER.CREATE.KV_{self._name}",
                {"stream_name": f"KV_{self._name}", "config": _consumer(inbox, f"{prefix}>")},
            )
            yield
        finally:
            # The server ends a consumer that nobody listens to.
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()


async def open_bucket(client: Client, domain: str, name: str, replicas: int) -> Bucket:
    """The bucket, made where there is none. Raises FleetUnavailable."""
    api = _Api(client, names.api_prefix(domain))
    info = await _stream_info(api, f"KV_{name}")
    if info is None:
        info = await _made(api, name, replicas)
    history = info["config"].get("max_msgs_per_subject")
    if history != 1:
        raise FleetUnavailable(
            f"the bucket {name} keeps {history} values of each key, where it has to keep one: "
            f"nats stream edit KV_{name} --max-msgs-per-subject=1"
        )
    return Bucket(api, name, info["created"])


async def _made(api: _Api, name: str, replicas: int) -> dict[str, Any]:
    config = {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "max_msgs_per_subject": 1,
        "storage": "file",
        "num_replicas": replicas,
        "discard": "new",
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
        "max_msgs": -1,
        "max_bytes": -1,
    }
    try:
        return await api.ask(f"STREAM.CREATE.KV_{name}", config)
    except _ApiError as error:
        if error.code == NOT_CLUSTERED:
            return await api.ask(f"STREAM.CREATE.KV_{name}", {**config, "num_replicas": 1})
        raise


async def _stream_info(api: _Api, stream: str) -> dict[str, Any] | None:
    try:
        return await api.ask(f"STREAM.INFO.{stream}", {})
    except _ApiError as error:
        if error.code == _NOT_FOUND:
            return None
        raise


def _consumer(inbox: str, subjects: str) -> dict[str, Any]:
    return {
        "deliver_subject": inbox,
        "deliver_policy": "last_per_subject",
        "filter_subject": subjects,
        "ack_policy": "none",
        "replay_policy": "instant",
        "max_deliver": 1,
        "mem_storage": True,
        "num_replicas": 1,
    }


class _ApiError(FleetUnavailable):
    """JetStream refuses; `code` says why."""

    def __init__(self, code: int, description: str) -> None:
        self.code = code
        super().__init__(description)


class _Api(NamedTuple):
    """JetStream's API over one connection."""

    client: Client
    prefix: str

    async def ask(self, subject: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers. Raises FleetUnavailable."""
        return await _asked(self.client, f"{self.prefix}.{subject}", json.dumps(request).encode())


async def _asked(
    client: Client, subject: str, payload: bytes, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """What JetStream answers. Raises FleetUnavailable, FleetConflict."""
    try:
        message = await client.request(subject, payload, timeout=TIMEOUT, headers=headers)
        end_if_cancelled()
    except NoRespondersError as error:
        raise FleetUnavailable("JetStream has no leader, or is not enabled") from error
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # nats-py cancels what is waited for when it closes the connection.
        raise FleetUnavailable("the connection was closed") from cancelled
    except TimeoutError as error:
        raise FleetUnavailable(f"JetStream did not confirm within {TIMEOUT:g} s") from error
    except (NatsError, OSError) as error:
        raise FleetUnavailable(in_words(error)) from error
    try:
        reply = json.loads(message.data)
    except ValueError as error:
        raise FleetUnavailable("JetStream answers no JSON") from error
    if not isinstance(reply, dict):
        raise FleetUnavailable("JetStream answers no object")
    if failure := reply.get("error"):
        code, description = int(failure.get("err_code", 0)), str(failure.get("description", ""))
        if code in _WRONG_REVISION:
            raise FleetConflict(description)
        raise _ApiError(code, description or f"JetStream answers with error {code}")
    return reply
