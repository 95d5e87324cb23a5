"""`resolverd kube` before what a real API server said: lists, watches, 410 Gone, 401, 403, 404."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from cli.command import ROOT, Ran, environment, process, resolverd
from harness.waiting import until_holds
from recorded_server import RECORDED, RecordedServer, recorded_server

from resolverd.cli.documents import VERBS
from resolverd.kube.api import Api
from resolverd.kube.client import Access, KubeError
from resolverd.kube.objects import ROUTES
from resolverd.kube.rbac import CLUSTER_ROLE
from resolverd.kube.watch import Watched

WITHIN = 30.0


@pytest.fixture
async def server() -> AsyncIterator[RecordedServer]:
    """The recorded API server."""
    async with recorded_server() as made:
        yield made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shipped configuration with its zones."""
    shutil.copy(ROOT / "resolverd.toml", tmp_path)
    shutil.copytree(ROOT / "zones", tmp_path / "zones")
    return tmp_path


async def _once(server: RecordedServer, place: Path, *options: str) -> Ran:
    kubeconfig = server.kubeconfig(place)
    arguments = ("kube", "--region", "eu-west", "--once", "--kubeconfig", str(kubeconfig))
    return await asyncio.to_thread(process, *arguments, *options, cwd=place)


async def test_one_look_writes_the_fragment_and_the_next_has_nothing_new(
    server: RecordedServer, place: Path
) -> None:
    ran = await _once(server, place, "--json")
    assert ran.status == 0, ran.err
    VERBS["kube"][0].model_validate_json(ran.out, strict=True)
    document = ran.json()
    (row,) = [
        row
        for row in document["fragment"]["region"]["eu-west"]["endpoint"]
        if row["address"] == ["192.0.2.77"]
    ]
    assert row["name"] == "eu-west.service.prod.llama-lb.192.0.2.77"
    assert document["state"] == "written"
    again = await _once(server, place)
    assert (again.status, "nothing is new" in again.out) == (0, True)
    written = json.loads((place / "resolverd.d" / "kube-eu-west.json").read_text())
    assert written == document["fragment"]


async def test_what_is_held_names_the_command_that_writes_it_all_the_same(
    server: RecordedServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (
        "--coordinates",
        "-33.9,151.2",
        "--hostname",
        "x.example=chat",
        "--output",
        "a b.json",
    )
    listen = 'server.listen=["127.0.0.1:5300"]'
    first = await _once(server, place, *options, "--set", listen)
    assert first.status == 0, first.err
    nothing = {"kind": "ServiceList", "metadata": {"resourceVersion": "300"}, "items": []}
    monkeypatch.setitem(RECORDED, "nothing", {"status": 200, "body": json.dumps(nothing)})
    server.instead["/api/v1/services"] = "nothing"
    server.absent.add(ROUTES.group)
    held = await _once(server, place, *options, "--set", listen, "--json")
    assert held.status == 1, held.err
    (problem,) = held.json()["problems"]
    assert (held.status, problem["id"]) == (1, "lost-endpoints")
    command = shlex.split(problem["hint"].partition("and then: ")[2])
    assert command[:2] == ["resolverd", "kube"]
    assert "--coordinates=-33.9,151.2" in command
    assert {"--hostname", "--output", "a b.json", listen, "--once", "--yes"} < set(command)
    ran = await asyncio.to_thread(process, *command[1:], cwd=place)
    assert (ran.status, "written: a b.json" in ran.out) == (0, True), ran.err


async def test_a_watch_goes_on_from_its_bookmark_and_lists_anew_once_that_has_expired(
    server: RecordedServer, tmp_path: Path
) -> None:
    async with Api(Access(str(server.kubeconfig(tmp_path)))) as api:
        watched = Watched(api, (), "")
        seen: list[frozenset[str]] = []

        def changed() -> None:
            names = frozenset(name for _, name in watched.cluster.of(ROUTES))
            if names and names not in seen[-1:]:
                seen.append(names)

        task = asyncio.create_task(watched.follow(changed))
        await until_holds(lambda: watched.lists > 0 and len(seen) == 4, within=WITHIN)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    first = {"chat", "www-0", "www-1"}
    assert [set(names) for names in seen] == [
        first,
        first - {"www-1"},
        {"chat", "www-0", "new"},
        {"www-0", "new"},
    ]
    watches = [query for path, query in server.asked if "watch" in query and "routes" in path]
    assert [query["resourceVersion"] for query in watches[:2]] == ["229", "233"]
    assert all(query["allowWatchBookmarks"] == "true" for query in watches)


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ("forbidden", "403 Forbidden: services is forbidden"),
        ("unauthorized", "401 Unauthorized"),
        ("ready", "Expecting value"),
    ],
)
async def test_an_api_server_that_says_no_ends_one_look_and_writes_nothing(
    server: RecordedServer, place: Path, recorded: str, said: str
) -> None:
    server.instead["/api/v1/services"] = recorded
    ran = await _once(server, place)
    assert (ran.status, said in ran.err) == (3, True), ran.err
    assert not (place / "resolverd.d").exists()


