"""What one page of vLLM's metrics says: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from resolverd.health.probes import vllm_samples as names
from resolverd.health.readings import Buckets, Total

BY_ENGINE = {
    "running": names.RUNNING, "waiting": names.WAITING, "kv_usage": names.KV_USAGE,
    "generated": names.GENERATED, "prompt": names.PROMPT, "iterations": names.ITERATIONS,
}  # fmt: skip
"""The figures of an `Engine`, in its order, by the spellings of their names."""


class Engine(NamedTuple):
    """What the page says of one engine; None is not known.

    `running` and `waiting` count requests, `kv_usage` is a share from 0 to 1; the others are
    totals since it started: tokens `generated`, tokens of a `prompt` read, and `iterations`.
    """

    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    generated: float | None = None
    prompt: float | None = None
    iterations: float | None = None


_NO_ENGINES: Mapping[bytes, Engine] = MappingProxyType({})


class Page(NamedTuple):
    """What one page says; totals only grow until the server starts anew.

    `generated`, `prompt` (tokens) and `iterations` (steps of the engine) are the progress.
    `rejections` counts requests turned away by a full queue, `completed` those that are finished,
    however; `ttft_total` and `queue_total` are times to first token and in the queue. `responses`
    are totals by class of the handlers that generate, and None where the page tells no responses at
    all. `started` is the start in Unix seconds of the one process that made the page, None where it
    tells none (vLLM with several API servers) or several (`gathered`). `engines` are the engines by
    their labels.
    """

    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    generated: float | None = None
    prompt: float | None = None
    iterations: float | None = None
    rejections: float | None = None
    started: float | None = None
    ttft: Buckets | None = None
    ttft_total: Total | None = None
    queue_total: Total | None = None
    completed: float | None = None
    responses: Mapping[str, float] | None = None
    gathered: bool = False
    engines: Mapping[bytes, Engine] = _NO_ENGINES

    @property
    def of_vllm(self) -> bool:
        """Whether it is the page of a vLLM: it has counters by the names that vLLM gives them."""
        return bool(self.engines)

    @property
    def tokens(self) -> float | None:
        """Tokens read and written so far."""
        counts = [total for total in (self.prompt, self.generated) if total is not None]
        return sum(counts) if counts else None
