"""What an answer that was not whole says of a server of OpenAI's API, whoever it is; pure.

what came back                       what it means
───────────────────────────────────  ────────────────────────────────────────────────────
nothing in time, or no end           busy while its load page shows work, else hung
503, 429 or 529, in whatever form    shedding for `BELIEVED` seconds after an answer or a sign
                                     of work, then no-proof; a failure if /health fails
404 beside an empty list of models   no-backend: a gateway with nobody behind it
404 that speaks of the model         wrong-model
401, 403                             misconfigured: our credential
400, 413, 415, 422                   misconfigured: our request is not one it takes
anything else, 500 too               a failure: what ends and what only stumbles look alike
                                     through a gateway
"""

from __future__ import annotations

from resolverd.health.outcome import Condition
from resolverd.health.probes.answer import Answer

# Seconds for which a server that says it is full is believed, without an answer or a sign of work.
BELIEVED = 10.0

_FULL = frozenset({429, 503, 529})
_CREDENTIAL = frozenset({401, 403})
_OURS = frozenset({400, 413, 415, 422})


def is_full(answer: Answer) -> bool:
    """Whether the server says that it has no room."""
    return (answer.status if answer.error is None else answer.error) in _FULL


def classify(
    answer: Answer, *, believed: bool, health: int | None, lists_nobody: bool
) -> tuple[Condition, str]:
    """Condition and reason of an answer that came in time and was not whole.

    `believed`: it has proved that it works at most `BELIEVED` seconds ago.
    `health` is the status of its health path, None where none came; `lists_nobody` tells that its
    list of models is empty.
    """
    reason = _reason(answer)
    if is_full(answer):
        if health is None or health >= 500:
            return Condition.NONE, reason
        if believed:
            return Condition.SHEDDING, reason
        return Condition.NO_PROOF, f"{reason}, and no proof of life"
    if answer.status == 404 and lists_nobody:
        return Condition.NO_BACKEND, "HTTP 404, and it lists no model"
    if answer.status == 404 and "model" in answer.detail.lower():
        return Condition.WRONG_MODEL, reason
    if answer.status in _CREDENTIAL:
        # Its own words are left out: some servers repeat the credential in them.
        return Condition.MISCONFIGURED, f"HTTP {answer.status}: the credential is not accepted"
    if answer.status in _OURS and answer.error is None:
        return Condition.MISCONFIGURED, reason
    return Condition.NONE, reason


def _reason(answer: Answer) -> str:
    if answer.status == 200 and answer.error is None:
        return answer.detail or "no answer"
    begin = f"HTTP {answer.status}"
    if answer.error is not None:
        begin = (
            f"error {answer.error}" if answer.status == 200 else f"{begin}, error {answer.error}"
        )
    return f"{begin}: {answer.detail}" if answer.detail else begin
