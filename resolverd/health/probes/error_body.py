"""What an inference server says is wrong: the error objects that servers and gateways write; pure.

All of these are read, in an event of a stream or as a whole body::

    {"error": {"message": "…", "type": "…", "code": 429 | "429" | "rate_limit_exceeded" | null}}
    {"error": "…", "error_type": "overloaded"}                  TGI
    {"object": "error", "message": "…", "code": 503}            vLLM before 0.10, SGLang
    {"type": "error", "code": "server_error", "message": "…"}   an event of the responses API
    {"message": "…", "code": "503"}     {"detail": "…" | [{"msg": "…"}]}     gateways, FastAPI

A code that is not told as an HTTP status is found by the words for it (`_BY_WORD`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from resolverd.health.probes.exchange import printable

UNKNOWN = 0

_STATUS = re.compile(r"\s*([45]\d\d)(?!\d)")

# By the word in lower case without anything but letters. OpenAI's and Anthropic's types, the
# exceptions that gateways write as types, TGI's error_type, llama.cpp's types, gRPC's codes.
_BY_WORD = {
    "ratelimiterror": 429, "ratelimitexceeded": 429, "ratelimit": 429, "toomanyrequests": 429,
    "throttlingerror": 429, "throttled": 429, "resourceexhausted": 429,
    "toomanyrequestserror": 429,
    "overloadederror": 529, "overloaded": 529,
    "serviceunavailable": 503, "serviceunavailableerror": 503, "unavailableerror": 503,
    "unavailable": 503, "noavailableworkers": 503, "nohealthydeployments": 503,
    "badgateway": 502, "badgatewayerror": 502, "apiconnectionerror": 502,
    "timeout": 504, "timeouterror": 504, "gatewaytimeout": 504, "deadlineexceeded": 504,
    "apierror": 500, "servererror": 500, "internalerror": 500, "internalservererror": 500,
    "generation": 500, "incompletegeneration": 500,
    "authenticationerror": 401, "invalidapikey": 401, "unauthorized": 401, "autherror": 401,
    "permissionerror": 403, "permissiondeniederror": 403, "forbidden": 403,
    "notfounderror": 404, "notfound": 404, "modelnotfound": 404,
    "invalidrequesterror": 400, "badrequesterror": 400, "badrequest": 400, "validation": 400,
    "notsupportederror": 501, "notimplementederror": 501,
}  # fmt: skip


class ServerError(NamedTuple):
    """A status code as of HTTP, `UNKNOWN` where none is told, and the server's words, perhaps
    none."""

    code: int
    message: str


def find_error(value: object, *, event: str = "") -> ServerError | None:
    """The error that a JSON value is or holds, if it is one; `event` is its name in the stream."""
    if not isinstance(value, dict):
        return ServerError(UNKNOWN, printable(value)) if event == "error" else None
    if nested := value.get("error"):
        return _described(nested, value)
    of_choice = _of_choice(value.get("choices"))
    if of_choice is not None:
        return of_choice
    if event == "error" or value.get("object") == "error" or value.get("type") == "error":
        return _described(value, value)
    if any(key in value for key in ("choices", "data", "output", "usage")):
        return None
    if "detail" in value or ("message" in value and ("code" in value or "status" in value)):
        return _described(value, value)
    return None


def message_of(value: object) -> str:
    """The words of an error body, of whatever shape; empty where there are none."""
    found = find_error(value, event="error")
    return found.message if found else ""


def _of_choice(choices: object) -> ServerError | None:
    """An error that stands inside a choice, as some gateways write the failure of a backend."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return _described(choice["error"], choice)
    return None


def _described(error: object, around: dict[str, object]) -> ServerError:
    """The error object or text `error`, which stands in `around`."""
    own = error if isinstance(error, dict) else {}
    return ServerError(_code(own) or _code(around), _words(error))


def _code(error: dict[str, object]) -> int:
    codes = [error.get(key) for key in ("code", "status", "status_code", "http_status_code")]
    for value in codes:
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
        if isinstance(value, str) and (found := _STATUS.match(value)):
            return int(found[1])
    for value in (*codes, error.get("type"), error.get("error_type")):
        if isinstance(value, str):
            word = "".join(filter(str.isalpha, value[:80].lower()))
            if word in _BY_WORD:
                return _BY_WORD[word]
    return UNKNOWN


def _words(error: object) -> str:
    if not isinstance(error, dict):
        return printable(error)
    for key in ("message", "detail", "msg", "error"):
        value = error.get(key)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0].get("msg")  # FastAPI's list of what is invalid
        if isinstance(value, dict):
            value = value.get("message")
        if words := printable(value):
            return words
    return ""
