"""vLLM's `/metrics` page: the few families that matter, found by name in the text format.

The page is not trusted: nothing in it raises, and what cannot be read is None, as is what is
missing. Samples that name another model in `model_name` are not read. Samples of several engines
are kept apart in `engines`, and added up for the page as a whole, but the use of the KV cache is
their mean: requests go to any engine, so the endpoint is full when all of them are, and one that
is full alone shows itself by what waits. Names differ between versions of vLLM; of several
spellings the first that occurs counts. Names and labels: vllm/v1/metrics/loggers.py and
prometheus-fastapi-instrumentator, as of vLLM 0.32. An exemplar (OpenMetrics 1.0, 4.6) is no sample.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field

from resolverd.health.load_pages.samples import number, slices
from resolverd.health.readings import Buckets, Total

# One engine and one model have some fifty samples of these families; a page with more than those
# of some two hundred engines is not known.
_MAX_SAMPLES = 10_000

_RUNNING = ("vllm:num_requests_running",)
_WAITING = ("vllm:num_requests_waiting",)
_KV_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_GENERATED = ("vllm:generation_tokens_total", "vllm:generation_tokens")
_PROMPT = ("vllm:prompt_tokens_total", "vllm:prompt_tokens")
_ITERATIONS = ("vllm:iteration_tokens_total_count", "vllm:iteration_tokens_count")
_REJECTIONS = ("vllm:admission_rejections_total", "vllm:admission_rejections")
_STARTED = ("process_start_time_seconds",)
_TTFT = ("vllm:time_to_first_token_seconds_bucket",)
_TTFT_SECONDS = ("vllm:time_to_first_token_seconds_sum",)
_TTFT_COUNT = ("vllm:time_to_first_token_seconds_count",)
_QUEUE_SECONDS = ("vllm:request_queue_time_seconds_sum",)
_QUEUE_COUNT = ("vllm:request_queue_time_seconds_count",)
_COMPLETED = (
    "vllm:request_success_total", "vllm:request_success", "vllm:e2e_request_latency_seconds_count",
)  # fmt: skip
_RESPONSES = ("http_requests_total",)
_BY_ENGINE = {
    "running": _RUNNING, "waiting": _WAITING, "kv_usage": _KV_USAGE,
    "generated": _GENERATED, "prompt": _PROMPT, "iterations": _ITERATIONS,
}  # fmt: skip
_NAMES = (
    *_RUNNING, *_WAITING, *_KV_USAGE, *_GENERATED, *_PROMPT, *_ITERATIONS, *_REJECTIONS,
    *_STARTED, *_TTFT, *_TTFT_SECONDS, *_TTFT_COUNT, *_QUEUE_SECONDS, *_QUEUE_COUNT, *_COMPLETED,
    *_RESPONSES,
)  # fmt: skip


def _any_of(names: Iterable[str]) -> str:
    """A pattern for one of `names` that turns away what begins with another letter at a glance."""
    ordered = sorted(names, key=lambda name: (name[0], -len(name)))
    groups = itertools.groupby(ordered, key=lambda name: name[0])
    return "|".join(f"{a}(?:{'|'.join(name[1:] for name in group)})" for a, group in groups)


# One pass over the page, most of whose lines cost a glance at their first letters: 0.1 ms for the
# 600 lines of an idle server.
_SAMPLE = re.compile(
    rb"\n(vllm:(?:%s)|%s)"
    rb'(\{(?:[^"\n}]++|"(?:\\.|[^"\\\n])*+")*+\})?'  # labels, and not those of an exemplar
    rb"[ \t]+([^ \t\n]*)"
    % (
        _any_of(n.removeprefix("vllm:") for n in _NAMES if n.startswith("vllm:")).encode(),
        _any_of(n for n in _NAMES if not n.startswith("vllm:")).encode(),
    )
)
_MODEL = re.compile(rb'[{,]\s*model_name="((?:\\.|[^"\\\n])*+)"')
# What tells one engine, or one worker on a page gathered from several, from another.
_SOURCE = re.compile(
    rb"[{,]\s*((?:engine|instance|pod|server|backend|worker|worker_id|worker_addr|dp_rank)"
    rb'="[^"\n]{0,200}")'
)
_BOUND = re.compile(rb'[{,]\s*le="([^"]{1,32})"')
_STATUS = re.compile(rb'[{,]\s*status="([1-5])(?:xx|\d\d)"')
_HANDLER = re.compile(rb'[{,]\s*handler="([^"]*)"')
# Handlers that generate, and "none", which some versions write for every handler.
_GENERATING = (b"completions", b"/responses", b"/messages", b"/generate", b"none")


@dataclass(frozen=True, slots=True)
class Engine:
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


@dataclass(frozen=True, slots=True)
class Page:
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
    engines: Mapping[bytes, Engine] = field(default_factory=dict)

    @property
    def of_vllm(self) -> bool:
        """Whether it is the page of a vLLM: it has counters by the names that vLLM gives them."""
        return bool(self.engines)

    @property
    def tokens(self) -> float | None:
        """Tokens read and written so far."""
        counts = [total for total in (self.prompt, self.generated) if total is not None]
        return sum(counts) if counts else None


def read_page(text: bytes, models: Collection[str] = ()) -> Generator[None, None, Page]:
    """What `text` tells of one of `models`, of any where none is named; in steps.

    Never raises; a last line without its end is ignored.
    """
    samples = yield from _samples(text, {_escaped(name) for name in models})
    engines = yield from _engines(samples)
    buckets = _buckets(samples)
    yield
    responses = _responses(samples)
    yield
    starts = _values(samples, _STARTED)
    return Page(
        running=_sum(samples, _RUNNING),
        waiting=_sum(samples, _WAITING),
        kv_usage=_mean_share(samples, _KV_USAGE),
        generated=_sum(samples, _GENERATED),
        prompt=_sum(samples, _PROMPT),
        iterations=_sum(samples, _ITERATIONS),
        rejections=_sum(samples, _REJECTIONS),
        started=starts[0] if len(starts) == 1 else None,
        ttft=buckets,
        ttft_total=_total(samples, _TTFT_SECONDS, _TTFT_COUNT),
        queue_total=_total(samples, _QUEUE_SECONDS, _QUEUE_COUNT),
        completed=_sum(samples, _COMPLETED),
        responses=responses,
        gathered=len(starts) > 1,
        engines=engines,
    )


# By name: the labels as they are written, and the value, NaN where it makes no sense.
_Samples = Mapping[str, list[tuple[bytes, float]]]


def _samples(page: bytes, models: Collection[bytes]) -> Generator[None, None, _Samples]:
    """The samples of the families above; none at all of a page that has absurdly many."""
    found: dict[str, list[tuple[bytes, float]]] = {}
    count = 0
    for part in slices(page):
        for match in _SAMPLE.finditer(part):
            count += 1
            if count > _MAX_SAMPLES:
                return {}
            name, labels, value = match.groups(b"")
            if models and (model := _MODEL.search(labels)) and model[1] not in models:
                continue
            found.setdefault(name.decode(), []).append((labels, number(value)))
        yield
    return found


def _escaped(name: str) -> bytes:
    """A label's value as the text format writes it."""
    name = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return name.encode(errors="replace")


