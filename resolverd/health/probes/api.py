"""The APIs that a canary may ask, and what it asks of each; pure.

Which one a server has is found by asking: the first whose answer is whole. Paths and fields:
OpenAI's API reference; `pooling` is vLLM's own, for models that make no text.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from resolverd.health.probes.answer import Answer

COMPLETIONS, CHAT, RESPONSES = "completions", "chat", "responses"
EMBEDDINGS, POOLING = "embeddings", "pooling"
PATHS = {
    COMPLETIONS: "/v1/completions",
    CHAT: "/v1/chat/completions",
    RESPONSES: "/v1/responses",
    EMBEDDINGS: "/v1/embeddings",
    POOLING: "/pooling",
}
# There is no such path, method or model here; the last may be meant for another of the APIs.
_ABSENT = frozenset({404, 405, 501})
_REFUSED = frozenset({400, 422})


class Request(NamedTuple):
    """What a canary asks: the API, the most tokens, and whether by the newer name for those.

    OpenAI's own reasoning models refuse `max_tokens` and a temperature.
    """

    api: str
    tokens: int
    newer: bool = False

    def path(self) -> str:
        """The path to post to, below the server's URL."""
        return PATHS[self.api]

    def body(self, model: str, prompt: str) -> bytes:
        """JSON, streamed where the API can be."""
        asked: dict[str, Any] = {"model": model}
        match self.api:
            case "completions":
                asked |= {"prompt": prompt, "max_tokens": self.tokens, "temperature": 0}
            case "chat" if self.newer:
                asked["max_completion_tokens"] = self.tokens
            case "chat":
                asked |= {"max_tokens": self.tokens, "temperature": 0}
            case "responses":
                asked |= {"input": prompt, "max_output_tokens": self.tokens, "store": False}
            case _:
                return json.dumps(asked | {"input": prompt}).encode()
        if self.api == CHAT:
            asked["messages"] = [{"role": "user", "content": prompt}]
        return json.dumps(asked | {"stream": True}).encode()


def is_absent(answer: Answer) -> bool:
    """Whether the server does not have the API that was asked, or not for this model."""
    return answer.status in _ABSENT


def may_be_another(answer: Answer) -> bool:
    """Whether another API may be asked instead, of a server that has never answered one whole."""
    return is_absent(answer) or answer.status in _REFUSED


def for_more(request: Request, answer: Answer, limit: int) -> Request | None:
    """What to ask for once more where a server refuses the request, perhaps for its few tokens."""
    if answer.status not in _REFUSED or request.api in (EMBEDDINGS, POOLING):
        return None
    newer = request.api == CHAT and "max_completion_tokens" in answer.detail
    more = Request(request.api, max(limit, request.tokens), newer or request.newer)
    return more if more != request else None
