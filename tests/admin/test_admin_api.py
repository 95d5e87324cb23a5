"""The API through the Unix socket: each path, and each error with what to do next."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import random
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from admin_client import FRANKFURT, NAME, TOKYO, AdminClient, addresses, until
from harness.config import REGIONS, address_of
from harness.daemon import Endpoints
from harness.engines import BY_DEFAULT, MAP_BY_DEFAULT
from harness.messages import ecs_of
from structlog.testing import capture_logs

from resolverd import restarts
from resolverd.admin import api


async def test_state_tells_what_is_served_and_known(admin: AdminClient) -> None:
    state = (await admin.ask("GET", "/state")).json
    assert state["ready"]
    assert state["config"] == str(admin.config.resolve())
    assert state["generation"]["plan"] == 1
    engine = {"name": BY_DEFAULT.engine, "workers": BY_DEFAULT.workers}
    assert state["engine"] == engine | {"client_map": MAP_BY_DEFAULT}
    assert state["listen"] == [str(admin.daemon.bound[0])]
    assert state["zones"] == [{"apex": "inference.example", "serial": 7, "outdated": None}]
    assert "CC0" in state["geo"][0]["attribution"] or state["geo"][0]["file"]
    assert [region["name"] for region in state["regions"]] == list(REGIONS)
    region = state["regions"][0]
    assert (region["state"], region["measured"], region["reason"]) == ("up", "up", "HTTP 200")
    assert region["override"] is None
    endpoint = region["endpoints"][0]
    assert endpoint["name"] == "us-east-1"
    assert address_of("us-east") in endpoint["addresses"]
    assert endpoint["probes"] >= 1
    (service,) = state["services"]
    assert (service["name"], service["names"], service["pins"]) == ("chat", [NAME], ["gdpr"])
    assert state["reload"]["result"] == "started"


async def test_state_follows_what_is_measured(admin: AdminClient, played: Endpoints) -> None:
    played.status["us-west"] = 503

    async def seen() -> bool:
        regions = (await admin.ask("GET", "/state")).json["regions"]
        found = next(region for region in regions if region["name"] == "us-west")
        return (found["state"], found["reason"]) == ("down", "HTTP 503") and bool(
            found["changed_at"]
        )

    await until(seen)


async def test_explain_equals_the_wire(admin: AdminClient) -> None:
    """Random clients, among them pinned ones; one region drained, so that TTLs differ."""
    await admin.override("ap-northeast", "drain", **{"for": "1h"})
    chance = random.Random(11)
    for _ in range(150):
        length = chance.choice((16, 20, 24, 32))
        host = ipaddress.ip_address(chance.getrandbits(32))
        client = str(ipaddress.ip_network(f"{host}/{length}", strict=False))
        document = (
            await admin.ask("GET", "/explain", params={"name": NAME, "client": client})
        ).json
        answer = await admin.dig(ecs=client)
        assert addresses(answer) == {a for a in document["answer"] if ":" not in a}
        assert ecs_of(answer).scopelen == document["scope"]
        # A second may have passed between the two.
        assert 0 <= document["ttl"] - answer.answer[0].ttl <= 1


async def test_explain_tells_pins_and_candidates(admin: AdminClient) -> None:
    params = {"name": NAME, "client": FRANKFURT}
    document = (await admin.ask("GET", "/explain", params=params)).json
    assert (document["pins"], document["fence"], document["region"]) == (
        ["gdpr"],
        ["eu-west"],
        "eu-west",
    )
    assert document["config"] == str(admin.config.resolve())
    assert len(document["candidates"]) == len(REGIONS)


async def test_explain_tells_what_is_left_at_the_moment_of_asking(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Steering is that of the drain: time alone changes nothing for long."""
    await admin.override("ap-northeast", "drain", **{"for": "1h"})
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3000)
    monkeypatch.setattr(api, "time", clock)
    document = (await admin.ask("GET", "/explain", params={"name": NAME, "client": TOKYO})).json
    left = {each["region"]: each["status"]["min_until_flip"] for each in document["candidates"]}
    assert 0 < left["ap-northeast"] <= 600


