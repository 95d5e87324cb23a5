"""An API server, asked for lists and watches in plain JSON; nothing else imports its client.

kubernetes-asyncio knows kubeconfigs, exec plugins, service accounts and their tokens. Its models
are not used, for they refuse objects of other releases, nor its `Watch`, which asks once more from
a version that has expired.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from resolverd.errors import ResolverdError
from resolverd.kube.objects import Kind, rows, text

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient

# Objects of one page of a list.
_PAGE = 500
# Seconds for a page; and beyond the time that a watch was asked for, until it is taken for dead.
_PAGE_TIMEOUT, _GRACE = 30.0, 15.0
# A list that expires while its pages are read is begun again so many times.
_TRIES = 3
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410


class Access(NamedTuple):
    """How the API server is found: by a kubeconfig, `kubectl`'s own where none is named, or from
    within a pod (`in_cluster`).
    """

    kubeconfig: str = ""
    context: str = ""
    in_cluster: bool = False


class KubeError(ResolverdError):
    """The API server cannot be asked, or says no; `status` is that of HTTP, 0 for none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def absent(self) -> bool:
        """Whether the API server has no such collection: its CRD is not installed."""
        return self.status == _NOT_FOUND

    @property
    def expired(self) -> bool:
        """Whether the version that was asked from is known no more."""
        return self.status == _GONE


class Api:
    """One API server. Use as an async context manager."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client: ApiClient | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._renew(self._client)

    async def _renew(self, client: ApiClient) -> None:
        """Read kubeconfig, certificates and tokens anew, unless somebody has since `client` was."""
        if self._client is client:
            self._client = None
            await client.close()

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
        response = await self._get(path, query, seconds + _GRACE)
        try:
            async for line in response.content:
                if line.strip():
                    yield line
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise KubeError(f"{path}: {_reason(error)}") from error
        finally:
            response.close()

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
            response = await self._get("/readyz", {}, _PAGE_TIMEOUT)
        except KubeError as error:
            if error.status in (_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND):
                return True
            raise
        response.release()
        return True

    async def _document(self, path: str, query: dict[str, str]) -> object:
        response = await self._get(path, query, _PAGE_TIMEOUT)
        try:
            return json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise KubeError(f"{path}: {_reason(error)}") from error

    async def _get(
        self, path: str, query: dict[str, str], seconds: float
    ) -> aiohttp.ClientResponse:
        """The response to a request, its body unread. Raises KubeError for all but 200."""
        client = await self._connected()
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
            if response.status == 200:
                return response
            body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
            # A RuntimeError is of a session that another request has renewed.
            await self._renew(client)
            raise KubeError(f"{client.configuration.host}: {_reason(error)}") from error
        if response.status == _UNAUTHORIZED:
            await self._renew(client)
        raise KubeError(f"{path}: {_said(response, body)}", response.status)

    async def _connected(self) -> ApiClient:
        """The client, made at the first request. Raises KubeError where there is nothing to use."""
        async with self._connecting:
            if self._client is None:
                self._client = await _client(self._access)
            return self._client


async def _client(access: Access) -> ApiClient:
    try:
        from kubernetes_asyncio import config
        from kubernetes_asyncio.client import ApiClient, Configuration
    except ImportError as error:
        raise KubeError(
            f"{error.name} is not installed; install it with: pip install 'resolverd[kube]'"
        ) from error
    from yaml import YAMLError

    settings = Configuration()
    try:
        if access.in_cluster:
            config.load_incluster_config(client_configuration=settings)
        else:
            await config.load_kube_config(
                config_file=access.kubeconfig or None,
                context=access.context or None,
                client_configuration=settings,
                persist_config=False,
            )
        return ApiClient(settings)
    except (
        config.ConfigException, OSError, ValueError, TypeError, AttributeError, LookupError,
        AssertionError, YAMLError,
    ) as error:  # fmt: skip
        # The library falls over a kubeconfig that is empty or no mapping, each in another way.
        where = "the pod" if access.in_cluster else access.kubeconfig or "the kubeconfig"
        raise KubeError(f"{where} gives no access to an API server: {_reason(error)}") from error


def _said(response: aiohttp.ClientResponse, body: bytes) -> str:
    """What a refusal says, and what to do about the most frequent one."""
    try:
        message = text(json.loads(body), "message")
    except ValueError:
        message = body[:200].decode("utf-8", "replace").strip()
    hint = "; see the ClusterRole of docs/kubernetes.md" if response.status == _FORBIDDEN else ""
    return f"{response.status} {response.reason}: {message}{hint}"


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was lost"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return str(error) or type(error).__name__
