"""Through a leaf node on the edge's own host, as docs/fleet.md sets it up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from harness.linked_edges import edge, linked, until
from harness.nats import NatsServer, nats
from harness.programs import free_port

from resolverd.fleet.link import Link
from resolverd.health.overrides import OverrideKind


async def test_edges_meet_through_their_leaf_nodes(tmp_path: Path) -> None:
    port = free_port()
    leaves = f"leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    remote = f"leafnodes {{ remotes: [{{ urls: [nats-leaf://127.0.0.1:{port}] }}] }}"
    one = NatsServer(tmp_path / "leaf-one", "leaf-one", remote)
    two = NatsServer(tmp_path / "leaf-two", "leaf-two", remote)
    async with nats(tmp_path / "hub", domain="hub", more=leaves) as hub:
        await one.start()
        await two.start()
        try:
            async with (
                edge([one.url], "fra1", domain="hub") as fra,
                edge([two.url], "ams1", domain="hub") as ams,
            ):
                await until(lambda: len(fra.joined.link.store.edges()) == 2)
                told = await fra.say(OverrideKind.DRAIN)
                assert not told.without
                assert ams.obeyed == {"eu-west": "drain"}
                heard: list[bytes] = []
                subject = "resolverd.resolverd.observations.fra1"
                ams.joined.link.subscribe(subject, lambda _, payload: heard.append(payload))
                await until(partial(_published, fra.joined.link, subject, heard))
                await fra.joined.link.store.put_object("set", b"x" * 300_000)
                assert await ams.joined.link.store.get_object("set", 1 << 20) == b"x" * 300_000
            async with edge([hub.url], "lon1", domain="hub") as lon:
                assert lon.obeyed == {"eu-west": "drain"}
        finally:
            await one.kill()
            await two.kill()


async def test_a_leaf_node_that_is_cut_off_is_connected_and_has_no_quorum(tmp_path: Path) -> None:
    port = free_port()
    remote = f"leafnodes {{ remotes: [{{ urls: [nats-leaf://127.0.0.1:{port}] }}] }}"
    leaf = NatsServer(tmp_path / "leaf", "leaf", remote)
    leaves = f"leafnodes {{ listen: 127.0.0.1:{port} }}\n"
    await leaf.start()
    try:
        async with (
            nats(tmp_path / "hub", domain="hub", more=leaves) as hub,
            linked([leaf.url], domain="hub") as link,
        ):
            await until(lambda: link.state.quorum)
            hub.pause()
            await until(lambda: not link.state.quorum)
            assert link.state.connected
            hub.resume()
            await until(lambda: link.state.quorum)
    finally:
        await leaf.kill()


def _published(link: Link, subject: str, heard: list[bytes]) -> bool:
    link.publish(subject, b"x")
    return bool(heard)