def _engines(samples: _Samples) -> Generator[None, None, Mapping[bytes, Engine]]:
    """Each engine that has a counter of progress; none where the page mixes two of one name."""
    engines: dict[bytes, dict[str, float | None]] = {}
    for field_name, spellings in _BY_ENGINE.items():
        for name in spellings:
            if name in samples:
                for count, (labels, value) in enumerate(samples[name]):
                    if count % 256 == 255:
                        yield
                    engine = engines.setdefault(_source(labels), {})
                    known = math.isfinite(value) and (field_name != "kv_usage" or value <= 1)
                    # Two samples of one engine cannot be told apart.
                    engine[field_name] = value if known and field_name not in engine else None
                break
    progress = ("generated", "prompt", "iterations")
    return {
        source: Engine(**values)
        for source, values in engines.items()
        if any(values.get(name) is not None for name in progress)
    }


def _source(labels: bytes) -> bytes:
    return b",".join(sorted(_SOURCE.findall(labels))) if labels else b""


def _sum(samples: _Samples, spellings: tuple[str, ...]) -> float | None:
    values = _values(samples, spellings)
    return sum(values) if values else None


def _total(samples: _Samples, seconds: tuple[str, ...], count: tuple[str, ...]) -> Total | None:
    """The sum and the count of a histogram; None where either is missing."""
    added, counted = _sum(samples, seconds), _sum(samples, count)
    return None if added is None or counted is None else Total(added, counted)


def _mean_share(samples: _Samples, spellings: tuple[str, ...]) -> float | None:
    """The mean of shares; what is more than 1 is no share, and makes it unknown."""
    values = _values(samples, spellings)
    return sum(values) / len(values) if values and max(values) <= 1 else None


def _values(samples: _Samples, spellings: tuple[str, ...]) -> list[float]:
    """The values of the first spelling that occurs; none where one of them is unreadable."""
    for name in spellings:
        if name in samples:
            values = [value for _, value in samples[name]]
            return [] if any(map(math.isnan, values)) else values
    return []


def _buckets(samples: _Samples) -> Buckets | None:
    counts: dict[float, float] = {}
    for labels, value in samples.get(_TTFT[0], ()):
        found = _BOUND.search(labels)
        if found is None:
            return None
        bound = math.inf if found[1] == b"+Inf" else number(found[1])
        counts[bound] = counts.get(bound, 0.0) + value
    if not counts or any(map(math.isnan, (*counts, *counts.values()))):
        return None
    bounds = sorted(counts)
    ordered = [counts[bound] for bound in bounds]
    if not math.isinf(bounds[-1]) or ordered != sorted(ordered):
        return None
    return Buckets(tuple(bounds), tuple(ordered))


def _responses(samples: _Samples) -> Mapping[str, float] | None:
    if _RESPONSES[0] not in samples:
        return None
    totals: dict[str, float] = {}
    for labels, value in samples[_RESPONSES[0]]:
        handler, status = _HANDLER.search(labels), _STATUS.search(labels)
        if handler is None or status is None or not handler[1].endswith(_GENERATING):
            continue
        if math.isnan(value):
            return None
        answered = f"{status[1].decode()}xx"
        totals[answered] = totals.get(answered, 0.0) + value
    return totals
