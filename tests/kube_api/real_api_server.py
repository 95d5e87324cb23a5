"""A real API server with its etcd, on loopback, and what an administrator does to its objects.

`.ci/kube-apiserver` builds both programs. Several API servers may share one etcd, as those of a
cluster do; each has the same tokens, and a self-signed certificate of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from cluster_objects import kind_of
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness.programs import free_port
from harness.waiting import until_holds

from resolverd.kube.objects import KINDS, SERVICES, Kind

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(os.environ.get("KUBE_API_SERVER", ROOT / ".cache" / "kube"))
ADMIN, READER, STRANGER = "admin-token", "reader-token", "stranger-token"
"""Tokens: of an administrator, of the user `resolverd`, whom a role lets read, and of nobody."""
SECONDS_TO_READY = 120.0
"""Alone it takes 6 s; this machine may be busy."""

_MERGE = "application/merge-patch+json"


def found() -> Path | None:
    """The API server's program, where it was built."""
    return next(iter(sorted(PROGRAMS.glob("kube-apiserver-*"))), None)


class Etcd:
    """One etcd that runs; `url` is where API servers find it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        peer = f"http://127.0.0.1:{free_port()}"
        self._process = await _started(
            PROGRAMS / "etcd",
            self.folder / "etcd.log",
            *("--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"default={peer}"),
        )
        await until_holds(self._healthy, within=SECONDS_TO_READY)

    async def compact(self) -> None:
        """Have it forget every revision but the last, as an API server has it do by and by."""
        _, answer = await self._post("/v3/kv/range", {"key": "AA==", "limit": "1"})
        revision = answer["header"]["revision"]
        status, _ = await self._post("/v3/kv/compaction", {"revision": revision, "physical": True})
        assert status == 200

    async def stop(self) -> None:
        """End it."""
        await _stopped(self._process)

    async def _healthy(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            return (await self._post("/v3/kv/range", {"key": "AA=="}))[0] == 200
        return False

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as http, http.post(self.url + path, json=body) as said:
            return said.status, await said.json()


class ApiServer:
    """One API server over an etcd."""

    def __init__(self, folder: Path, etcd: Etcd) -> None:
        self.folder = folder
        self.port = free_port()
        self._etcd = etcd
        self._http: aiohttp.ClientSession | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"https://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        program = found()
        assert program is not None, "make test-kube builds it"
        self.folder.mkdir(exist_ok=True)
        key = self.folder / "accounts.pem"
        if not key.exists():
            key.write_bytes(_private_key())
        (tokens := self.folder / "tokens.csv").write_text(
            f"{ADMIN},admin,1,system:masters\n{READER},resolverd,2\n{STRANGER},stranger,3\n"
        )
        self._process = await _started(
            program,
            self.folder / "apiserver.log",
            *("--etcd-servers", self._etcd.url, "--etcd-compaction-interval", "0"),
            *("--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1"),
            *("--secure-port", str(self.port), "--insecure-port", "0"),
            *("--cert-dir", str(self.folder / "certificates")),
            *("--authorization-mode", "RBAC", "--token-auth-file", str(tokens)),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", str(key)),
            *("--service-account-signing-key-file", str(key)),
            *("--service-cluster-ip-range", "10.0.0.0/16", "--endpoint-reconciler-type", "none"),
            *("--disable-admission-plugins", "ServiceAccount"),
        )
        await until_holds(self._ready, within=SECONDS_TO_READY)

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; by SIGKILL at once."""
        if self._http is not None:
            await self._http.close()
            self._http = None
        await _stopped(self._process, number)
        self._process = None

    def kubeconfig(self, token: str = READER) -> Path:
        """A kubeconfig of the user with this token."""
        path = self.folder / f"{token}.kubeconfig"
        authority = str(self.folder / "certificates" / "apiserver.crt")
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [
                {
                    "name": "test",
                    "cluster": {"server": self.url, "certificate-authority": authority},
                }
            ],
            "users": [{"name": "test", "user": {"token": token}}],
        }
        path.write_text(json.dumps(document))
        return path

    async def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Status and document of one request by the administrator."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        if self._http is None:
            authority = str(self.folder / "certificates" / "apiserver.crt")
            trust = ssl.create_default_context(cafile=authority)
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
        async with self._http.request(method, self.url + path, data=data, headers=headers) as said:
            text = await said.text()
            return said.status, json.loads(text) if text.startswith("{") else text

    async def create(self, *objects: Mapping[str, Any]) -> None:
        """Create objects, and give each its status as its controller would."""
        for each in objects:
            path = _collection(each)
            status, said = await self.ask("POST", path, each)
            assert status == 201, said
            if "status" in each:
                await self.status(each)

    async def status(self, each: Mapping[str, Any]) -> None:
        """Write the status of an object."""
        path = f"{_collection(each)}/{each['metadata']['name']}/status"
        status, said = await self.ask("PATCH", path, {"status": each["status"]}, _MERGE)
        assert status == 200, said

    async def change(self, each: Mapping[str, Any], patch: Mapping[str, Any]) -> None:
        """Change an object by a merge patch (RFC 7396)."""
        path = f"{_collection(each)}/{each['metadata']['name']}"
        status, said = await self.ask("PATCH", path, patch, _MERGE)
        assert status == 200, said

    async def delete(self, *objects: Mapping[str, Any]) -> None:
        """Delete objects."""
        for each in objects:
            path = f"{_collection(each)}/{each['metadata']['name']}"
            status, said = await self.ask("DELETE", path)
            assert status == 200, said

    async def empty(self) -> None:
        """Delete every object of the kinds that are watched, but the API server's own Service."""
        for kind in KINDS:
            for namespace in ("infra", "prod"):
                path = kind.path(kind.versions[0], namespace)
                if kind is not SERVICES:
                    await self.ask("DELETE", path)
                    continue
                for each in (await self.ask("GET", path))[1]["items"]:
                    await self.ask("DELETE", f"{path}/{each['metadata']['name']}")

    async def _ready(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            raise AssertionError((self.folder / "apiserver.log").read_text()[-3000:])
        with contextlib.suppress(aiohttp.ClientError, OSError):
            return (await self.ask("GET", "/readyz"))[0] == 200
        return False


@asynccontextmanager
async def api_server(folder: Path) -> AsyncIterator[tuple[ApiServer, Etcd]]:
    """An API server that is ready, and its etcd; both ended at the end."""
    etcd = Etcd(folder)
    server = ApiServer(folder / "first", etcd)
    try:
        await etcd.start()
        await server.start()
        yield server, etcd
    finally:
        await server.stop(signal.SIGKILL)
        await etcd.stop()


def _collection(each: Mapping[str, Any]) -> str:
    """The path of the collection that an object is of."""
    group, _, version = each["apiVersion"].rpartition("/")
    namespace = each["metadata"].get("namespace", "")
    if each["kind"] in _OTHERS:
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{root}/{_OTHERS[each['kind']]}"
    kind: Kind = kind_of(each)
    return kind.path(version, namespace)


_OTHERS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Namespace": "namespaces",
}


async def _started(program: Path, log: Path, *arguments: str) -> asyncio.subprocess.Process:
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            str(program), *arguments, stdout=file, stderr=file, stdin=asyncio.subprocess.DEVNULL
        )


async def _stopped(
    process: asyncio.subprocess.Process | None, number: int = signal.SIGTERM
) -> None:
    if process is None or process.returncode is not None:
        return
    process.send_signal(number)
    try:
        async with asyncio.timeout(20.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _private_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