async def test_an_override_is_obeyed_before_it_is_answered(admin: AdminClient) -> None:
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("ap-northeast")}
    document = (await admin.override("ap-northeast", "drain", who="ann", **{"for": "30m"})).json
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("us-west")}
    (was_set,) = document["set"]
    assert (was_set["target"], was_set["kind"], was_set["who"]) == ("ap-northeast", "drain", "ann")
    assert 1799 < was_set["seconds_left"] <= 1800
    assert document["services_without_region"] == []
    region = (await admin.ask("GET", "/state")).json["regions"][3]
    assert (region["state"], region["measured"]) == ("down", "up")
    assert region["override"]["why"] == "a test"
    cleared = (await admin.ask("DELETE", "/override/ap-northeast")).json
    assert cleared["cleared"][0]["who"] == "ann"
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("ap-northeast")}


async def test_an_override_of_an_endpoint_takes_its_region_along(admin: AdminClient) -> None:
    await admin.override("ap-northeast-1", "down")
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("us-west")}
    assert (await admin.ask("GET", "/state")).json["overrides"][0]["target"] == "ap-northeast-1"


async def test_an_override_ends_by_itself(admin: AdminClient) -> None:
    await admin.override("ap-northeast", "down", **{"for": "1h"})

    async def over() -> bool:
        return addresses(await admin.dig(ecs=TOKYO)) == {address_of("ap-northeast")}

    async def none_shown() -> bool:
        return bool((await admin.ask("GET", "/state")).json["overrides"] == [])

    assert not await over()
    await admin.override("ap-northeast", "down", **{"for": "100ms"})
    await until(over)
    await until(none_shown)  # the state is never ahead of the answers


async def _endpoint(admin: AdminClient) -> dict[str, Any]:
    document = (await admin.ask("GET", "/state")).json
    endpoint: dict[str, Any] = document["regions"][3]["endpoints"][0]
    return endpoint


async def _restart(admin: AdminClient, played: Endpoints) -> None:
    """The endpoint in Tokyo falls, and answers again."""

    async def is_down() -> bool:
        return bool((await _endpoint(admin))["measured"] == "down")

    async def answers() -> bool:
        endpoint = await _endpoint(admin)
        return bool(endpoint["measured"] == "up" or endpoint["held_until"])

    played.status["ap-northeast"] = 503
    await until(is_down)
    played.status["ap-northeast"] = 200
    await until(answers)


