"""docs/http-api.md and docs/openapi.json, from the routing table and the typed documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from resolverd.admin.documents.base import ErrorDocument
from resolverd.admin.documents.version import SCHEMA_VERSION
from resolverd.admin.routes import ROUTES, Route, common_errors
from resolverd.cli.documents import VERBS

Schema = Mapping[str, Any]
_Moded = tuple[type[BaseModel], Literal["validation", "serialization"]]

_REF = "#/components/schemas/"
_INTRODUCTION = f"""# The HTTP API, and the JSON of each verb

Made by `make docs` from `resolverd/admin/routes.py`, `resolverd/admin/documents/` and
`resolverd/cli/documents.py`; do not edit. [openapi.json](openapi.json) has the API for programs.

The daemon answers at a Unix socket (`admin.socket`), whose mode says who may ask for everything,
and over TCP (`admin.listen`). There, everybody may ask for what is *open*; the rest wants the
header `Authorization: Bearer TOKEN` with the token of `admin.token_file`. Under
systemd let that be a name which `LoadCredential=` gives the unit: the file then stays root's alone.

    curl --unix-socket /run/resolverd/admin.sock http://localhost/state
    curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:9153/urls

Requests and responses are JSON, but for `/metrics`. Each document has `schema_version`,
{SCHEMA_VERSION} now: a key that goes, or comes to mean something else, raises it; one that is added
does not, so pass over keys that you do not know. Times are ISO 8601 in UTC, durations seconds; null
is what is not known or not there. A request that is not granted has a status of 400 or more, and a
document with `error` and `hint`. An order with a key or a parameter that it does not have is not
granted: it would be done to more than was asked. `GET /drain` and `GET /explain` are as strict;
what is read without parameters passes over any.
"""


def http_api() -> str:
    """The page."""
    schemas = _schemas()
    rows = [
        f"| `{route.method}` | [`{route.path}`](#{_anchor(_heading(route))}) | {route.access} "
        f"| {route.doc} |"
        for route in ROUTES
    ]
    parts = [
        _INTRODUCTION,
        "## Routes\n",
        "\n".join(["| method | path | access | |", "| --- | --- | --- | --- |", *rows, ""]),
        *(_route(route) for route in ROUTES),
        "### Errors of every route\n",
        _errors(common_errors()),
        "## The JSON of each verb\n",
        _verbs(),
        "## Documents\n",
        *(_document(name, schemas) for name in schemas),
    ]
    return "\n".join(part.rstrip() + "\n" if part else "" for part in parts)


def openapi() -> str:
    """The API as OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "resolverd", "version": str(SCHEMA_VERSION)},
        "paths": paths,
        "components": {
            "schemas": dict(_schemas()),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _operation(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": route.doc, **_content(route.response)}}
    for status, (model, doc) in sorted({**common_errors(), **route.errors}.items()):
        responses[str(status)] = {"description": doc, **_content(model)}
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    queries = [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.doc,
            "schema": {"type": "string"},
        }
        for parameter in route.parameters
    ]
    return {
        "operationId": route.handler,
        "summary": route.doc,
        "parameters": [*inside, *queries],
        **({"requestBody": {"required": True, **_content(route.request)}} if route.request else {}),
        "responses": responses,
        "security": [] if route.access == "open" else [{"token": []}],
    }


def _content(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"content": {"text/plain": {}}}
    return {"content": {"application/json": {"schema": {"$ref": _REF + model.__name__}}}}


def documents() -> list[type[BaseModel]]:
    """Every document of the API and of the verbs, once."""
    responses = [route.response for route in ROUTES if route.response]
    errors = [model for route in ROUTES for model, _ in route.errors.values()]
    verbs = [model for models in VERBS.values() for model in models]
    return list(dict.fromkeys([*responses, *errors, ErrorDocument, *verbs]))


def _schemas() -> dict[str, Schema]:
    """The JSON schema of each model by its name: documents first, then what is inside them."""
    requests = list(dict.fromkeys(route.request for route in ROUTES if route.request))
    models = documents()
    served: list[_Moded] = [(model, "serialization") for model in models]
    asked: list[_Moded] = [(model, "validation") for model in requests]
    _, made = models_json_schema([*served, *asked], ref_template=_REF + "{model}")
    found: dict[str, Schema] = made["$defs"]
    first = [model.__name__ for model in [*models, *requests]]
    return {name: found[name] for name in [*first, *sorted(found.keys() - set(first))]}


def _route(route: Route) -> str:
    rows = [f"### {_heading(route)}\n", route.doc, ""]
    rows += [
        f"- `?{parameter.name}=`: {parameter.doc}{'' if parameter.required else ' (optional)'}"
        for parameter in route.parameters
    ]
    if route.request:
        rows.append(f"- request: {_link(route.request.__name__)}")
    answer = _link(route.response.__name__) if route.response else "text"
    rows += [f"- access over TCP: {route.access}", f"- response: {answer}"]
    if route.errors:
        rows += ["", _errors(route.errors)]
    return "\n".join(rows)


def _errors(errors: Mapping[int, tuple[type[ErrorDocument], str]]) -> str:
    rows = [
        f"| {status} | {_link(model.__name__)} | {doc} |"
        for status, (model, doc) in sorted(errors.items())
    ]
    return "\n".join(["| status | document | when |", "| --- | --- | --- |", *rows])


def _verbs() -> str:
    rows = [
        f"| `resolverd {verb} --json` | {', '.join(_link(model.__name__) for model in models)} |"
        for verb, models in VERBS.items()
    ]
    return "\n".join(["| verb | document |", "| --- | --- |", *rows])


def _document(name: str, schemas: Mapping[str, Schema]) -> str:
    schema = schemas[name]
    rows = [f"### {name}\n", str(schema.get("description", "")), ""]
    if "properties" not in schema:
        return "\n".join([*rows, f"{_type(schema)}."])
    required = set(schema.get("required", ()))
    rows += ["| key | type | meaning |", "| --- | --- | --- |"]
    for key, about in schema["properties"].items():
        inside = schemas.get(str(about.get("$ref", "")).removeprefix(_REF), {})
        meaning = str(about.get("description") or inside.get("description", ""))
        optional = "" if key in required else " Optional."
        rows.append(f"| `{key}` | {_type(about)} | {meaning}{optional} |")
    return "\n".join(rows)


def _type(schema: Schema) -> str:
    """A JSON schema in words."""
    if "$ref" in schema:
        return _link(str(schema["$ref"]).removeprefix(_REF))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return _either(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "anyOf" in schema:
        return _either(_type(option) for option in schema["anyOf"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema.get('items', {}))}"
        case "object":
            return f"object of {_type(schema.get('additionalProperties', {}))} by name"
        case None:
            return "any"
        case kind:
            return str(kind)


def _either(choices: Iterable[str]) -> str:
    known = list(choices)
    return " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 1 else known)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _heading(route: Route) -> str:
    return f"{route.method} {route.path}"


def _anchor(heading: str) -> str:
    """The anchor that a heading has on GitHub."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def undocumented(models: Iterable[type[BaseModel]]) -> Iterator[str]:
    """Keys without a description, as MODEL.KEY."""
    for model in models:
        for name, field in model.model_fields.items():
            if not field.description:
                yield f"{model.__name__}.{name}"
