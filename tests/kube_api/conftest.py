"""Fixtures: an API server, and a configuration that a cluster's fragment is beside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from definitions import DEFINITIONS
from harness.waiting import until_holds
from real_api_server import ApiServer, Etcd, api_server

from resolverd.kube.objects import KINDS
from resolverd.kube.rbac import CLUSTER_ROLE

_BINDING: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "resolverd"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "resolverd",
    },
    "subjects": [{"kind": "User", "name": "resolverd", "apiGroup": "rbac.authorization.k8s.io"}],
}


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[ApiServer, Etcd]]:
    """A cluster with the definitions of Gateway API and InferencePool, and a user who may read."""
    async with api_server(tmp_path_factory.mktemp("kube")) as (server, etcd):
        namespaces = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            for name in ("infra", "prod")
        ]
        await server.create(*DEFINITIONS, *namespaces, CLUSTER_ROLE, _BINDING)
        for kind in KINDS:
            path = kind.path(kind.versions[0])

            async def served(path: str = path) -> bool:
                return (await server.ask("GET", path))[0] == 200

            await until_holds(served, within=60.0)
        yield server, etcd


@pytest_asyncio.fixture(loop_scope="session")
async def server(cluster: tuple[ApiServer, Etcd]) -> AsyncIterator[ApiServer]:
    """The API server, without an object that is watched."""
    await cluster[0].empty()
    yield cluster[0]


@pytest.fixture
def etcd(cluster: tuple[ApiServer, Etcd]) -> Etcd:
    """The API server's etcd."""
    return cluster[1]