async def test_an_endpoint_that_falls_again_is_held_down_until_it_is_cleared(
    admin: AdminClient, played: Endpoints
) -> None:
    with capture_logs() as events:
        await _restart(admin, played)
        assert (await _endpoint(admin))["held_until"] is None  # the first return is free
        await _restart(admin, played)
    endpoint = await _endpoint(admin)
    left = datetime.fromisoformat(endpoint["held_until"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600
    assert endpoint["reason"] == "held down, as it fell again within 3600 s; HTTP 200"
    (held,) = (event for event in events if event["event"] == "endpoint.held")
    assert (held["endpoint"], held["log_level"]) == ("ap-northeast-1", "warning")
    labels = {"region": "ap-northeast", "endpoint": "ap-northeast-1", "probe": ""}
    assert await admin.sample("resolverd_endpoint_held", **labels) == 1
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("us-west")}
    cleared = (await admin.ask("DELETE", "/override/ap-northeast")).json
    assert (cleared["cleared"], cleared["released"]) == ([], ["ap-northeast-1"])

    async def back() -> bool:
        return addresses(await admin.dig(ecs=TOKYO)) == {address_of("ap-northeast")}

    async def held_no_more() -> bool:
        return await admin.sample("resolverd_endpoint_held", **labels) == 0

    await until(back)
    await until(held_no_more)
    assert (await admin.ask("DELETE", "/override/ap-northeast")).status == 404


async def test_one_that_has_fallen_again_is_released_before_it_answers(
    admin: AdminClient, played: Endpoints
) -> None:
    """Its operator has mended it, and does not wait for the hold to begin."""

    async def is_down() -> bool:
        return bool((await _endpoint(admin))["measured"] == "down")

    async def back() -> bool:
        return bool((await _endpoint(admin))["state"] == "up")

    await _restart(admin, played)
    played.status["ap-northeast"] = 503
    await until(is_down)
    with capture_logs() as events:
        released = (await admin.ask("DELETE", "/override/ap-northeast-1")).json["released"]
    assert released == ["ap-northeast-1"]
    assert [e["event"] for e in events if e["event"] == "endpoint.released"] != []
    played.status["ap-northeast"] = 200
    await until(back)


async def test_restarts_in_a_drain_are_not_held_against_an_endpoint(
    admin: AdminClient, played: Endpoints
) -> None:
    """Clients saw none of them."""
    await admin.override("ap-northeast", "drain")
    for _ in range(3):
        await _restart(admin, played)
        assert (await _endpoint(admin))["held_until"] is None
    document = (await admin.ask("DELETE", "/override/ap-northeast")).json
    assert [override["kind"] for override in document["cleared"]] == ["drain"]
    assert addresses(await admin.dig(ecs=TOKYO)) == {address_of("ap-northeast")}


async def test_it_warns_of_a_service_that_has_no_region_left(admin: AdminClient) -> None:
    for region in REGIONS[:-1]:
        document = (await admin.override(region, "down", force=True)).json
        assert document["services_without_region"] == []
    document = (await admin.override(REGIONS[-1], "down", force=True)).json
    assert document["services_without_region"] == ["chat"]


async def test_whoever_names_nobody_is_known_by_the_socket(admin: AdminClient) -> None:
    (was_set,) = (await admin.override("us-east", "up")).json["set"]
    assert was_set["who"]
    assert was_set["until"] is None


BAD_BODIES = [
    ("", "not JSON"),
    ("[]", "valid dictionary"),
    ("{}", "target: Field required"),
    ('{"target": "us-east", "kind": "drown", "why": "x"}', "'up', 'down' or 'drain'"),
    ('{"target": "us-east", "kind": "down", "why": ""}', "why: "),
    ('{"target": "us-east", "kind": "down", "why": "x", "for": "soon"}', "not a duration"),
    ('{"target": "us-east", "kind": "down", "why": "x", "for": -1}', "greater than 0"),
    ('{"target": "us-east", "kind": "down", "why": "x", "until": 1}', "until: "),
]


@pytest.mark.parametrize(("body", "document"), BAD_BODIES)
async def test_a_bad_override_is_refused_with_an_example(
    admin: AdminClient, body: str, document: str
) -> None:
    reply = await admin.ask("POST", "/override", data=body)
    assert reply.status == 400
    assert document in reply.json["error"]
    assert '"target"' in reply.json["hint"]
    assert admin.daemon.overrides.next_expiry() is None


ERRORS = [
    ("GET", "/nowhere", 404, "there is no /nowhere here", "/state"),
    ("POST", "/state", 405, "cannot be asked with POST", "use GET"),
    ("DELETE", "/reload", 405, "cannot be asked with DELETE", "use GET"),
    ("GET", "/explain", 400, "name and client are needed", "?name="),
    ("GET", f"/explain?name={NAME}&client=x", 400, '"x" is not an address', "203.0.113.7"),
    ("GET", "/explain?name=a..b&client=192.0.2.1", 400, "", "hostname"),
    ("GET", "/explain?name=www.inference.example&client=192.0.2.1", 404, "not a DYNA", "DYNA"),
    ("DELETE", "/override/us-eats", 404, 'no endpoint "us-eats"', "did you mean us-east"),
    ("DELETE", "/override/us-east", 404, "has no override", "overridden now: none"),
]


@pytest.mark.parametrize(("method", "path", "status", "error", "hint"), ERRORS)
async def test_every_error_says_what_to_do_next(
    admin: AdminClient, method: str, path: str, status: int, error: str, hint: str
) -> None:
    reply = await admin.ask(method, path)
    assert reply.status == status
    assert error in reply.json["error"]
    assert hint in reply.json["hint"]


async def test_reload_adopts_an_edit_and_tells_what_has_changed(admin: AdminClient) -> None:
    zone = admin.config.with_name("0.zone")
    zone.write_text(zone.read_text().replace(" 7 ", " 8 ") + "mail A 192.0.2.25\n")
    forecast = (await admin.ask("GET", "/reload")).json
    assert forecast["generation"] == 1
    document = (await admin.ask("POST", "/reload")).json
    assert (document["generation"], document["reload"]["result"]) == (2, "adopted")
    assert document["reload"]["changed"] == forecast["changed"]
    (change,) = document["reload"]["changed"]["zones"]
    # The SOA is a record too.
    assert change == {
        "zone": "inference.example",
        "serial_before": 7,
        "serial_after": 8,
        "records_added": 2,
        "records_removed": 1,
    }
    again = (await admin.ask("POST", "/reload")).json
    assert again["generation"] == 2
    assert again["reload"]["changed"]["summary"] == []
    assert again["reload"]["warnings"] == document["reload"]["warnings"]


async def test_reload_refuses_a_bad_edit_with_every_problem(admin: AdminClient) -> None:
    zone = admin.config.with_name("0.zone")
    zone.write_text(zone.read_text() + "mail A 192.0.2.256\nalso DYNA chatt\n")
    reply = await admin.ask("POST", "/reload")
    assert reply.status == 422
    problems = reply.json["reload"]["problems"]
    ids = {problem["id"] for problem in problems if problem["severity"] == "error"}
    assert ids == {"zone-bad-rdata", "zone-dyna-unknown-service"}
    assert reply.json["generation"] == 1
    assert addresses(await admin.dig("www.inference.example")) == {"192.0.2.80"}


async def test_healthz_and_readyz_while_all_is_well(admin: AdminClient) -> None:
    assert (await admin.ask("GET", "/healthz")).json == {"schema_version": 1, "alive": True}
    ready = {"schema_version": 1, "ready": True, "outdated": [], "degraded": [], "down": ""}
    assert (await admin.ask("GET", "/readyz")).json == ready


async def test_healthz_tells_of_probes_that_do_not_start(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.daemon.monitor, "late", lambda _now: ["us-east-1"])
    reply = await admin.ask("GET", "/healthz")
    assert reply.status == 503
    assert "us-east-1" in reply.json["error"]


@pytest.mark.parametrize("vital", [True, False])
async def test_a_task_that_keeps_failing_is_shown_by_what_needs_it(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch, vital: bool
) -> None:
    """Of a vital one /healthz says so, of any other /readyz and the state; answers go on."""
    monkeypatch.setattr(restarts, "MIN_PAUSE", 0.01)

    async def fails() -> None:
        raise OSError(errno.EMFILE, "no descriptor left")

    admin.daemon.tasks.keep("a test", fails, vital=vital)
    document = "the task a test has failed"

    async def shown() -> bool:
        reply = await admin.ask("GET", "/healthz" if vital else "/readyz")
        return reply.status == (503 if vital else 200) and document in reply.text

    await until(shown)
    (degraded,) = (await admin.ask("GET", "/state")).json["degraded"] or [""]
    assert (document in degraded) is not vital
    assert await admin.sample("resolverd_task_restarts_total", task="a test") >= restarts.MANY
    assert await admin.sample("resolverd_task_failing", task="a test") == 1
    assert await admin.sample("resolverd_task_failing", task="steering") == 0
    assert addresses(await admin.dig("www.inference.example")) == {"192.0.2.80"}


@pytest.mark.parametrize("path", ["/readyz", "/state", "/metrics"])
async def test_a_daemon_that_is_starting_or_ending_says_so(admin: AdminClient, path: str) -> None:
    admin.daemon.ready = False
    reply = await admin.ask("GET", path)
    assert reply.status == 503
    assert "again" in reply.json["hint"]


async def test_operators_at_once_are_each_told_that_they_were_obeyed(admin: AdminClient) -> None:
    """One sets what another clears: whatever is in force by then, what was asked for was done."""

    async def sets() -> list[int]:
        return [(await admin.override("us-east", "down")).status for _ in range(100)]

    async def clears() -> list[int]:
        return [(await admin.ask("DELETE", "/override/us-east")).status for _ in range(100)]

    first, second, cleared = await asyncio.gather(sets(), sets(), clears())
    assert set(first + second) == {200}
    assert set(cleared) <= {200, 404}


async def test_an_override_that_ends_before_it_is_reported_was_obeyed(admin: AdminClient) -> None:
    reply = await admin.override("us-east", "down", **{"for": 1e-9})
    assert (reply.status, reply.json["set"][0]["seconds_left"]) == (200, 0.0)
