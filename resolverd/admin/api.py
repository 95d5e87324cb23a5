"""The API: what each path answers. JSON in, JSON out, but for /metrics."""

from __future__ import annotations

import json
import pwd
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from resolverd.admin.documents.version import versioned
from resolverd.admin.drains import drain, would_empty
from resolverd.admin.emptied import emptied_of
from resolverd.admin.failure import ApiError, Handler, as_json
from resolverd.admin.fitness import fitness_of
from resolverd.admin.liveness import degraded, faults
from resolverd.admin.operate import OverrideCommand, clear_override, set_override, without_region
from resolverd.admin.orders import as_told
from resolverd.admin.parameters import flag, only_declared
from resolverd.admin.reloads import changes_of, outdated_of, reload_of
from resolverd.admin.requests import DrainRequest, OverrideRequest, SpillRequest
from resolverd.admin.round_trips import round_trips_of
from resolverd.admin.routes import ROUTES
from resolverd.admin.scope import told_json
from resolverd.admin.served import Served
from resolverd.admin.spills import RuleCommand, clear_rule, rules_on, sent_on, set_rule
from resolverd.admin.state import config_path, overrides_on, state_of, urls_of
from resolverd.admin.times import iso
from resolverd.dns.prefix import Prefix, parse_prefix
from resolverd.errors import ResolverdError
from resolverd.files.threads import detached
from resolverd.health.overrides import OverrideKind
from resolverd.snapshot.regions import judge_regions

# Octets of a request's body: more than any has, and so little that no client can exhaust memory.
_MAX_OCTETS = 64 * 1024
OVERRIDE_EXAMPLE = '{"target": "eu-west", "kind": "drain", "for": "30m", "why": "kernel update"}'
DRAIN_EXAMPLE = '{"region": "eu-west", "for": "30m", "why": "kernel update"}'
SPILL_EXAMPLE = (
    '{"service": "chat", "region": "eu-west", "share": 0.3, "for": "1h", "why": "a surge"}'
)
"""An example of each order, for hints."""

_PEER = struct.Struct("3i")


Body = TypeVar("Body", bound=BaseModel)


