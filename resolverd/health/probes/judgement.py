"""What a canary's answer says of a server; pure.

    what came back                          what it means
    ──────────────────────────────────────  ─────────────────────────────────────────────────────
    a whole answer                          it serves
    nothing in time, counters moved         busy
    nothing in time, counters still         hung
    404                                     wrong-model
    401, 403                                misconfigured: our credential
    400, 405, 413, 415, 422, 501            misconfigured: our request is not one it takes
    500, while /health is 200               draining, or about to die
    503, 429 or 529, unless /health fails   shedding; so is such an error in the stream
    anything else                           a failure

vLLM 0.32 answers what its queue has no room for with 503, or with 200 and an error 503 in the
stream; and from the moment of SIGTERM until it exits every new request with 500, while /health is
200 (vllm/v1/engine/async_llm.py, vllm/entrypoints/serve/exception_handling).
"""

from __future__ import annotations

from resolverd.health.outcome import Condition
from resolverd.health.probes.canary import Answer

_OURS = frozenset({400, 405, 413, 415, 422, 501})
_CREDENTIAL = frozenset({401, 403})
_FULL = frozenset({429, 503, 529})


def needs_health(answer: Answer) -> bool:
    """Whether `/health` has to be asked before the answer can be judged."""
    return _full(answer) or answer.status == 500


def judge(answer: Answer, health: int | None) -> tuple[Condition, str]:
    """Condition and reason of an answer that brought no token, although there was time for one.

    `health` is the status of `/health` where `needs_health`, None where it did not answer.
    """
    if _full(answer):
        dead = health is None or health >= 500
        return Condition.NONE if dead else Condition.SHEDDING, _reason(answer)
    if answer.error is not None or answer.status is None:
        return Condition.NONE, _reason(answer)
    if answer.status == 404:
        return Condition.WRONG_MODEL, _reason(answer)
    if answer.status in _CREDENTIAL:
        # Its own words are left out: some servers repeat the credential in them.
        return Condition.MISCONFIGURED, f"HTTP {answer.status}: the credential is not accepted"
    if answer.status in _OURS:
        return Condition.MISCONFIGURED, _reason(answer)
    if answer.status == 500 and health == 200:
        return Condition.DRAINING, _reason(answer)
    return Condition.NONE, _reason(answer)


def _full(answer: Answer) -> bool:
    return (answer.status if answer.error is None else answer.error) in _FULL


def _reason(answer: Answer) -> str:
    if answer.status == 200 and answer.error is None and answer.detail:
        return answer.detail
    begin = f"HTTP {answer.status}" if answer.error is None else f"stream error {answer.error}"
    return f"{begin}: {answer.detail}" if answer.detail else begin
