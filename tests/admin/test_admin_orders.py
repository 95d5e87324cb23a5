"""Orders that are not as the API declares them: refused, and nothing of them is in force."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from admin_client import NAME, AdminClient
from multidict import MultiDict

from docs.http_api import openapi
from resolverd.admin import api
from resolverd.admin.failure import ApiError
from resolverd.admin.parameters import check
from resolverd.admin.routes import ROUTES

_SPILL = {"service": "chat", "region": "us-east", "share": 0.3, "why": "a test"}
_OVERRIDE = {"target": "us-east", "kind": "drain", "why": "a test"}

MISTYPED = [
    ("DELETE", "/spill/chat?regoin=us-east", "did you mean region?"),
    ("DELETE", "/spill/chat?region=us-east&region=us-west", "write it once"),
    ("DELETE", "/override/us-east?egde=fra1", "did you mean edge?"),
    ("DELETE", "/override/us-east?force=1", "known: who, edge"),
    ("POST", "/override?edge=fra1", "say it in the body"),
    ("POST", "/reload?yse=1", "did you mean yes?"),
    ("POST", "/reload?yes=yes", "write yes=1"),
    ("POST", "/reload?yes", "write yes=1"),
    ("GET", "/drain", "ask /drain?region=REGION"),
    ("GET", "/drain?region=", "ask /drain?region=REGION"),
    ("GET", f"/explain?name={NAME}&clinet=192.0.2.1", "did you mean client"),
    ("GET", f"/explain?name={NAME}&client=192.0.2.1&policy=nearest&policy=failover", "once"),
]


async def test_a_parameter_that_is_not_declared_is_refused_and_nothing_is_done(
    admin: AdminClient,
) -> None:
    of_all = {**_SPILL, "region": "", "share": 0}
    for path, body in (("/spill", _SPILL), ("/spill", of_all), ("/override", _OVERRIDE)):
        assert (await admin.ask("POST", path, json=body)).status == 200
    before = (await admin.ask("GET", "/state")).json
    for method, path, hint in MISTYPED:
        reply = await admin.ask(method, path)
        assert (reply.status, hint in reply.json["hint"]) == (400, True), (path, reply.text)
    after = (await admin.ask("GET", "/state")).json
    assert after["overrides"] == before["overrides"]
    assert after["generation"]["plan"] == before["generation"]["plan"]
    assert len(admin.daemon.spill_rules.active(0.0)) == 2


@pytest.mark.parametrize("path", ["/state", "/metrics", "/healthz", "/readyz", "/fitness"])
async def test_what_is_only_read_takes_what_load_balancers_add(
    admin: AdminClient, path: str
) -> None:
    assert (await admin.ask("GET", f"{path}?_=1730000000")).status == 200
    assert (await admin.ask("HEAD", f"{path}?_=1730000000")).status == 200


@pytest.mark.parametrize("yes", ["1", "true"])
async def test_yes_may_be_said_as_a_number_or_a_word(admin: AdminClient, yes: str) -> None:
    admin.config.write_text(admin.config.read_text().partition("[pin.gdpr]")[0])
    assert (await admin.ask("POST", "/reload?yes=0")).status == 422
    assert (await admin.ask("POST", f"/reload?yes={yes}")).status == 200


def test_every_route_that_changes_something_holds_its_query() -> None:
    changing = [route for route in ROUTES if route.method != "GET"]
    for route in changing:
        with pytest.raises(ApiError):
            check(route, MultiDict({"nonsense": "1"}))


BODIES: list[tuple[str, dict[str, Any], str]] = [
    ("/spill", _SPILL | {"share": True}, "share: "),
    ("/spill", _SPILL | {"share": "0.3"}, "share: "),
    ("/spill", _SPILL | {"for": True}, "for: "),
    ("/spill", _SPILL | {"why": "  "}, "why: "),
    ("/override", _OVERRIDE | {"force": "yes"}, "force: "),
    ("/override", _OVERRIDE | {"force": 1}, "force: "),
    ("/override", _OVERRIDE | {"why": "\t"}, "why: "),
    ("/drain", {"region": "us-east", "why": "x", "force": "true"}, "force: "),
    ("/drain", {"region": "us-east", "why": " \n"}, "why: "),
]


@pytest.mark.parametrize(("path", "body", "error"), BODIES)
async def test_a_value_of_another_type_is_refused_and_nothing_is_in_force(
    admin: AdminClient, path: str, body: dict[str, Any], error: str
) -> None:
    reply = await admin.ask("POST", path, json=body)
    assert reply.status == 400
    assert error in reply.json["error"]
    assert not admin.daemon.overrides.active(0.0)
    assert not admin.daemon.spill_rules.active(0.0)


async def test_a_share_may_be_a_whole_number_and_words_lose_the_space_around_them(
    admin: AdminClient,
) -> None:
    body = _SPILL | {"share": 1, "why": " a test ", "who": "  "}
    rule = (await admin.ask("POST", "/spill", json=body)).json["set"]
    assert (rule["share"], rule["why"]) == (1.0, "a test")
    assert rule["who"].strip()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_drain_of_an_endpoint_says_what_to_do_instead(
    admin: AdminClient, method: str
) -> None:
    endpoint = "us-east-1"
    more: dict[str, Any] = {"params": {"region": endpoint}}
    if method == "POST":
        more = {"json": {"region": endpoint, "why": "x"}}
    reply = await admin.ask(method, "/drain", **more)
    assert reply.status == 404
    assert (
        reply.json["error"] == f'"{endpoint}" is an endpoint of us-east, and a drain is of a region'
    )
    assert f"resolverd override {endpoint} drain --why" in reply.json["hint"]
    reply = await admin.ask("GET", "/drain", params={"region": "us-eats"})
    assert reply.json["error"] == 'there is no region "us-eats"'
    assert "us-east" in reply.json["hint"]


async def test_a_body_that_is_too_long_says_how_long_it_may_be(admin: AdminClient) -> None:
    reply = await admin.ask("POST", "/override", data=b" " * (64 * 1024 + 1))
    assert reply.status == 413
    assert "65536 octets" in reply.json["error"]


EXAMPLES = [
    ("OverrideRequest", api.OVERRIDE_EXAMPLE),
    ("DrainRequest", api.DRAIN_EXAMPLE),
    ("SpillRequest", api.SPILL_EXAMPLE),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_the_openapi_document_allows_the_durations_that_are_taken(model: str, example: str) -> None:
    document = json.loads(openapi())
    options = document["components"]["schemas"][model]["properties"]["for"]["anyOf"]
    options = [inner for option in options for inner in option.get("anyOf", [option])]
    by_type = {option["type"]: option for option in options}
    assert by_type.keys() == {"number", "string", "null"}
    assert by_type["number"]["maximum"] == 366 * 86400
    said = json.loads(example)["for"]
    assert re.search(by_type["string"]["pattern"], said)
    assert not re.search(by_type["string"]["pattern"], "soon")


def test_the_openapi_document_has_what_every_route_may_answer() -> None:
    for operations in json.loads(openapi())["paths"].values():
        for operation in operations.values():
            assert {"400", "408", "413"} <= operation["responses"].keys()
