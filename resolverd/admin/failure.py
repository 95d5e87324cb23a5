"""Errors of the API: every one is JSON with what is wrong and what to do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from resolverd import log
from resolverd.admin.documents.version import versioned
from resolverd.admin.emptied import WouldEmptyError, emptied_of
from resolverd.admin.operate import NotOverriddenError, UnknownTargetError
from resolverd.admin.scope import SaidMeanwhileError, UnknownEdgeError
from resolverd.admin.served import EndingError
from resolverd.admin.spills import NoRuleError, ShareOfAllError, UnknownSpillError
from resolverd.errors import ResolverdError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiError(ResolverdError):
    """A request that cannot be granted, with its HTTP status."""

    def __init__(self, status: int, error: str, hint: str, **more: Any) -> None:
        self.status, self.hint, self.more = status, hint, more
        self.headers: dict[str, str] = {}
        super().__init__(error)


@web.middleware
async def as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into ``{"error": …, "hint": …}`` with the right status."""
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(error.status, str(error), error.hint, error.headers, error.more)
    except (UnknownTargetError, NotOverriddenError, UnknownEdgeError) as error:
        return _answer(404, str(error), error.hint)
    except (UnknownSpillError, NoRuleError) as error:
        return _answer(404, str(error), error.hint)
    except ShareOfAllError as error:
        return _answer(400, str(error), error.hint)
    except SaidMeanwhileError as error:
        return _answer(409, str(error), error.hint, more={"emptied": []})
    except WouldEmptyError as error:
        fences = emptied_of(error.emptied)
        return _answer(409, str(error), error.hint, more={"emptied": fences})
    except EndingError as error:
        return _answer(503, str(error), error.hint)
    except ResolverdError as error:
        return _answer(503, str(error), "see the daemon's log")
    except web.HTTPNotFound:
        paths = sorted({str(r.canonical) for r in request.app.router.resources()})
        return _answer(404, f"there is no {request.path} here", f"ask for {', '.join(paths)}")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods - {"HEAD"}))
        return _answer(
            405, f"{request.path} cannot be asked with {error.method}", f"use {allowed}",
            {"Allow": allowed},
        )  # fmt: skip
    except web.HTTPRequestEntityTooLarge:
        most = request.client_max_size
        return _answer(413, f"the body has more than {most} octets", "send what is asked for alone")
    except web.HTTPException as error:
        return _answer(error.status, error.reason, "ask as docs/http-api.md has it")
    except Exception as defect:  # noqa: BLE001 - one request fails; the daemon serves on
        log.get("admin").error("admin.defect", path=request.path, exc_info=defect)
        return _answer(500, f"a defect of resolverd: {type(defect).__name__}", "see its log")


def _answer(
    status: int,
    error: str,
    hint: str,
    headers: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
) -> web.Response:
    body = versioned({"error": error, "hint": hint, **(more or {})})
    return web.json_response(body, status=status, headers=headers)
