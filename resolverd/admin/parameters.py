"""Query parameters, held against those that the route declares.

An order with a parameter that it does not have is refused, for it would be done to more than was
asked. What is only read, and has no parameters, takes any: load balancers and scrapers add some.
"""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from resolverd.admin.failure import ApiError, Handler
from resolverd.admin.routes import ROUTES, Route
from resolverd.config.explain import did_you_mean

# Characters of a name that is refused that are shown.
_SHOWN = 100
_TRUTH = {"1": True, "true": True, "0": False, "false": False}
_ROUTES: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in ROUTES}


@web.middleware
async def only_declared(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request whose query its route declares. Raises ApiError (400) otherwise."""
    resource = request.match_info.route.resource
    method = "GET" if request.method == "HEAD" else request.method
    route = None if resource is None else _ROUTES.get((method, resource.canonical))
    if route is not None:
        check(route, request.query)
    return await handler(request)


def check(route: Route, query: MultiMapping[str]) -> None:
    """Raise ApiError for a parameter that is unknown, is there twice, or is missing."""
    known = [parameter.name for parameter in route.parameters]
    if route.method == "GET" and not known:
        return
    for name in query:
        if name not in known:
            error = f'{route.method} {route.path} has no parameter "{name[:_SHOWN]}"'
            raise ApiError(400, error, did_you_mean(name, known) if known else _bare(route))
        if len(query.getall(name)) > 1:
            raise ApiError(400, f'the parameter "{name}" is there more than once', "write it once")
    missing = [p.name for p in route.parameters if p.required and not query.get(p.name)]
    if missing:
        error = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed"
        asked = "&".join(f"{p.name}={p.stands_for}" for p in route.parameters if p.required)
        raise ApiError(400, error, f"ask {route.path}?{asked}")


def flag(query: MultiMapping[str], name: str) -> bool:
    """Whether a parameter says yes; not where it is missing. Raises ApiError."""
    if name not in query:
        return False
    said = query[name]
    if said not in _TRUTH:
        error = f'{name} is "{said[:_SHOWN]}", which is none of {", ".join(_TRUTH)}'
        raise ApiError(400, error, f"write {name}=1, or leave it out")
    return _TRUTH[said]


def _bare(route: Route) -> str:
    where = "say it in the body" if route.asks else "leave it out"
    return f"{where}: this is asked without parameters"
