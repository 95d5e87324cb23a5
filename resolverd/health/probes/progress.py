"""Does an engine work, as far as two pages of its metrics can prove it? Pure.

Counters that grew prove that the engine made a step between the two pages; so does a KV cache that
filled, which is all that shows while a long prompt is read chunk by chunk, for vLLM counts a
prompt's tokens when all of it is read. They do not prove that new requests are taken: a server that
drains goes on with those it has and answers every new one with 500. So progress is believed only
where the page tells responses, and tells no server error that a full queue does not explain.
Counters that stand still prove nothing: idle and hung look alike.

Two pages can be compared only if they tell of the same engines: `backing` finds which do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolverd.health.probes.canary import TOKENS
from resolverd.health.probes.vllm_metrics import Engine, Page


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

# Where in an engine's figures its totals begin, which only grow.
_TOTALS = Engine._fields.index("generated")


def moved(before: Page, after: Page, own: Own = NOTHING) -> bool:
    """Whether the counters of an engine grew by more than our own canaries explain."""
    sooner = engines(before)
    for key, engine in engines(after).items():
        then = sooner.get(key)
        if then is not None and engine_moved(then, engine, own):
            return True
    return False


def engine_moved(before: Engine, after: Engine, own: Own = NOTHING) -> bool:
    """Whether one engine made a step that is not one of our own canaries'.

    A canary is its tokens generated, its prompt read, and one step more than its tokens at most.
    """
    sent = own.canaries + own.unfinished
    return (
        _growth(before.generated, after.generated) > sent * own.tokens
        or _growth(before.prompt, after.prompt) > sent * own.prompt
        or _growth(before.iterations, after.iterations) > sent * (own.tokens + 1)
        or (bool(after.running) and _growth(before.kv_usage, after.kv_usage) > 0)
    )


def engines(page: Page) -> Mapping[bytes, Engine]:
    """The engines of a page; one without a name where it tells none apart."""
    return page.engines or {
        b"": Engine(
            page.running,
            page.waiting,
            page.kv_usage,
            page.generated,
            page.prompt,
            page.iterations,
        )
    }


def fell(before: Page, after: Page) -> bool:
    """Whether `after` cannot be a later page of what made `before`: a total fell, or is gone."""
    sooner, later = engines(before), engines(after)
    if sooner.keys() != later.keys():
        return True
    for key, then in sooner.items():
        for before_it, after_it in zip(then[_TOTALS:], later[key][_TOTALS:], strict=True):
            if before_it is not None and after_it is not None and after_it < before_it:
                return True
    responses = after.responses
    if before.responses and responses and before.responses != responses:
        for name, count in before.responses.items():
            if responses.get(name, count) < count:
                return True
    return False


def stale(before: Page, after: Page, own: Own) -> bool:
    """Whether `after` is an old page: a canary was answered in between, and no counter shows it."""
    totals = (after.generated, after.prompt, after.iterations)
    return own.canaries > 0 and totals != (None,) * 3 and not moved(before, after)


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
    return errors <= 0 or errors <= turned_away(before, after)


def _growth(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else after - before
