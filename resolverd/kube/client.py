"""The client of an API server, made anew when it is refused: nothing else imports its library.

kubernetes-asyncio knows kubeconfigs, exec plugins, service accounts and their tokens. Only its
session with credentials is used: its models refuse objects of other releases, and its `Watch` asks
once more from a version that has expired.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from resolverd.errors import ResolverdError

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient

_NOT_FOUND, _GONE = 404, 410


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


class _Lent:
    """A client, and how many requests have it."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.users = 0


class Clients:
    """The client that requests share; one that is given up is closed once nobody has it."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._current: _Lent | None = None
        self._connecting = asyncio.Lock()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[ApiClient]:
        """The client for one request, to its end. Raises KubeError where none can be had."""
        async with self._connecting:
            if self._current is None:
                self._current = _Lent(await _client(self._access))
            lent = self._current
            lent.users += 1
        try:
            yield lent.client
        finally:
            lent.users -= 1
            if lent is not self._current and not lent.users:
                await lent.client.close()

    def give_up(self, client: ApiClient) -> None:
        """Have kubeconfig, certificates and tokens read anew for the next request."""
        if self._current is not None and self._current.client is client:
            self._current = None

    async def close(self) -> None:
        """Close the client, once no request has it."""
        if self._current is not None:
            await self._current.client.close()


async def _client(access: Access) -> ApiClient:
    try:
        from kubernetes_asyncio import config
        from kubernetes_asyncio.client import ApiClient, Configuration
    except ImportError as error:
        raise KubeError(
            f"{error.name} is not installed; install it beside resolverd with: "
            "pip install 'resolverd[kube]'"
        ) from error
    from yaml import YAMLError

    if not access.in_cluster:
        _see_kubeconfig(access.kubeconfig)
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
        # A file with a token ends in a line feed as a rule, which no header may have.
        settings.api_key = {name: key.strip() for name, key in settings.api_key.items()}
        return ApiClient(settings)
    except (
        config.ConfigException, OSError, ValueError, TypeError, AttributeError, LookupError,
        AssertionError, YAMLError,
    ) as error:  # fmt: skip
        # The library falls over a kubeconfig that is empty or no mapping, each in another way.
        where = "the pod" if access.in_cluster else access.kubeconfig or "the kubeconfig"
        raise KubeError(f"{where} gives no access to an API server: {reason_of(error)}") from error


def _see_kubeconfig(named: str) -> None:
    """Raises KubeError where no file is there, of which the library says that it is incomplete."""
    named = named or os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not any(Path(each).expanduser().exists() for each in named.split(os.pathsep) if each):
        raise KubeError(
            f"there is no kubeconfig at {named}; name one with --kubeconfig FILE or $KUBECONFIG, "
            "or a pod's service account with --kubeconfig in-cluster"
        )


def reason_of(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was lost"
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return str(error) or type(error).__name__
