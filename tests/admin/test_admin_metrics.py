"""Metrics: that Prometheus can read them, and that each moves when what it counts happens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from admin_client import FRANKFURT, NAME, TOKYO, AdminClient, opened, replace, set_option, until
from harness.config import REGIONS
from harness.daemon import Endpoints, running
from harness.engines import ENGINES, EngineName
from harness.messages import query
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from resolverd.engine.slots import TTL_BOUNDS

STATES = ("unknown", "up", "suspect", "down", "recovering")


async def test_prometheus_reads_every_family_and_its_help(admin: AdminClient) -> None:
    await admin.dig(ecs=TOKYO)
    reply = await admin.ask("GET", "/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain")
    families = list(text_string_to_metric_families(reply.text))
    assert all(f.name.startswith(("resolverd_", "process_")) for f in families)
    assert all(f.documentation for f in families)
    assert all(f.type != "unknown" for f in families)
    assert len({f.name for f in families}) == len(families)


async def test_openmetrics_is_given_to_those_who_accept_it(admin: AdminClient) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    reply = await admin.ask("GET", "/metrics", headers=accept)
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    families = list(openmetrics_families(reply.text))  # type: ignore[no-untyped-call]
    assert len(families) > 20


async def test_responses_are_counted_by_transport_type_and_rcode(admin: AdminClient) -> None:
    await admin.dig("www.inference.example")
    await admin.dig("nowhere.inference.example", "AAAA")
    await admin.dig("www.inference.example", "TYPE65280")
    await _ask_over_tcp(admin, query("www.inference.example"))
    counted = admin.sample
    name = "resolverd_responses_total"
    assert await counted(name, transport="udp", qtype="A", rcode="NOERROR") == 1
    assert await counted(name, transport="udp", qtype="AAAA", rcode="NXDOMAIN") == 1
    assert await counted(name, transport="udp", qtype="other", rcode="NOERROR") == 1
    assert await counted(name, transport="tcp", qtype="A", rcode="NOERROR") == 1
    assert await counted("resolverd_queries_total", transport="udp") == 3
    assert await counted("resolverd_queries_total", transport="tcp") == 1


async def test_malformed_dropped_and_truncated_packets_are_counted(admin: AdminClient) -> None:
    await admin.send(query("www.inference.example") + b"\0")
    await admin.send(b"short", answered=False)

    async def counted() -> bool:
        return await admin.sample("resolverd_dropped_total", reason="short") == 1

    await until(counted)
    assert await admin.sample("resolverd_malformed_total", kind="trailing") == 1
    assert (
        await admin.sample("resolverd_responses_total", transport="udp", qtype="A", rcode="FORMERR")
        == 1
    )
    assert await admin.sample("resolverd_truncated_total") == 0


async def test_answer_counters_have_the_region_and_whether_it_was_the_first_choice(
    admin: AdminClient,
) -> None:
    name = "resolverd_answers_total"
    home = {"service": "chat", "region": "ap-northeast", "outcome": "serving"}
    away = {"service": "chat", "region": "us-west", "outcome": "serving"}
    await admin.dig(ecs=TOKYO)
    assert await admin.sample(name, **home, choice="first") == 1
    await admin.override("ap-northeast", "drain")
    await admin.dig(ecs=TOKYO)
    assert await admin.sample(name, **away, choice="other") == 1
    assert await admin.sample(name, **home, choice="first") == 1
    drained = {"region": "ap-northeast", "endpoint": "", "probe": "", "kind": "drain"}
    assert await admin.sample("resolverd_override", **drained) == 1


async def test_pins_applied_are_counted(admin: AdminClient) -> None:
    await admin.dig(ecs=TOKYO)
    await admin.dig(ecs=FRANKFURT)
    assert await admin.sample("resolverd_pinned_answers_total", pin="gdpr") == 1


async def test_ttls_given_make_a_histogram_per_service(admin: AdminClient) -> None:
    given = [(await admin.dig(ecs=TOKYO)).answer[0].ttl]
    await admin.override("ap-northeast", "down")
    given.append((await admin.dig(ecs=TOKYO)).answer[0].ttl)
    assert given == [20, 2]
    name = "resolverd_answer_ttl_seconds"
    samples = await admin.samples()
    service = ("service", "chat")
    assert samples[(f"{name}_sum", frozenset({service}))] == 22
    assert samples[(f"{name}_count", frozenset({service}))] == 2
    for bound in TTL_BOUNDS:
        below = sum(ttl <= bound for ttl in given)
        assert samples[(f"{name}_bucket", frozenset({service, ("le", str(float(bound)))}))] == below


async def test_each_region_and_endpoint_is_in_one_state(
    admin: AdminClient, played: Endpoints
) -> None:
    played.status["us-west"] = 500

    async def down() -> bool:
        """Answers are from the verdict too, which is when a region's change counts."""
        counted = {"service": "chat", "region": "us-west", "state": "down"}
        name = "resolverd_region_transitions_total"
        return (name, frozenset(counted.items())) in await admin.samples()

    await until(down)
    samples = await admin.samples()
    for region in REGIONS:
        states = {
            s: _of(samples, "resolverd_region_state", service="chat", region=region, state=s)
            for s in STATES
        }
        assert sum(states.values()) == 1
        assert states["down" if region == "us-west" else "up"] == 1
    endpoint = {"region": "us-west", "endpoint": "us-west-1", "probe": ""}
    assert _of(samples, "resolverd_endpoint_state", service="chat", **endpoint, state="down") == 1
    assert _of(samples, "resolverd_endpoint_transitions_total", **endpoint, state="down") == 1
    entered = {"service": "chat", "region": "us-west", "state": "down"}
    assert _of(samples, "resolverd_region_transitions_total", **entered) == 1
    assert _of(samples, "resolverd_probes_total", **endpoint, result="failed") >= 3
    count = _of(samples, "resolverd_probe_duration_seconds_count", **endpoint)
    assert count >= 4
    assert 0 < _of(samples, "resolverd_probe_duration_seconds_sum", **endpoint) < 2 * count


