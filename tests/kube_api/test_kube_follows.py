"""`resolverd kube` before a real API server: what is created, changed, lost and refused."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest
from cluster_objects import RULES_POOL, balancer, conditions, gateway, listener, pool, route
from definitions import DEFINITIONS
from following import Place
from harness.daemon import serving
from harness.programs import free_port
from harness.waiting import until_holds
from real_api_server import STRANGER, ApiServer, Etcd

from resolverd.cli.documents import VERBS

HOST = "chat.inference.example"
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def place(tmp_path: Path, server: ApiServer) -> Place:
    """A configuration beside an empty cluster."""
    made = Place(tmp_path / "edge", server)
    made.write()
    return made


async def test_what_is_created_changed_and_deleted_is_followed(place: Place) -> None:
    gates, chat = gateway("203.0.113.10"), route(HOST)
    async with place.following() as verb:
        await place.server.create(gates)
        await place.server.create(chat)
        await place.until("203.0.113.10")
        gates["status"]["addresses"] = [{"type": "IPAddress", "value": "203.0.113.11"}]
        await place.server.status(gates)
        await place.until("203.0.113.11")
        await place.server.create(balancer("192.0.2.77", service="chat"))
        await place.until("203.0.113.11", "192.0.2.77")
        await place.server.delete(chat)
        await place.until("192.0.2.77")
        assert {event["event"] for event in verb.events} <= {"kube.written", "kube.left_out"}


async def test_only_what_is_accepted_and_programmed_counts(place: Place) -> None:
    gates, chat = gateway("203.0.113.10", programmed="False"), route(HOST, accepted="Unknown")
    other = balancer("192.0.2.77", service="chat")
    async with place.following() as verb:
        await place.server.create(other, gates, chat)
        await place.until("192.0.2.77")
        left = await verb.until("kube.left_out")
        assert left["kube_object"] == "HTTPRoute prod/chat"
        chat["status"]["parents"][0]["conditions"] = conditions(Accepted="True")
        await place.server.status(chat)
        gates["status"]["conditions"] = conditions(Accepted="True", Programmed="True")
        await place.server.status(gates)
        await place.until("203.0.113.10", "192.0.2.77")
        chat["status"]["parents"][0]["conditions"] = conditions(Accepted="False")
        await place.server.status(chat)
        await place.until("192.0.2.77")


@pytest.mark.parametrize("old", [False, True])
async def test_a_pool_says_which_service_it_is(place: Place, *, old: bool) -> None:
    backend = {**RULES_POOL, **({"group": "inference.networking.x-k8s.io"} if old else {})}
    await place.server.create(
        gateway("203.0.113.10"),
        route("x.example", backend=backend),
        pool(old=old, service="embed"),
    )
    status, out, err = await place.once("--json")
    assert status == 0, err
    VERBS["kube"][0].model_validate_json(out, strict=True)
    assert json.loads(out)["state"] == "written"
    assert place.addresses == ["203.0.113.10"]


async def test_what_was_deleted_while_nobody_watched_is_missed_after_a_compaction(
    place: Place, etcd: Etcd, tmp_path: Path
) -> None:
    """410 Gone: the watch would not tell of the deletion, and nothing is lost on the way."""
    gates, chat, other = (
        gateway("203.0.113.10"),
        route(HOST),
        balancer("192.0.2.77", service="chat"),
    )
    await place.server.create(gates, chat, other)
    async with place.following() as verb:
        await place.until("203.0.113.10", "192.0.2.77")
        before = place.fragment.stat()
        await place.server.stop(signal.SIGKILL)
        await verb.until("kube.failing")
        second = ApiServer(tmp_path / "second", etcd)
        await second.start()
        await second.delete(chat)
        for index in range(3):
            await second.create(each := balancer("192.0.2.9", name=f"x{index}"))
            await second.delete(each)
        await second.stop(signal.SIGKILL)
        await etcd.compact()
        assert place.fragment.stat() == before, "an API server that is away takes nothing away"
        await place.server.start()
        await verb.until("kube.expired")
        await place.until("192.0.2.77")
        await verb.until("kube.recovered")


async def test_an_api_server_that_comes_back_is_watched_on(place: Place) -> None:
    await place.server.create(balancer("192.0.2.77", service="chat"))
    async with place.following() as verb:
        await place.until("192.0.2.77")
        await place.server.stop(signal.SIGKILL)
        await verb.until("kube.failing")
        await place.server.start()
        await place.server.create(balancer("192.0.2.78", name="more", service="chat"))
        await place.until("192.0.2.77", "192.0.2.78")


async def test_what_is_refused_leaves_the_fragment_and_names_the_object(place: Place) -> None:
    await place.server.create(balancer("192.0.2.77", service="chat"))
    async with place.following() as verb:
        await place.until("192.0.2.77")
        wrong = balancer("192.0.2.78", name="wrong", service="embed")
        await place.server.create(wrong)
        refused = await verb.until("kube.refused")
        assert "Service prod/wrong: kube-other-services" in refused["reason"]
        assert place.addresses == ["192.0.2.77"]
        annotations = {"annotations": {"resolverd/region": "us-west"}}
        await place.server.change(wrong, {"metadata": annotations})
        await place.until("192.0.2.77", "192.0.2.78")


async def test_a_cluster_that_has_lost_everything_is_held_until_it_is_insisted_on(
    place: Place,
) -> None:
    gates, chat = gateway("203.0.113.10"), route(HOST)
    await place.server.create(gates, chat)
    async with place.following() as verb:
        await place.until("203.0.113.10")
        await place.server.delete(gates, chat)
        await verb.until("kube.held")
        assert place.addresses == ["203.0.113.10"]
        status, out, err = await place.once()
        assert (status, "lost-endpoints" in err) == (1, True), out + err
        assert (await place.once("--yes"))[0] == 0
        assert json.loads(place.fragment.read_text()) == {}
        await place.server.create(gates, chat)
        await place.until("203.0.113.10")


async def test_a_cluster_without_gateways_or_pools_has_services_all_the_same(place: Place) -> None:
    *_, old_pools = DEFINITIONS
    await place.server.delete(old_pools)
    path = "/apis/inference.networking.x-k8s.io"

    async def gone() -> bool:
        return (await place.server.ask("GET", path))[0] == 404

    await until_holds(gone, within=60.0)
    try:
        await place.server.create(balancer("192.0.2.77", service="chat"))
        status, _, err = await place.once()
        assert (status, place.addresses) == (0, ["192.0.2.77"]), err
    finally:
        await place.server.create(old_pools)

        async def served() -> bool:
            return (await place.server.ask("GET", f"{path}/v1alpha2/inferencepools"))[0] == 200

        await until_holds(served, within=60.0)


async def test_namespaces_and_labels_limit_what_is_read(place: Place) -> None:
    labelled = balancer("192.0.2.77", service="chat")
    labelled["metadata"]["labels"] = {"tier": "edge"}
    await place.server.create(labelled, balancer("192.0.2.78", name="b", service="chat"))
    await place.server.create(balancer("192.0.2.79", name="c", namespace="infra", service="chat"))
    await place.once("--namespace", "prod", "--selector", "tier in (edge)")
    assert place.addresses == ["192.0.2.77"]
    await place.once("--namespace", "prod", "--namespace", "infra")
    assert sorted(place.addresses) == ["192.0.2.77", "192.0.2.78", "192.0.2.79"]


async def test_a_list_of_many_pages_is_read_whole(place: Place) -> None:
    others = [route("x.example", name=f"r{index}") for index in range(520)]
    for each in others:
        del each["status"]
    await asyncio.gather(*(place.server.create(each) for each in others))
    await place.server.create(gateway("203.0.113.10"), route(HOST, name="zz"))
    status, _, err = await place.once()
    assert (status, place.addresses) == (0, ["203.0.113.10"]), err


@pytest.mark.parametrize(
    ("token", "said"),
    [(STRANGER, "see the ClusterRole of docs/kubernetes.md"), ("wrong", "401 Unauthorized")],
)
async def test_who_may_not_read_is_told_what_to_do(place: Place, token: str, said: str) -> None:
    status, _, err = await place.once(token=token)
    assert (status, said in err) == (3, True), err


@contextmanager
def _listening(address: str, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Host"] == HOST else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


async def test_a_daemon_answers_with_the_address_that_a_gateway_has_now(place: Place) -> None:
    port = free_port()
    place.write(
        server='listen = ["127.0.0.1:0"]\nzones = ["*.zone"]\nsettle = "200ms"\n',
        probe='interval = "200ms"\nfast_interval = "100ms"\ntimeout = "1s"\n',
    )
    gates = gateway("127.0.0.2", listeners=[listener("http", port)])
    await place.server.create(gates, route(HOST))
    with _listening("127.0.0.2", port), _listening("127.0.0.3", port):
        async with place.following(), serving(place.config) as daemon:

            async def answered() -> set[str]:
                query = dns.message.make_query(HOST, "A")
                at = daemon.asked
                said = await dns.asyncquery.udp(query, at.address, port=at.port, timeout=5)
                return {str(rdata) for rrset in said.answer for rdata in rrset}

            async def moved(address: str) -> bool:
                return await answered() == {address}

            await until_holds(lambda: moved("127.0.0.2"), within=60.0)
            gates["status"]["addresses"] = [{"type": "IPAddress", "value": "127.0.0.3"}]
            await place.server.status(gates)
            await until_holds(lambda: moved("127.0.0.3"), within=60.0)
