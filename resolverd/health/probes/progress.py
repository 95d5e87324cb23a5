"""Does the engine work, as far as two pages of its metrics can prove it? Pure.

Counters that grew prove that the engine made a step between the two pages. They do not prove that
it still takes requests: a server that drains goes on with those it has and answers every new one
with 500. So progress is believed only where the page tells responses, and tells no server error
that a full queue does not explain. Counters that stand still prove nothing: idle and hung look
alike.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.health.probes.canary import TOKENS
from resolverd.health.probes.vllm_metrics import Page


class Own(NamedTuple):
    """What our own canaries can have added between two pages, so that it is not taken for others'.

    `canaries` that brought a whole answer; `prompt`: the most tokens of a prompt; `unfinished`
    canaries, which may have brought some; `tokens`: the most that one generates.
    """

    canaries: int = 0
    prompt: int = 0
    unfinished: int = 0
    tokens: int = TOKENS


NOTHING = Own()


def moved(before: Page, after: Page, own: Own = NOTHING) -> bool:
    """Whether the engine's counters grew by more than our own canaries explain.

    A canary is its tokens generated, its prompt read, and one step more than its tokens at most.
    """
    sent = own.canaries + own.unfinished
    return (
        _growth(before.generated, after.generated) > sent * own.tokens
        or _growth(before.prompt, after.prompt) > sent * own.prompt
        or _growth(before.iterations, after.iterations) > sent * (own.tokens + 1)
    )


def stale(before: Page, after: Page, own: Own) -> bool:
    """Whether `after` is an old page: a canary was answered in between, and no counter shows it."""
    told = (after.generated, after.prompt, after.iterations)
    return own.canaries > 0 and told != (None,) * 3 and not moved(before, after)


def restarted(before: Page, after: Page) -> bool:
    """Whether the server is another process than before: its start differs, or a total fell."""
    if before.started is not None and after.started is not None:
        return before.started != after.started
    pairs = ((before.generated, after.generated), (before.prompt, after.prompt))
    return any(_growth(sooner, later) < 0 for sooner, later in pairs)


def turned_away(before: Page, after: Page) -> float:
    """How many requests a full queue turned away in between."""
    return max(0.0, _growth(before.rejections or 0.0, after.rejections))


def accepts(before: Page, after: Page) -> bool:
    """Whether the responses in between tell that new requests are taken.

    Not told at all is no. A class of responses has no sample until its first.
    """
    if after.responses is None:
        return False
    sooner = 0.0 if before.responses is None else before.responses.get("5xx", 0.0)
    errors = after.responses.get("5xx", 0.0) - sooner
    return errors <= turned_away(before, after)


def _growth(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else after - before