async def test_reloads_and_generations_are_reported(admin: AdminClient) -> None:
    await admin.ask("POST", "/reload")
    assert await admin.sample("resolverd_reloads_total", result="adopted") == 1
    assert await admin.sample("resolverd_last_reload_successful") == 1
    generation = await admin.sample("resolverd_plan_generation")
    zone = admin.config.with_name("0.zone")
    zone.write_text(zone.read_text() + "mail A 192.0.2.256\n")
    await admin.ask("POST", "/reload")
    assert await admin.sample("resolverd_reloads_total", result="refused") >= 1
    assert await admin.sample("resolverd_last_reload_successful") == 0
    assert await admin.sample("resolverd_plan_generation") == generation


async def test_engine_build_and_databases_are_reported(admin: AdminClient) -> None:
    samples = await admin.samples()
    names = {name for name, _ in samples}
    assert {"resolverd_engine_info", "resolverd_build_info", "process_cpu_seconds_total"} <= names
    (built,) = (
        value for (name, _), value in samples.items()
        if name == "resolverd_geo_database_built_timestamp_seconds"
    )  # fmt: skip
    assert built > 1_600_000_000


@pytest.mark.parametrize("announces", [False, True])
async def test_whether_this_host_has_addresses_to_announce_is_reported(
    config: Path, announces: bool
) -> None:
    if announces:
        anycast = '[anycast]\naddresses = ["192.0.2.53"]\n[anycast.bird]\nprotocols = ["one"]\n'
        replace(config, "[admin]\n", f"{anycast}[admin]\n")
    async with running(config) as daemon, opened(daemon, config) as admin:
        assert (await admin.samples())["resolverd_anycast_configured", frozenset()] == announces


@pytest.mark.parametrize("engine", ENGINES)
async def test_several_workers_are_counted_together(config: Path, engine: EngineName) -> None:
    set_option(config, "[server]", f'workers = 2\nengine = "{engine}"')
    async with running(config) as daemon, opened(daemon, config) as admin:
        await asyncio.gather(*(admin.dig(ecs=TOKYO) for _ in range(30)))
        assert await admin.sample("resolverd_queries_total", transport="udp") == 30
        counted = await admin.sample("resolverd_answer_ttl_seconds_count", service="chat")
        assert counted == 30
        client_map = "compiled" if engine == "native" else "lazy"
        workers = {"engine": engine, "workers": "2", "client_map": client_map}
        assert await admin.sample("resolverd_engine_info", **workers) == 1
        assert (await admin.ask("GET", "/healthz")).status == 200


@pytest.mark.parametrize("qtype", range(0, 65536, 4096))
async def test_a_flood_of_types_makes_no_flood_of_series(admin: AdminClient, qtype: int) -> None:
    for number in range(qtype, qtype + 40):
        await admin.send(query(NAME, f"TYPE{number}"))
    types = {dict(labels).get("qtype") for name, labels in await admin.samples() if "resp" in name}
    assert len(types) <= 27


def _of(
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str
) -> float:
    return samples[(name, frozenset(labels.items()))]


async def _ask_over_tcp(admin: AdminClient, packet: bytes) -> None:
    listener = admin.daemon.bound[0]
    reader, writer = await asyncio.open_connection(listener.address, listener.port)
    writer.write(len(packet).to_bytes(2, "big") + packet)
    length = int.from_bytes(await reader.readexactly(2), "big")
    await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
