"""What a canary's answer says of a server; pure.

    what came back                          what it means
    ──────────────────────────────────────  ─────────────────────────────────────────────────────
    a whole answer                          it serves
    nothing in time, counters moved         busy
    nothing in time, counters still         hung
    404 and the server's words              wrong-model
    404 without, the model being listed     misconfigured: it has other APIs than completions
    an error, while no model is listed      no-backend: a gateway has no server left
    401, 403                                misconfigured: our credential
    400, 405, 413, 415, 422, 501            misconfigured: our request is not one it takes
    500, while /health is 200               of a vLLM alone: draining, or about to die
    503, 429 or 529, unless /health fails   shedding; so is such an error in the stream
    anything else                           a failure

vLLM 0.32 answers what its queue has no room for with 503, or with 200 and an error 503 in the
stream; and from the moment of SIGTERM until it exits every new request with 500, while /health is
200 (vllm/v1/engine/async_llm.py, vllm/entrypoints/serve/exception_handling). What a gateway
answers with 500 may be one of its servers', so it is a failure like others.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.health.outcome import Condition
from resolverd.health.probes.canary import Answer

_OURS = frozenset({400, 405, 413, 415, 422, 501})
_CREDENTIAL = frozenset({401, 403})
_FULL = frozenset({429, 503, 529})
_NO_SUCH_PATH = frozenset({"", "not found", "404 page not found", "file not found"})


def needs_health(answer: Answer) -> bool:
    """Whether `/health` has to be asked before the answer can be judged."""
    return _full(answer) or answer.status == 500


class Known(NamedTuple):
    """What else is known of who answered.

    `vllm_alone`: it has shown itself to be one process of vLLM, and nothing in between. `listed`:
    whether its list of models has the one asked for, False only where the list is empty, None where
    nobody knows. `completed`: whether a completion ever came from there.
    """

    vllm_alone: bool = False
    listed: bool | None = None
    completed: bool = False


NOTHING = Known()


def classify(answer: Answer, health: int | None, known: Known = NOTHING) -> tuple[Condition, str]:
    """Condition and reason of an answer that brought no token, although there was time for one.

    `health` is the status of `/health` where `needs_health`, None where it did not answer.
    """
    if answer.status in _CREDENTIAL:
        # Its own words are left out: some servers repeat the credential in them.
        return Condition.MISCONFIGURED, f"HTTP {answer.status}: the credential is not accepted"
    if known.listed is False and answer.status not in _OURS:
        return Condition.NO_BACKEND, f"{_reason(answer)}; no model is listed"
    if _full(answer):
        dead = health is None or health >= 500
        return Condition.NONE if dead else Condition.SHEDDING, _reason(answer)
    if answer.error is not None or answer.status is None:
        return Condition.NONE, _reason(answer)
    if answer.status == 404:
        return _not_found(answer, known)
    if answer.status in _OURS:
        return Condition.MISCONFIGURED, _reason(answer)
    if answer.status == 500 and health == 200 and known.vllm_alone:
        return Condition.DRAINING, _reason(answer)
    return Condition.NONE, _reason(answer)


def _not_found(answer: Answer, known: Known) -> tuple[Condition, str]:
    """A server that lacks the model says so in words; what lacks the path has none of its own."""
    if answer.detail.lower().strip(" .!") not in _NO_SUCH_PATH:
        return Condition.WRONG_MODEL, _reason(answer)
    if known.listed and not known.completed:
        return Condition.MISCONFIGURED, 'has no /v1/completions: set kind = "openai"'
    return Condition.NONE, _reason(answer)


def _full(answer: Answer) -> bool:
    return (answer.status if answer.error is None else answer.error) in _FULL


def _reason(answer: Answer) -> str:
    if answer.status == 200 and answer.error is None and answer.detail:
        return answer.detail
    begin = f"HTTP {answer.status}" if answer.error is None else f"stream error {answer.error}"
    return f"{begin}: {answer.detail}" if answer.detail else begin
