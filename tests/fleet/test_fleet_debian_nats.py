"""The nats-server that Debian has: 2.9 in Debian 12, which knows no lifetimes of keys.

Nothing that the fleet keeps has one: an edge judges by its own clock how old a thing is. So all of
it works there too, and here is what of NATS the fleet relies on, tried with that server.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from harness.linked_edges import edge, linked, until
from harness.nats import NatsServer, nats, nats_cluster
from harness.programs import free_port
from observing_edges import EDGES, edges, world
from observing_edges import until as until_seen

from resolverd.fleet.errors import FleetConflict, FleetUnavailable
from resolverd.fleet.link import Link
from resolverd.health.overrides import OverrideKind

_FETCHED = 300
"""Seconds in which a mirror has to give a package of 5 MB."""


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program out of the package, which is not installed."""
    folder = tmp_path_factory.mktemp("debian")
    lacks = "NO FLEET IS TESTED WITH DEBIAN'S nats-server: "
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip(f"{lacks}this is no Debian")
    try:
        fetched = subprocess.run(
            ["apt-get", "download", "nats-server"],
            cwd=folder, capture_output=True, text=True, timeout=_FETCHED, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"{lacks}no mirror gives it in {_FETCHED} s")
    packages = [*folder.glob("*.deb")]
    if not packages:
        pytest.skip(f"{lacks}apt-get update; apt-get download nats-server: {fetched.stderr}")
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(folder)], check=True)
    program = str(folder / "usr/sbin/nats-server")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    print(version.stdout.strip())
    return program


async def test_a_key_is_written_heard_deleted_and_never_twice_at_once(
    tmp_path: Path, debian: str
) -> None:
    async with (
        nats(tmp_path, program=debian) as server,
        linked([server.url]) as one,
        linked([server.url], "ams1") as other,
    ):
        await until(lambda: one.state.quorum and other.state.quorum)
        first = await one.store.put("words.a", b"1", revision=0)
        with pytest.raises(FleetConflict):
            await other.store.put("words.a", b"2", revision=0)
        second = await other.store.put("words.a", b"2", revision=first)
        await one.store.current(10)
        assert one.store.known("words.")["words.a"].value == b"2"
        await one.store.delete("words.a", revision=second)
        await other.store.current(10)
        assert not other.store.known("words.")
        await other.store.put("words.a", b"3", revision=0)
        content = bytes(range(256)) * 4096
        await one.store.put_object("set", content)
        assert await other.store.get_object("set", len(content)) == content


async def test_a_cluster_has_a_quorum_or_says_that_it_has_none(tmp_path: Path, debian: str) -> None:
    async with nats_cluster(tmp_path, program=debian) as cluster, linked(cluster.urls) as link:
        await until(lambda: link.state.quorum)
        used = next(server for server in cluster.servers if server.url == link.state.server)
        others = [server for server in cluster.servers if server is not used]
        for server in others:
            server.pause()
        await until(lambda: not link.state.quorum)
        with pytest.raises(FleetUnavailable):
            await link.store.put("words.a", b"1")
        for server in others:
            server.resume()
        await until(lambda: link.state.quorum)
        await used.kill()
        await until(lambda: link.state.server not in ("", used.url) and link.state.quorum)
        await link.store.put("words.a", b"2")


async def test_edges_meet_through_leaf_nodes(tmp_path: Path, debian: str) -> None:
    port = free_port()
    leaves = f"leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    remote = f"leafnodes {{ remotes: [{{ urls: [nats-leaf://127.0.0.1:{port}] }}] }}"
    leaf = NatsServer(tmp_path / "leaf", "leaf", remote, program=debian)
    async with nats(tmp_path / "hub", domain="hub", more=leaves, program=debian) as hub:
        await leaf.start()
        try:
            async with (
                edge([leaf.url], "fra1", domain="hub") as fra,
                edge([hub.url], "ams1", domain="hub") as ams,
            ):
                await until(lambda: len(fra.joined.link.store.edges()) == 2)
                assert not (await fra.say(OverrideKind.DRAIN)).without
                assert ams.obeyed == {"eu-west": "drain"}
                heard: list[bytes] = []
                subject = "resolverd.resolverd.observations.fra1"
                ams.joined.link.subscribe(subject, lambda _, payload: heard.append(payload))
                await until(partial(_published, fra.joined.link, subject, heard))
        finally:
            await leaf.kill()


def _published(link: Link, subject: str, heard: list[bytes]) -> bool:
    link.publish(subject, b"x")
    return bool(heard)


async def test_daemons_agree_over_it(tmp_path: Path, debian: str) -> None:
    async with (
        nats(tmp_path / "nats", program=debian) as server,
        world() as seen,
        edges(tmp_path, seen, server.url, EDGES[:3]) as fleet,
    ):
        seen.blinded = {(EDGES[0], "eu")}
        await until_seen(lambda: fleet.verdict(EDGES[0], "eu").reason.startswith("path:"))
        assert all(fleet.serves("eu", *EDGES[1:3]))
        seen.blinded.clear()
        seen.dead.add("eu")
        await until_seen(lambda: not any(fleet.serves("eu")))