class Api:
    """The handlers of every route in `routes`, over one daemon; each raises ApiError."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def application(self, *guards: Any) -> web.Application:
        """An application with these middlewares in front of the handlers."""
        app = web.Application(
            middlewares=[as_json, *guards, only_declared, self._once_ready],
            client_max_size=_MAX_OCTETS,
        )
        for route in ROUTES:
            handler: Handler = getattr(self, route.handler)
            if route.method == "GET":
                app.router.add_get(route.path, handler)  # and HEAD
            else:
                app.router.add_route(route.method, route.path, handler)
        return app

    @web.middleware
    async def _once_ready(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._served.ready and request.match_info.http_exception is None:
            raise ApiError(503, "the daemon is starting, or ending", "ask again in a moment")
        return await handler(request)

    async def state(self, request: web.Request) -> web.Response:
        """GET /state: the whole state, a StateDocument."""
        return _document(state_of(self._served))

    async def urls(self, request: web.Request) -> web.Response:
        """The URLs that `state` shows without their secrets; over HTTP only with the token."""
        return _document({"urls": urls_of(self._served)})

    async def round_trips(self, request: web.Request) -> web.Response:
        """What this host's own probes measured of the way to each region."""
        return _document(round_trips_of(self._served))

    async def explain(self, request: web.Request) -> web.Response:
        """Why a client gets the answer it gets: ``?name=HOSTNAME&client=IP[/LEN][&policy=…]``."""
        name, client = request.query["name"], request.query["client"]
        await _loaded("resolverd.engine.explain", _load_explain)
        from resolverd.engine.explain import NotSteeredError, explain, plain
        from resolverd.engine.orders import policy_of

        try:
            alternative = policy_of(request.query.get("policy"))
        except ValueError as error:
            raise ApiError(400, str(error), "write policy=nearest, or leave it out") from error
        try:
            snapshot, now = self._served.snapshot, time.monotonic()
            explanation = explain(name, _prefix(client), snapshot, alternative, now)
        except ValueError as error:
            raise ApiError(400, str(error), "write a hostname such as chat.example.com") from error
        except NotSteeredError as error:
            hint = "ask for a name that a DYNA record steers"
            raise ApiError(404, str(error), hint) from error
        plan, steering = self._served.snapshot
        generation = {"plan": plan.generation, "steering": steering.generation}
        source = {
            "config": config_path(self._served),
            "generation": generation,
            "verdicts": self._verdicts(explanation.service),
        }
        return _document({**source, **plain(explanation)})

    def _verdicts(self, service: str) -> dict[str, str]:
        """The state of each region of a service, and why."""
        plan = self._served.snapshot.plan
        judged = judge_regions(plan, self._served.world, time.monotonic()).values()
        return {
            region.region: f"{region.verdict.state}: {region.verdict.reason}"
            for region in judged
            if service in region.services
        }

    async def override(self, request: web.Request) -> web.Response:
        """POST /override: put an override in force; responds once answers obey it."""
        asked = await _body(request, OverrideRequest, OVERRIDE_EXAMPLE)
        who = asked.who or _peer(request)
        command = OverrideCommand(
            asked.target, asked.kind, who, asked.why, asked.seconds, asked.force, asked.edge
        )
        put = await set_override(self._served, command)
        now = time.monotonic()
        return _document(
            {
                "target": asked.target,
                "set": as_told(overrides_on(self._served, put.overrides, now), put.told),
                "emptied": emptied_of(put.emptied),
                "services_without_region": without_region(self._served),
                "fleet": told_json(put.told),
            }
        )

    async def would_empty(self, request: web.Request) -> web.Response:
        """What draining a region would come to, which is not done: ``?region=NAME``."""
        region = request.query["region"]
        found = would_empty(self._served, region)
        plan, now = self._served.snapshot.plan, time.monotonic()
        wait = self._served.ttl_ledger.longest_ttl(plan, region, now)
        return _document({"region": region, "wait_seconds": wait, "emptied": emptied_of(found)})

    async def drain(self, request: web.Request) -> web.Response:
        """Drain a region; answers once it is obeyed, with when its last answer has run out."""
        asked = await _body(request, DrainRequest, DRAIN_EXAMPLE)
        who, kind = asked.who or _peer(request), OverrideKind.DRAIN
        command = OverrideCommand(
            asked.region, kind, who, asked.why, asked.seconds, asked.force, asked.edge
        )
        drained = await drain(self._served, command)
        return _document(
            {
                "region": asked.region,
                "drained_at": iso(drained.at),
                "safe_at": iso(drained.at + drained.wait),
                "wait_seconds": drained.wait,
                "services": [{"service": s, "ttl_seconds": t} for s, t in drained.ttls.items()],
                "emptied": emptied_of(drained.emptied),
                "fleet": told_json(drained.told),
            }
        )

    async def clear(self, request: web.Request) -> web.Response:
        """End an override, or what holds an endpoint down; answers once that is obeyed."""
        target, who = request.match_info["target"], _who(request)
        edge = request.query.get("edge", "")
        cleared = await clear_override(self._served, target, who, edge)
        now = time.monotonic()
        ended = as_told(overrides_on(self._served, cleared.overrides, now), cleared.told)
        return _document(
            {
                "target": target,
                "cleared": ended,
                "released": list(cleared.released),
                "fleet": told_json(cleared.told),
            }
        )

    async def spill(self, request: web.Request) -> web.Response:
        """POST /spill: put a spill rule in force; responds once answers obey it."""
        asked = await _body(request, SpillRequest, SPILL_EXAMPLE)
        command = RuleCommand(
            asked.service, asked.region, asked.share, asked.who or _peer(request),
            asked.why, asked.seconds, asked.edge,
        )  # fmt: skip
        put = await set_rule(self._served, command)
        rules = rules_on(self._served, {put.key: put.rule}, time.monotonic())
        (rule,) = as_told(rules, put.told)
        regions = sent_on(self._served, asked.service)
        return _document({"set": rule, "regions": regions, "fleet": told_json(put.told)})

    async def clear_spill(self, request: web.Request) -> web.Response:
        """End a spill rule; answers once it is obeyed no more: ``?region=NAME``."""
        service, region = request.match_info["service"], request.query.get("region", "")
        edge = request.query.get("edge", "")
        ended = await clear_rule(self._served, service, region, _who(request), edge)
        rules = rules_on(self._served, {ended.key: ended.rule}, time.monotonic())
        (rule,) = as_told(rules, ended.told)
        regions = sent_on(self._served, service)
        return _document({"cleared": rule, "regions": regions, "fleet": told_json(ended.told)})

    async def reload(self, request: web.Request) -> web.Response:
        """Adopt the files as they are now; 422 with every problem when a part is refused or held.

        With ``?yes=1`` what they take away is given up.
        """
        adopted = await self._served.reload(accept_losses=flag(request.query, "yes"))
        plan = self._served.snapshot.plan
        reload = reload_of(self._served)
        if adopted:
            return _document({"generation": plan.generation, "reload": reload})
        others = "the other edits are served" if self._served.reloads.changes else "nothing changed"
        raise ApiError(
            422,
            f"{reload['result']}: {others}",
            "correct the problems, and reload again",
            generation=plan.generation,
            reload=reload,
        )

    async def forecast(self, request: web.Request) -> web.Response:
        """GET /reload: what a reload would change now; nothing is adopted."""
        try:
            inputs, changes = await self._served.forecast()
        except ResolverdError as error:
            raise ApiError(409, str(error), "ask again in a moment") from error
        return _document(
            {
                "config": config_path(self._served),
                "generation": self._served.snapshot.plan.generation,
                "outdated": outdated_of(inputs.outdated),
                "changed": changes_of(changes),
                "warnings": [asdict(problem) for problem in inputs.warnings],
            }
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics: Prometheus' text format, or OpenMetrics for a client that accepts it."""
        await _loaded("resolverd.admin.metrics", _load_metrics)
        from resolverd.admin.metrics import exposition

        page, content_type = await exposition(self._served, request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": content_type})

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the serving loop and the probe loop are alive, else 503 and what is not."""
        found = await faults(self._served)
        if found:
            raise ApiError(503, "; ".join(found), "restart the daemon, and keep its log")
        return _document({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 from the end of the first probe round until the daemon is asked to stop.

        503 while this host is isolated, so that whoever announces its addresses withdraws them.
        `degraded` says what keeps failing beside the answers, which go on, and `down` which
        services have no region and which regions are down: for people, as no other host is better.
        Parts that are served in an older state than their files are named, and do not count.
        """
        isolated = self._served.monitor.isolation.reason
        if isolated:
            raise ApiError(
                503, isolated, "see to this host's network: docs/operations.md, isolation"
            )
        found = degraded(self._served)
        outdated = outdated_of(self._served.reloads.outdated)
        down = self._served.outages.down
        return _document({"ready": True, "outdated": outdated, "degraded": found, "down": down})

    async def fitness(self, request: web.Request) -> web.Response:
        """What decides whether this edge's service addresses are announced; asked each second."""
        return _document(await fitness_of(self._served))


# What no answer and no verdict needs is loaded by the first who asks for it, in a thread.


async def _loaded(module: str, load: Callable[[], object]) -> None:
    """Have a module loaded that only some requests need, in a thread of its own.

    So whoever asks of a disk that hangs takes no thread from those that publish.
    """
    if module not in sys.modules:
        await detached(load, background=False)


def _load_metrics() -> None:
    import resolverd.admin.metrics  # noqa: F401


def _load_explain() -> None:
    import resolverd.engine.explain  # noqa: F401


def _document(document: Mapping[str, Any]) -> web.Response:
    return web.json_response(versioned(document))


def _prefix(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except ValueError as error:
        raise ApiError(
            400,
            f'"{text}" is not an address or network: {error}',
            "write 203.0.113.7 or 203.0.113.0/24",
        ) from error


async def _body(request: web.Request, kind: type[Body], example: str) -> Body:
    try:
        return kind.model_validate(json.loads(await request.text()))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise ApiError(400, problems, f"send JSON like {example}") from error
    except (ValueError, LookupError, RecursionError) as error:  # no JSON, no text, no such charset
        raise ApiError(400, f"not JSON: {error}", f"send JSON like {example}") from error


def _who(request: web.Request) -> str:
    """Who asks, by the query, else by the connection."""
    return request.query.get("who", "").strip()[:100] or _peer(request)


def _peer(request: web.Request) -> str:
    """Who is at the other end of the Unix socket; over HTTP, whoever has the token."""
    connection: socket.socket | None = request.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return "the token's holder"
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(packed)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
