"""The samples of vLLM's `/metrics` page that matter, found by name in the text format; pure.

    page ─► lines that begin with a name that matters ─► series (name, labels), and its value

A page has some 600 lines, of which forty matter, and these name the same series each time, at this
server and at the others. So one pattern without a group passes over the page, for half the cost of
one that reads labels as well; and what a series' name and labels tell is kept by how it is written
(so is what a whole page of the same series tells, in `vllm_layout`). A line that is not just a
series, one space and a number is read by the pattern for all of them.

What cannot be read is no sample, or NaN. An exemplar (OpenMetrics 1.0, 4.6) is no sample.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Generator, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from resolverd.health.load_pages.samples import number, slices

# One engine and one model have some fifty samples of these families; a page with more than those
# of some two hundred engines is not known.
_MAX_SAMPLES = 10_000

RUNNING = ("vllm:num_requests_running",)
WAITING = ("vllm:num_requests_waiting",)
KV_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
GENERATED = ("vllm:generation_tokens_total", "vllm:generation_tokens")
PROMPT = ("vllm:prompt_tokens_total", "vllm:prompt_tokens")
ITERATIONS = ("vllm:iteration_tokens_total_count", "vllm:iteration_tokens_count")
REJECTIONS = ("vllm:admission_rejections_total", "vllm:admission_rejections")
STARTED = ("process_start_time_seconds",)
TTFT = ("vllm:time_to_first_token_seconds_bucket",)
TTFT_SECONDS = ("vllm:time_to_first_token_seconds_sum",)
TTFT_COUNT = ("vllm:time_to_first_token_seconds_count",)
QUEUE_SECONDS = ("vllm:request_queue_time_seconds_sum",)
QUEUE_COUNT = ("vllm:request_queue_time_seconds_count",)
COMPLETED = (
    "vllm:request_success_total", "vllm:request_success", "vllm:e2e_request_latency_seconds_count",
)  # fmt: skip
RESPONSES = ("http_requests_total",)
_BY_ENGINE = (*RUNNING, *WAITING, *KV_USAGE, *GENERATED, *PROMPT, *ITERATIONS)
_NAMES = (
    *_BY_ENGINE, *REJECTIONS, *STARTED, *TTFT, *TTFT_SECONDS, *TTFT_COUNT, *QUEUE_SECONDS,
    *QUEUE_COUNT, *COMPLETED, *RESPONSES,
)  # fmt: skip
WANTED = tuple(name.encode() for name in _NAMES)
"""The names of all families that matter, as they are written."""


def _any_of(names: Iterable[str]) -> str:
    """A pattern for one of `names` that turns away what begins with another letter at a glance."""
    ordered = sorted(names, key=lambda name: (name[0], -len(name)))
    groups = itertools.groupby(ordered, key=lambda name: name[0])
    return "|".join(f"{a}(?:{'|'.join(name[1:] for name in group)})" for a, group in groups)


_NAME = rb"vllm:(?:%s)|%s" % (
    _any_of(n.removeprefix("vllm:") for n in _NAMES if n.startswith("vllm:")).encode(),
    _any_of(n for n in _NAMES if not n.startswith("vllm:")).encode(),
)
# Lines that matter: 60 microseconds for the 600 lines of an idle server.
_LINE = re.compile(rb"\n(?:%s)[{ \t][^\n]*" % _NAME)
_SAMPLE = re.compile(
    rb"\n(%s)"
    rb'(\{(?:[^"\n}]++|"(?:\\.|[^"\\\n])*+")*+\})?'  # labels, and not those of an exemplar
    rb"[ \t]+([^ \t\n]*)" % _NAME
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
# Series that are kept, and octets of the longest: of one server there are some forty, which most
# others have too.
_KEPT, MAX_WRITTEN = 4096, 512
# Octets of a value that are read.
MAX_VALUE = 40


class Series(NamedTuple):
    """What a name and labels tell; each of the last three is of the families alone that want it.

    `model` is that of its label, None where it has none. `source` are the labels by which an engine
    is told from others. `bound` is a bucket's in seconds, None where it has none, and NaN where it
    makes no sense. `answered` is a class of responses (``"2xx"``) of a handler that generates,
    empty for any other.
    """

    name: str
    model: bytes | None
    source: bytes = b""
    bound: float | None = None
    answered: str = ""


Samples = Mapping[str, list[tuple[Series, float]]]
"""By name: the series, and the value, NaN where it makes no sense."""


def find_lines(page: bytes) -> Generator[None, None, list[bytes]]:
    """The lines that begin with the name of a family above, each led by a line feed; in steps.

    Never raises.
    """
    found: list[bytes] = []
    for part in slices(page):
        found += _LINE.findall(part)
        yield
    return found


def samples_of(lines: Iterable[bytes], models: Collection[str]) -> Generator[None, None, Samples]:
    """The samples of `lines` of one of `models`, of any where none is named; in steps.

    Never raises; none at all where there are absurdly many.
    """
    wanted = escaped(models)
    found: dict[str, list[tuple[Series, float]]] = {}
    count = 0
    for place, line in enumerate(lines):
        if place % 256 == 255:
            yield
        sample = _sample(line)
        if sample is None:
            continue
        count += 1
        if count > _MAX_SAMPLES:
            return {}
        series = sample[0]
        if wanted and series.model is not None and series.model not in wanted:
            continue
        found.setdefault(series.name, []).append(sample)
    return found


def escaped(models: Collection[str]) -> frozenset[bytes]:
    """The names of models as `Series.model` has them."""
    return frozenset(map(_escaped, models))


def _escaped(name: str) -> bytes:
    """A label's value as the text format writes it."""
    name = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return name.encode(errors="replace")


def _sample(line: bytes) -> tuple[Series, float] | None:
    """The sample of a line, which a line feed begins and none ends; None where it is none."""
    written, _, text = line.rpartition(b" ")
    if len(text) <= MAX_VALUE and len(written) <= MAX_WRITTEN:
        series = series_of(written)
        if series is not None and not math.isnan(value := number(text)):
            return series, value
    match = _SAMPLE.match(line)
    if match is None:
        return None
    name, labels, text = match.groups(b"")
    return _series(name, labels), number(text)


@lru_cache(_KEPT)
def series_of(written: bytes) -> Series | None:
    """The series, where `written` is a line feed and one: after a space, a value may follow."""
    match = _SAMPLE.match(written + b" 0")
    if match is None:
        return None
    name, labels, _ = match.groups(b"")
    return _series(name, labels) if len(name) + len(labels) + 1 == len(written) else None


def _series(written: bytes, labels: bytes) -> Series:
    name, model = written.decode(), _MODEL.search(labels)
    made = Series(name, model[1] if model else None)
    if name in _BY_ENGINE and labels:
        return made._replace(source=b",".join(sorted(_SOURCE.findall(labels))))
    if name in TTFT and (found := _BOUND.search(labels)):
        bound = math.inf if found[1] == b"+Inf" else number(found[1])
        return made._replace(bound=bound)
    if name in RESPONSES:
        handler, status = _HANDLER.search(labels), _STATUS.search(labels)
        if handler and status and handler[1].endswith(_GENERATING):
            return made._replace(answered=f"{status[1].decode()}xx")
    return made
