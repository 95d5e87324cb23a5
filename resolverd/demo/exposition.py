"""What a simulated region counts, and how vLLM would write it at `/metrics`.

The families, labels and buckets are those of vLLM's V1 engine; the text is Prometheus'
exposition format 0.0.4, with labels sorted as prometheus_client sorts them.
"""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Upper bounds, as vLLM declares them.
ITERATION_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FIRST_TOKEN_SECONDS = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip


FINISH_REASONS = ("stop", "length", "abort", "error", "repetition")


@dataclass(slots=True)
class Histogram:
    """Observations by upper bound; `counts` has one place more, for those above all bounds."""

    bounds: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float, times: int = 1) -> None:
        """Count one value, seen so many times."""
        self.counts[bisect.bisect_left(self.bounds, value)] += times
        self.total += value * times


@dataclass(slots=True)
class Workload:
    """What the server has done and is doing; `kv_cache` is a fraction of 1.

    `responses` counts by handler, method and class of status, `rejected` those turned away.
    """

    started_at: float
    running: int = 0
    waiting: int = 0
    kv_cache: float = 0.0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FINISH_REASONS, 0))
    iteration_tokens: Histogram = field(default_factory=lambda: Histogram(ITERATION_TOKENS))
    first_token: Histogram = field(default_factory=lambda: Histogram(FIRST_TOKEN_SECONDS))
    awake: bool = True
    rejected: int = 0
    responses: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def respond(self, handler: str, method: str, status: int, times: int = 1) -> None:
        """Count responses, as the API server's instrumentation does."""
        self.responses[(handler, method, f"{status // 100}xx")] += times


def exposition(work: Workload, model: str) -> str:
    """The whole page; `model` is the served model's name."""
    return "".join(f"{line}\n" for line in _lines(work, model))


def _lines(work: Workload, model: str) -> Iterator[str]:
    yield from _single(
        "process_start_time_seconds", "gauge",
        "Start time of the process since unix epoch in seconds.", "", work.started_at,
    )  # fmt: skip
    labels = f'engine="0",model_name="{model}"'
    for name, kind, meaning, value in (
        ("num_requests_running", "gauge",
         "Number of requests in model execution batches.", work.running),
        ("num_requests_waiting", "gauge",
         "Number of requests waiting to be processed.", work.waiting),
        ("kv_cache_usage_perc", "gauge",
         "KV-cache usage. 1 means 100 percent usage.", work.kv_cache),
        ("num_preemptions_total", "counter",
         "Cumulative number of preemption from the engine.", 0),
        ("prompt_tokens_total", "counter",
         "Number of prefill tokens processed.", work.prompt_tokens),
        ("generation_tokens_total", "counter",
         "Number of generation tokens processed.", work.generation_tokens),
    ):  # fmt: skip
        yield from _single(f"vllm:{name}", kind, meaning, f"{{{labels}}}", float(value))
    yield from _family(
        "vllm:request_success_total", "counter", "Count of successfully processed requests.",
        ((f'engine="0",finished_reason="{reason}",model_name="{model}"', count)
         for reason, count in work.finished.items()),
    )  # fmt: skip
    yield from _family(
        "vllm:engine_sleep_state", "gauge",
        "Engine sleep state; awake = 0 means engine is sleeping; "
        "awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; "
        "discard_all = 1 means sleep level 2.",
        ((f'engine="0",model_name="{model}",sleep_state="{state}"', value)
         for state, value in (("awake", work.awake), ("weights_offloaded", not work.awake),
                              ("discard_all", 0))),
    )  # fmt: skip
    yield from _family(
        "vllm:admission_rejections_total", "counter",
        "Number of admission attempts rejected by a queue limit, by reason.",
        ((f'model_name="{model}",reason="{reason}"', count)
         for reason, count in (("max_num_queued_reqs", work.rejected),
                               ("max_num_queued_tokens", 0))),
    )  # fmt: skip
    yield from _family(
        "http_requests_total", "counter",
        "Total number of requests by method, status and handler.",
        ((f'handler="{handler}",method="{method}",status="{status}"', count)
         for (handler, method, status), count in work.responses.items()),
    )  # fmt: skip
    yield from _histogram(
        "vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.",
        model, work.iteration_tokens,
    )  # fmt: skip
    yield from _histogram(
        "vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.",
        model, work.first_token,
    )  # fmt: skip


def _family(
    name: str, kind: str, meaning: str, samples: Iterable[tuple[str, float]]
) -> Iterator[str]:
    yield from _head(name, kind, meaning)
    for labels, value in samples:
        yield f"{name}{{{labels}}} {float(value)}"


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _single(name: str, kind: str, meaning: str, labels: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, meaning)
    yield f"{name}{labels} {value}"


def _histogram(name: str, meaning: str, model: str, seen: Histogram) -> Iterator[str]:
    yield from _head(name, "histogram", meaning)
    running = 0
    for bound, count in zip((*seen.bounds, math.inf), seen.counts, strict=True):
        running += count
        upper = "+Inf" if math.isinf(bound) else str(float(bound))
        yield f'{name}_bucket{{engine="0",le="{upper}",model_name="{model}"}} {float(running)}'
    labels = f'engine="0",model_name="{model}"'
    yield f"{name}_count{{{labels}}} {float(running)}"
    yield f"{name}_sum{{{labels}}} {seen.total}"
