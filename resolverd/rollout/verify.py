"""What an endpoint is and says: its version, its models, and a completion at temperature 0."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp

from resolverd.certificates import trusting_this_host
from resolverd.errors import ResolverdError
from resolverd.health.probes.credential import Credential
from resolverd.health.probes.exchange import read_up_to
from resolverd.health.probes.reasons import reason_of

# Seconds for one question: a first completion after a start may have to compile first.
TIMEOUT = 120.0
# Octets of a response; a larger one is refused, whatever it says.
_MAX_OCTETS = 1024 * 1024


class AskError(ResolverdError):
    """An endpoint could not be asked, or did not answer as vLLM does."""


class Endpoint(NamedTuple):
    """One endpoint, from its daemon's GET /state; `credential` as in `[probe]`."""

    name: str
    url: str
    credential: str = ""
    verify_tls: bool = True
    host: str = ""
    sni: str = ""

    @classmethod
    def of(cls, state: Mapping[str, Any], credential: str = "") -> Endpoint:
        """From an endpoint of GET /state; `credential` replaces the probe's."""
        probe = state["probe"]
        return cls(
            state["endpoint"],
            state["url"].rstrip("/"),
            credential or probe["credential"],
            probe["verify_tls"],
            probe["host"],
            probe["sni"],
        )


def version_of(endpoint: Endpoint) -> str:
    """The version in the response to GET /version. Raises AskError."""
    return str(_get(endpoint, "/version", "version"))


def models_of(endpoint: Endpoint) -> set[str]:
    """The ids and roots of what it serves. Raises AskError."""
    cards = _get(endpoint, "/v1/models", "data")
    try:
        return {str(name) for card in cards for name in (card["id"], card.get("root")) if name}
    except (TypeError, KeyError, AttributeError) as error:
        raise AskError(f"{endpoint.name}: /v1/models is not vLLM's") from error


def completion_of(endpoint: Endpoint, model: str, prompt: str, tokens: int) -> str:
    """The first `tokens` tokens that it completes `prompt` with, greedily. Raises AskError."""
    body = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "seed": 0}
    completion = _ask(endpoint, "POST", "/v1/completions", body)
    try:
        return str(completion["choices"][0]["text"])
    except (TypeError, KeyError, IndexError) as error:
        raise AskError(f"{endpoint.name}: the completion has no text") from error


def _get(endpoint: Endpoint, path: str, key: str) -> Any:
    document = _ask(endpoint, "GET", path)
    if not isinstance(document, dict) or key not in document:
        raise AskError(f'{endpoint.name}: {path} tells no "{key}"')
    return document[key]


def _ask(endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    return asyncio.run(_exchange(endpoint, method, path, body))


async def _exchange(
    endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None
) -> Any:
    credential = Credential(endpoint.credential)
    host = {"Host": endpoint.host} if endpoint.host else {}
    headers = await credential.header() | host
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trusting_this_host()),
                timeout=aiohttp.ClientTimeout(TIMEOUT),
            ) as session,
            session.request(
                method,
                endpoint.url + path,
                json=body,
                headers=headers,
                allow_redirects=False,
                ssl=endpoint.verify_tls,
                server_hostname=endpoint.sni or None,
            ) as response,
        ):
            text = (await read_up_to(response, _MAX_OCTETS)).decode("utf-8", "replace")
            if response.status != 200:
                excerpt = credential.hide(" ".join(text.split()))[:200]
                raise AskError(
                    f"{endpoint.name}: {path}: HTTP {response.status} {excerpt}".rstrip()
                )
            return json.loads(text)
    except TimeoutError as error:
        raise AskError(f"{endpoint.name}: {path}: no answer within {TIMEOUT:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise AskError(f"{endpoint.name}: {path}: {reason_of(error)}") from error
    except ValueError as error:
        raise AskError(f"{endpoint.name}: {path}: not JSON") from error