async def test_an_api_server_that_starts_is_not_taken_to_lack_what_it_does_not_know_yet(
    server: RecordedServer, tmp_path: Path
) -> None:
    server.absent.add(ROUTES.group)
    server.instead["/readyz"] = 500
    async with Api(Access(str(server.kubeconfig(tmp_path)))) as api:
        with pytest.raises(KubeError, match="500"):
            await api.version_of(ROUTES)
        for may_not_be_asked in ("forbidden", "absent"):
            server.instead["/readyz"] = may_not_be_asked
            assert await api.version_of(ROUTES) == ""
        server.absent.clear()
        assert await api.version_of(ROUTES) == "v1"


async def test_a_token_that_is_refused_is_asked_for_anew(
    server: RecordedServer, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!/bin/sh\ncd {tmp_path}; token=second; [ -e once ] || token=first; touch once\n"
        'echo \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",\'\n'
        'echo "\\"status\\":{\\"token\\":\\"$token\\"}}"\n'
    )
    plugin.chmod(0o755)
    server.token = "second"
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    async with Api(Access(str(server.kubeconfig(tmp_path, {"exec": command})))) as api:
        asked = [api.pages("/api/v1/services", "") for _ in range(5)]
        said = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(each) for each in said} <= {KubeError, list}, said
        assert any(isinstance(each, KubeError) for each in said)
        for pages in await asyncio.gather(*(api.pages("/api/v1/services", "") for _ in range(5))):
            assert len(pages) == 1


def test_a_kubeconfig_that_is_not_there_is_said_once(place: Path) -> None:
    ran = resolverd("kube", "--region", "eu-west", "--once", "--kubeconfig", "k", cwd=place)
    assert (ran.status, len(ran.err.splitlines())) == (3, 1), ran.err
    assert "there is no kubeconfig at k; name one" in ran.err


@pytest.mark.parametrize(
    "text", ["", "[]", "x", "{", '{"current-context": "a", "contexts": []}', "\xff"]
)
def test_a_kubeconfig_that_gives_no_access_is_said(place: Path, text: str) -> None:
    (place / "k").write_bytes(text.encode("latin-1"))
    ran = resolverd("kube", "--region", "eu-west", "--once", "--kubeconfig", "k", cwd=place)
    assert (ran.status, "k gives no access to an API server: " in ran.err) == (3, True), ran.err


def test_a_pod_without_a_service_account_is_said(place: Path) -> None:
    ran = resolverd(
        "kube", "--region", "eu-west", "--once", "--kubeconfig", "in-cluster", cwd=place
    )
    assert (ran.status, "the pod gives no access" in ran.err) == (3, True)


def test_a_client_that_is_not_installed_is_asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes_asyncio", None)
    ran = resolverd("kube", "--region", "eu-west", "--once", cwd=place)
    assert (ran.status, "pip install 'resolverd[kube]'" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--yes"], "--yes is for one look"),
        (["--once", "--output", "k.toml"], "a name that ends in .json"),
        (["--coordinates", "91,0"], "is not LATITUDE,LONGITUDE"),
        (["--namespace", "A"], "is not a namespace"),
        (["--hostname", "x"], "is not HOSTNAME=SERVICE"),
        (["--region", "-"], "is not a region's name"),
    ],
)
def test_a_wrong_command_line_is_told_what_to_write(
    place: Path, options: list[str], said: str
) -> None:
    ran = resolverd("kube", "--region", "eu-west", *options, cwd=place)
    assert (ran.status, said in ran.err) == (2, True), ran.err


def test_the_page_shows_the_role_as_it_is_tried() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    blocks = [block for block in page.split("```yaml\n")[1:] if "kind: ClusterRole\n" in block]
    role = yaml.safe_load(blocks[0].partition("```")[0])  # type: ignore[no-untyped-call]
    assert role == CLUSTER_ROLE


def test_nothing_but_the_verb_loads_the_client(place: Path) -> None:
    code = (
        "import sys; from resolverd.cli import main; main(['check'])\n"
        "assert not [m for m in sys.modules if m.startswith(('kubernetes', 'resolverd.kube'))]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=place, check=True, env=environment())
