"""An API server, asked for lists and watches in plain JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from resolverd.kube.client import Access, Clients, KubeError, reason_of
from resolverd.kube.objects import Kind, rows, text

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient

# Objects of one page of a list.
_PAGE = 500
# Seconds for a page; and beyond the time that a watch was asked for, until it is taken for dead.
_PAGE_TIMEOUT, _GRACE = 30.0, 15.0
# A list that expires while its pages are read is begun again so many times.
_TRIES = 3
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


class Api:
    """One API server. Use as an async context manager."""

    def __init__(self, access: Access) -> None:
        self._clients = Clients(access)

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.close()

    async def version_of(self, kind: Kind) -> str:
        """The first version of a kind that the API server has; empty where it has none.

        Raises KubeError.
        """
        if not kind.group:
            return kind.versions[0]
        served = await self._served(kind.group)
        if not served and await self._ready():
            served = await self._served(kind.group)
        return next((version for version in kind.versions if version in served), "")

    async def pages(self, path: str, selector: str) -> Sequence[object]:
        """The pages of a whole list, as it is now. Raises KubeError."""
        for _ in range(_TRIES):
            pages: list[object] = []
            proceed = ""
            try:
                while not pages or proceed:
                    query = {"limit": str(_PAGE), "continue": proceed, "labelSelector": selector}
                    pages.append(await self._document(path, query))
                    proceed = text(pages[-1], "metadata", "continue")
            except KubeError as error:
                if not error.expired:
                    raise
            else:
                return pages
        raise KubeError(f"{path}: a list expires before its last page comes")

    async def lines(
        self, path: str, selector: str, version: str, seconds: int
    ) -> AsyncGenerator[bytes, None]:
        """The events of a watch from `version` on, a line each, for so many seconds at most.

        Raises KubeError.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
            "labelSelector": selector,
        }
        async with self._response(path, query, seconds + _GRACE) as response:
            async for line in response.content:
                if line.strip():
                    yield line

    async def _served(self, group: str) -> frozenset[str]:
        """The versions that it serves of a group; none where it does not know it."""
        try:
            document = await self._document(f"/apis/{group}", {})
        except KubeError as error:
            if error.absent:
                return frozenset()
            raise
        return frozenset(text(each, "version") for each in rows(document, "versions"))

    async def _ready(self) -> bool:
        """That it has all its CRDs: one that starts does not know any for a while.

        Raises KubeError while it starts. Where that may not be asked it is taken for ready.
        """
        try:
            async with self._response("/readyz", {}, _PAGE_TIMEOUT):
                return True
        except KubeError as error:
            if error.status in (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND):
                return True
            raise

    async def _document(self, path: str, query: dict[str, str]) -> object:
        async with self._response(path, query, _PAGE_TIMEOUT) as response:
            return json.loads(await response.read())

    @asynccontextmanager
    async def _response(
        self, path: str, query: dict[str, str], seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body is read in this context.

        Raises KubeError for all but 200, and for what goes wrong on the way or in the context.
        """
        async with self._clients.lent() as client:
            try:
                response = await _get(client, path, query, seconds)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._clients.give_up(client)
                host = client.configuration.host
                raise KubeError(f"{host}: {reason_of(error)}") from error
            try:
                if response.status != 200:
                    raise KubeError(
                        f"{path}: {_said(response, await response.read())}", response.status
                    )
                yield response
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                raise KubeError(f"{path}: {reason_of(error)}") from error
            finally:
                if response.status == _UNAUTHORIZED:
                    self._clients.give_up(client)
                response.close()


async def _get(
    client: ApiClient, path: str, query: dict[str, str], seconds: float
) -> aiohttp.ClientResponse:
    from kubernetes_asyncio.config import ConfigException

    try:
        response: aiohttp.ClientResponse = await client.call_api(
            path,
            "GET",
            query_params=[(key, value) for key, value in query.items() if value],
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=aiohttp.ClientTimeout(total=seconds, connect=_PAGE_TIMEOUT),
        )
    except (ConfigException, ValueError) as error:  # a token read for each request, or no header
        raise OSError(str(error)) from error
    return response


def _said(response: aiohttp.ClientResponse, body: bytes) -> str:
    """What a refusal says, and what to do about the most frequent one."""
    try:
        message = text(json.loads(body), "message")
    except ValueError:
        message = body[:200].decode("utf-8", "replace").strip()
    hint = "; see the ClusterRole of docs/kubernetes.md" if response.status == _FORBIDDEN else ""
    return f"{response.status} {response.reason}: {message}{hint}"
