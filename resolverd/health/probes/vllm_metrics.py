"""vLLM's `/metrics` page: the few families that matter, found by name in the text format.

The page is not trusted: nothing in it raises, and what cannot be read is None, as is what is
missing. Samples of several engines (data parallel) are added up, but the use of the KV cache is
their mean: requests go to any engine, so the endpoint is full when all of them are, and one that
is full alone shows itself by what waits. Names differ between versions of vLLM; of several
spellings the first that occurs counts. Names and labels: vllm/v1/metrics/loggers.py and
prometheus-fastapi-instrumentator, as of vLLM 0.32.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resolverd.health.readings import Buckets

# One engine and one model have some fifty samples of these families; beyond this it is no vLLM.
_MOST_SAMPLES = 2000

_RUNNING = ("vllm:num_requests_running",)
_WAITING = ("vllm:num_requests_waiting",)
_KV_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_GENERATED = ("vllm:generation_tokens_total", "vllm:generation_tokens")
_PROMPT = ("vllm:prompt_tokens_total", "vllm:prompt_tokens")
_ITERATIONS = ("vllm:iteration_tokens_total_count", "vllm:iteration_tokens_count")
_REJECTIONS = ("vllm:admission_rejections_total", "vllm:admission_rejections")
_STARTED = ("process_start_time_seconds",)
_TTFT = ("vllm:time_to_first_token_seconds_bucket",)
_RESPONSES = ("http_requests_total",)
_NAMES = (
    *_RUNNING, *_WAITING, *_KV_USAGE, *_GENERATED, *_PROMPT, *_ITERATIONS, *_REJECTIONS,
    *_STARTED, *_TTFT, *_RESPONSES,
)  # fmt: skip


def _any_of(names: Iterable[str]) -> str:
    """A pattern for one of `names` that turns away what begins with another letter at a glance."""
    ordered = sorted(names, key=lambda name: (name[0], -len(name)))
    groups = itertools.groupby(ordered, key=lambda name: name[0])
    return "|".join(f"{a}(?:{'|'.join(name[1:] for name in group)})" for a, group in groups)


# One pass over the page, most of whose lines cost a glance at their first letters: 0.1 ms for the
# 600 lines of an idle server.
_SAMPLE = re.compile(
    rb"\n(vllm:(?:%s)|%s)(\{[^\n]{0,4000}\})?[ \t]+([^ \t\n]*)"
    % (
        _any_of(n.removeprefix("vllm:") for n in _NAMES if n.startswith("vllm:")).encode(),
        _any_of(n for n in _NAMES if not n.startswith("vllm:")).encode(),
    )
)
_BOUND = re.compile(rb'[{,]\s*le="([^"]{1,32})"')
_STATUS = re.compile(rb'[{,]\s*status="([1-5])(?:xx|\d\d)"')
_HANDLER = re.compile(rb'[{,]\s*handler="([^"]*)"')
# Handlers that generate, and "none", which some versions write for every handler.
_GENERATING = (b"completions", b"/responses", b"/messages", b"/generate", b"none")


@dataclass(frozen=True, slots=True)
class Page:
    """What one page told; totals only grow until the server starts anew.

    `generated`, `prompt` (tokens) and `iterations` (steps of the engine) are the progress.
    `rejections` counts requests turned away by a full queue. `responses` are totals by class of
    the handlers that generate, and None where the page tells no responses at all.
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
    responses: Mapping[str, float] | None = None

    @property
    def tokens(self) -> float | None:
        """Tokens read and written so far."""
        told = [total for total in (self.prompt, self.generated) if total is not None]
        return sum(told) if told else None


def read_page(text: bytes) -> Page:
    """What `text` tells. Never raises; a last line without its end is ignored."""
    samples = _samples(b"\n" + text[: text.rfind(b"\n") + 1])
    return Page(
        running=_sum(samples, _RUNNING),
        waiting=_sum(samples, _WAITING),
        kv_usage=_mean_share(samples, _KV_USAGE),
        generated=_sum(samples, _GENERATED),
        prompt=_sum(samples, _PROMPT),
        iterations=_sum(samples, _ITERATIONS),
        rejections=_sum(samples, _REJECTIONS),
        started=_sum(samples, _STARTED),
        ttft=_buckets(samples),
        responses=_responses(samples),
    )


# By name: the labels as they are written, and the value, NaN where it makes no sense.
_Samples = Mapping[str, list[tuple[bytes, float]]]


def _samples(page: bytes) -> _Samples:
    """The samples of the families above; none at all of a page that has absurdly many."""
    found: dict[str, list[tuple[bytes, float]]] = {}
    for count, match in enumerate(_SAMPLE.finditer(page)):
        if count == _MOST_SAMPLES:
            return {}
        name, labels, value = match.groups(b"")
        found.setdefault(name.decode(), []).append((labels, _number(value)))
    return found


def _sum(samples: _Samples, spellings: tuple[str, ...]) -> float | None:
    values = _values(samples, spellings)
    return sum(values) if values else None


def _mean_share(samples: _Samples, spellings: tuple[str, ...]) -> float | None:
    values = _values(samples, spellings)
    return min(1.0, sum(values) / len(values)) if values else None


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
        bound = math.inf if found[1] == b"+Inf" else _number(found[1])
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
    told: dict[str, float] = {}
    for labels, value in samples[_RESPONSES[0]]:
        handler, status = _HANDLER.search(labels), _STATUS.search(labels)
        if handler is None or status is None or not handler[1].endswith(_GENERATING):
            continue
        if math.isnan(value):
            return None
        answered = f"{status[1].decode()}xx"
        told[answered] = told.get(answered, 0.0) + value
    return told


def _number(text: bytes) -> float:
    """A finite number that is not negative, or NaN."""
    try:
        value = float(text[:40])
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and value >= 0 else math.nan
