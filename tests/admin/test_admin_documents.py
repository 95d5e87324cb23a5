"""What a running daemon answers is what its documents and its table of routes declare."""

from __future__ import annotations

import re
from typing import Any

import pytest
from admin_client import NAME, TOKYO, AdminClient, replace
from pydantic import BaseModel

from docs.http_api import documents, openapi, undocumented
from resolverd.admin.api import Api
from resolverd.admin.documents.base import ErrorDocument
from resolverd.admin.documents.reload import ReloadRefusedDocument
from resolverd.admin.requests import DrainRequest, OverrideRequest, SpillRequest
from resolverd.admin.routes import ROUTES, Route, common_errors
from resolverd.admin.state import state_of

_WHY = {"why": "a test", "for": "1h"}
# How each route is asked, so that all is well; those that come first make what later ones undo.
ASKED: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/override"): {"json": {"target": "us-west-1", "kind": "down", **_WHY}},
    ("POST", "/drain"): {"json": {"region": "ap-northeast", **_WHY}},
    ("GET", "/drain"): {"params": {"region": "eu-west"}},
    ("POST", "/spill"): {"json": {"service": "chat", "region": "eu-west", "share": 0.3, **_WHY}},
    ("GET", "/explain"): {"params": {"name": NAME, "client": TOKYO}},
    ("GET", "/state"): {},
    ("GET", "/rtt"): {},
    ("GET", "/urls"): {},
    ("GET", "/metrics"): {},
    ("GET", "/healthz"): {},
    ("GET", "/readyz"): {},
    ("GET", "/fitness"): {},
    ("GET", "/reload"): {},
    ("POST", "/reload"): {},
    ("DELETE", "/override/{target}"): {"params": {"who": "ann"}},
    ("DELETE", "/spill/{service}"): {"params": {"region": "eu-west", "who": "ann"}},
}


def test_the_table_of_routes_is_the_servers_own() -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in Api(None).application().router.routes()  # type: ignore[arg-type]
        if route.resource is not None and route.method != "HEAD"
    }
    assert served == {(route.method, route.path) for route in ROUTES}
    assert served == ASKED.keys()


def test_every_key_is_documented() -> None:
    assert (
        list(undocumented([*_reached(documents()), OverrideRequest, DrainRequest, SpillRequest]))
        == []
    )


def test_the_openapi_document_refers_to_what_it_has() -> None:
    text = openapi()
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert f'"{name}": {{' in text


async def test_what_every_route_answers_is_its_document(admin: AdminClient) -> None:
    by_key: dict[tuple[str, str], Route] = {(r.method, r.path): r for r in ROUTES}
    for (method, path), more in ASKED.items():
        place = path.replace("{target}", "us-west-1").replace("{service}", "chat")
        reply = await admin.ask(method, place, **more)
        assert reply.status == 200, reply.text
        _validate(by_key[method, path], reply.text)


ERRORS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/explain", {}, 400),
    ("GET", "/explain?name=www.inference.example&client=1.2.3.4", {}, 404),
    ("POST", "/override", {"data": "{"}, 400),
    ("POST", "/override", {"json": {"target": "x", "kind": "up", "why": "y"}}, 404),
    ("GET", "/drain?region=x", {}, 404),
    ("DELETE", "/override/us-east", {}, 404),
    ("POST", "/spill", {"json": {"service": "chat", "share": 0.3, "why": "x"}}, 400),
    ("POST", "/spill", {"json": {"service": "chat", "share": 1.3, "why": "x"}}, 400),
    ("POST", "/spill", {"json": {"service": "x", "share": 0, "why": "x"}}, 404),
    ("DELETE", "/spill/chat", {}, 404),
    ("GET", "/nowhere", {}, 404),
    ("DELETE", "/state", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "more", "status"), ERRORS)
async def test_an_error_is_its_document(
    admin: AdminClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    reply = await admin.ask(method, path, **more)
    assert reply.status == status
    declared = {s for r in ROUTES for s in r.errors} | common_errors().keys()
    assert status in declared
    ErrorDocument.model_validate_json(reply.text, strict=True)


async def test_what_is_refused_whole_is_its_document(admin: AdminClient) -> None:
    for region in ("us-east", "us-west", "ap-northeast"):
        await admin.ask("POST", "/drain", json={"region": region, **_WHY, "force": True})
    reply = await admin.ask("POST", "/drain", json={"region": "eu-west", **_WHY})
    (route,) = (r for r in ROUTES if (r.method, r.path) == ("POST", "/drain"))
    assert reply.status == 409
    route.errors[409][0].model_validate_json(reply.text, strict=True)
    replace(admin.config, "[service.chat]", "[service.chat]\nnonsense = 1")
    reply = await admin.ask("POST", "/reload")
    assert reply.status == 422
    ReloadRefusedDocument.model_validate_json(reply.text, strict=True)
    (state,) = (r for r in ROUTES if r.path == "/state")
    _validate(state, (await admin.ask("GET", "/state")).text)


async def test_a_key_that_is_not_declared_is_noticed(
    admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(served: Any) -> Any:
        return state_of(served) | {"new": 1}

    monkeypatch.setattr("resolverd.admin.api.state_of", more)
    (state,) = (route for route in ROUTES if route.path == "/state")
    text = (await admin.ask("GET", "/state")).text
    with pytest.raises(ValueError, match="new"):
        _validate(state, text)


def _validate(route: Route, text: str) -> None:
    if route.response is not None:
        route.response.model_validate_json(text, strict=True)


def _reached(models: list[type[BaseModel]]) -> list[type[BaseModel]]:
    """`models` and every model inside them."""
    found, waiting = dict.fromkeys(models), list(models)
    while waiting:
        for field in waiting.pop().model_fields.values():
            for inner in _inside(field.annotation):
                if inner not in found:
                    found[inner] = None
                    waiting.append(inner)
    return list(found)


def _inside(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for inner in getattr(kind, "__args__", ()) for model in _inside(inner)]
