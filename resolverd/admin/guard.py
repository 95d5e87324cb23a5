"""Who may ask for what over HTTP: reading for everybody, the rest for those with the token.

The file of the token is read for every request that sends one, so that a new token counts at
once. The Unix socket has no guard but its mode.
"""

from __future__ import annotations

import hmac
from functools import partial
from pathlib import Path

from aiohttp import web

from resolverd.admin.failure import ApiError, Handler
from resolverd.admin.routes import ROUTES
from resolverd.files.reading import MAX_SECRET, read_file
from resolverd.files.threads import detached

OPEN = frozenset(route.path for route in ROUTES if route.access == "open")
_SCHEME = "bearer "


class Guard:
    """Admits requests; `token_file` None admits nothing but reading the open paths."""

    def __init__(self, token_file: Path | None) -> None:
        self._token_file = token_file

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Middleware: pass the request on, or raise ApiError (401, 403) without a valid token."""
        if request.method not in {"GET", "HEAD"} or request.path not in OPEN:
            await self._authorise(request)
        return await handler(request)

    async def _authorise(self, request: web.Request) -> None:
        if self._token_file is None:
            raise ApiError(
                403,
                "over HTTP this daemon only tells its state",
                "use the Unix socket, or set admin.token_file and send its token",
            )
        sent = request.headers.get("Authorization", "")
        if sent[: len(_SCHEME)].lower() != _SCHEME:
            raise _unauthorised("this needs the token of admin.token_file")
        token = await detached(partial(_read, self._token_file), background=False)
        octets = sent[len(_SCHEME) :].strip().encode(errors="surrogateescape")  # as they came
        if not hmac.compare_digest(octets, token):
            raise _unauthorised("that is not the token of admin.token_file")


def _unauthorised(error: str) -> ApiError:
    refusal = ApiError(401, error, "send the header Authorization: Bearer TOKEN")
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


def _read(path: Path) -> bytes:
    try:
        token = read_file(path, MAX_SECRET).strip()
    except OSError as error:
        raise ApiError(
            403,
            f"the token cannot be read: {error.strerror}",
            _mend(path, error),
        ) from error
    if not token:
        raise ApiError(403, "the token file is empty", f"write a token into {path}")
    return token


def _mend(path: Path, error: OSError) -> str:
    if not isinstance(error, PermissionError):
        return f"correct {path} on the daemon's host"
    return (
        f"have systemd give it to the unit by LoadCredential=token:{path}, and write "
        'admin.token_file = "token"'
    )
