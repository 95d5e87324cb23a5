"""Reading vLLM's metrics: both spellings, several engines, and pages that nobody should trust."""

from __future__ import annotations

import math
import re
import time

import pytest
from harness.inference import Inference
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.health.load_pages.samples import number
from resolverd.health.probes.vllm_metrics import Engine, Page, read_page, read_samples
from resolverd.health.probes.vllm_samples import find_lines, samples_of
from resolverd.health.readings import Buckets, Total
from resolverd.turns import at_once

# No deadline for one example: a loaded machine is no defect.
unhurried = hypothesis_settings(deadline=None)

NAMES = {
    "running": ["vllm:num_requests_running"],
    "waiting": ["vllm:num_requests_waiting"],
    "kv_usage": ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
    "generated": ["vllm:generation_tokens_total", "vllm:generation_tokens"],
    "prompt": ["vllm:prompt_tokens_total", "vllm:prompt_tokens"],
    "iterations": ["vllm:iteration_tokens_total_count", "vllm:iteration_tokens_count"],
    "rejections": ["vllm:admission_rejections_total", "vllm:admission_rejections"],
    "started": ["process_start_time_seconds"],
    "completed": [
        "vllm:request_success_total",
        "vllm:request_success",
        "vllm:e2e_request_latency_seconds_count",
    ],
}

WANTED = [
    *(name for names in NAMES.values() for name in names),
    *(f"vllm:time_to_first_token_seconds_{what}" for what in ("bucket", "sum", "count")),
    *(f"vllm:request_queue_time_seconds_{what}" for what in ("sum", "count")),
    "http_requests_total",
]


def test_a_page_of_vllm_tells_everything() -> None:
    page = at_once(read_page(Inference(generated=7, rejections=2).page()))
    assert page == Page(
        running=0,
        waiting=0,
        kv_usage=0.25,
        generated=7,
        prompt=7,
        iterations=7,
        rejections=2,
        started=1.7e9,
        ttft=Buckets((0.1, math.inf), (7, 7)),
        responses={"2xx": 1},
        engines={b'engine="0"': Engine(0, 0, 0.25, 7, 7, 7)},
    )
    assert page.tokens == 14


@pytest.mark.parametrize(("field", "name"), [(f, n) for f, names in NAMES.items() for n in names])
def test_each_spelling_is_known_with_labels_and_without(field: str, name: str) -> None:
    for text in (f"{name} 0.5\n", f'{name}{{engine="0",x="a b}}c"}} 0.5 1700000000\n'):
        assert getattr(at_once(read_page(text.encode())), field) == 0.5


def test_times_to_first_token_and_in_the_queue_are_added_up_over_engines() -> None:
    names = {"ttft_total": "time_to_first_token", "queue_total": "request_queue_time"}
    text = "".join(
        f'vllm:{name}_seconds_{what}{{engine="{n}"}} {n + 0.5}\n'
        for name in names.values()
        for what in ("sum", "count")
        for n in range(2)
    )
    page = at_once(read_page(text.encode()))
    assert (page.ttft_total, page.queue_total) == (Total(2.0, 2.0), Total(2.0, 2.0))
    for missing in ("_sum", "_count"):
        less = "\n".join(line for line in text.splitlines() if missing not in line) + "\n"
        page = at_once(read_page(less.encode()))
        assert (page.ttft_total, page.queue_total) == (None, None)


@pytest.mark.parametrize(
    "line",
    [
        'vllm:num_requests_waiting_by_reason{a="b"} 5',
        "# HELP vllm:num_requests_waiting 5",
        "xvllm:num_requests_waiting 5",
        "vllm:num_requests_waiting",
        "vllm:num_requests_waiting ",
        "vllm:num_requests_waiting{ 5",
        "vllm:num_requests_waiting five",
        "vllm:num_requests_waiting NaN",
        "vllm:num_requests_waiting +Inf",
        "vllm:num_requests_waiting -1",
        "vllm:num_requests_waiting 1e999",
    ],
)
def test_what_is_no_such_number_is_unknown_and_never_zero(line: str) -> None:
    assert at_once(read_page(f"{line}\n".encode())).waiting is None


def test_one_unreadable_engine_makes_the_sum_unknown() -> None:
    text = 'vllm:num_requests_waiting{engine="0"} 5\nvllm:num_requests_waiting{engine="1"} NaN\n'
    assert at_once(read_page(text.encode())).waiting is None


def test_engines_are_added_up_and_the_use_of_their_caches_is_the_mean() -> None:
    text = "".join(
        f'vllm:num_requests_running{{engine="{n}"}} {n}\n'
        f'vllm:kv_cache_usage_perc{{engine="{n}"}} 0.{n}\n'
        f'vllm:time_to_first_token_seconds_bucket{{engine="{n}",le="1.0"}} {n}\n'
        f'vllm:time_to_first_token_seconds_bucket{{engine="{n}",le="+Inf"}} {n + 1}\n'
        for n in (1, 2, 3)
    )
    page = at_once(read_page(text.encode()))
    assert page.running == 6
    assert page.kv_usage == pytest.approx(0.2)
    assert page.ttft == Buckets((1.0, math.inf), (6, 9))


def test_each_engine_is_told_for_itself_and_so_is_each_worker_of_a_gathered_page() -> None:
    text = "".join(
        f'vllm:generation_tokens_total{{engine="{n}",model_name="m",worker_addr="{w}"}} {n}\n'
        f'process_start_time_seconds{{worker_addr="{w}"}} 1{n}\n'
        for n, w in [(0, "a"), (1, "a"), (0, "b")]
    )
    page = at_once(read_page(text.encode()))
    assert {key: each.generated for key, each in page.engines.items()} == {
        b'engine="0",worker_addr="a"': 0,
        b'engine="1",worker_addr="a"': 1,
        b'engine="0",worker_addr="b"': 0,
    }
    assert (page.started, page.gathered) == (None, True)


def test_two_samples_that_nothing_tells_apart_are_no_engine() -> None:
    name = "vllm:generation_tokens_total"
    assert not at_once(read_page(f'{name}{{a="1"}} 1\n{name}{{a="2"}} 2\n'.encode())).engines


@pytest.mark.parametrize(
    ("models", "generated"),
    [((), None), (("m",), 5), (("m", "n"), None), (("x",), None), (('q"\\',), 9)],
)
def test_only_samples_of_the_expected_models_count(
    models: tuple[str, ...], generated: float | None
) -> None:
    text = "".join(
        f'vllm:generation_tokens_total{{engine="0",model_name="{m}"}} {n}\n'
        f'vllm:num_requests_waiting{{engine="0",model_name="{m}"}} {n}\n'
        for m, n in [("m", 5), ("n", 80), ('q\\"\\\\', 9)]
    )
    page = at_once(read_page(text.encode(), models))
    engine = page.engines.get(b'engine="0"')
    assert (engine.generated if engine else None) == generated
    assert page.waiting == (
        sum((5, 80, 9)) if not models else 85 if len(models) == 2 else generated
    )


def test_samples_that_name_no_model_count() -> None:
    assert at_once(read_page(b'vllm:num_requests_waiting{engine="0"} 5\n', ["m"])).waiting == 5


@pytest.mark.parametrize("share", ["1.0000001", "85", "-0.1", "NaN", "+Inf"])
def test_what_is_no_share_is_unknown(share: str) -> None:
    text = f'vllm:kv_cache_usage_perc{{engine="0"}} {share}\n'
    text += 'vllm:prompt_tokens_total{engine="0"} 1\n'
    page = at_once(read_page(text.encode()))
    assert page.kv_usage is None
    assert page.engines[b'engine="0"'].kv_usage is None


def test_an_exemplar_is_not_the_sample() -> None:
    text = 'vllm:generation_tokens_total{engine="0"} 5 # {trace_id="a{b}"} 0.5 1700000000\n'
    assert at_once(read_page(text.encode())).generated == 5
    bare = "vllm:generation_tokens_total 6 # {} 1\n"
    assert at_once(read_page(bare.encode())).generated == 6


def test_of_two_spellings_one_counts() -> None:
    text = "vllm:kv_cache_usage_perc 0.4\nvllm:gpu_cache_usage_perc 0.9\n"
    assert at_once(read_page(text.encode())).kv_usage == 0.4


def test_responses_are_those_of_handlers_that_generate() -> None:
    text = "".join(
        f'http_requests_total{{handler="{handler}",method="POST",status="{status}"}} {count}\n'
        for handler, status, count in [
            ("/v1/completions", "2xx", 1),
            ("/v1/chat/completions", "2xx", 10),
            ("/v1/chat/completions", "503", 100),
            ("/v1/models", "2xx", 1000),
        ]
    )
    assert at_once(read_page(text.encode())).responses == {"2xx": 11, "5xx": 100}
    only_models = b'http_requests_total{handler="/v1/models",method="GET",status="2xx"} 3\n'
    assert at_once(read_page(only_models)).responses == {}
    assert at_once(read_page(b"")).responses is None


@pytest.mark.parametrize(
    "buckets",
    [
        {"1.0": 5},
        {"1.0": 5, "+Inf": 4},
        {"x": 5, "+Inf": 6},
        {"-1": 5, "+Inf": 6},
    ],
)
def test_a_histogram_that_cannot_be_is_unknown(buckets: dict[str, int]) -> None:
    name = "vllm:time_to_first_token_seconds_bucket"
    text = "".join(f'{name}{{le="{le}"}} {count}\n' for le, count in buckets.items())
    assert at_once(read_page(text.encode())).ttft is None


def test_a_last_line_that_may_be_cut_short_is_ignored() -> None:
    assert (
        at_once(read_page(b"vllm:num_requests_waiting 5\nvllm:num_requests_running 1")).running
        is None
    )
    assert at_once(read_page(b"vllm:num_requests_waiting 5")).waiting is None


scraps = st.sampled_from(
    [n for names in NAMES.values() for n in names]
    + ["{", "}", '"', "=", ",", " ", "\t", "\n", "\\", "le", "status", "5xx", "NaN", "1e9", "7"]
    + ["http_requests_total", "vllm:time_to_first_token_seconds_bucket", "\x00", "é", "#"]
)


@unhurried
@given(st.lists(scraps, max_size=200).map("".join) | st.text(max_size=200))
def test_no_page_raises_and_what_is_told_is_sound(text: str) -> None:
    page = at_once(read_page(text.encode()))
    for field in NAMES:
        value = getattr(page, field)
        assert value is None or (math.isfinite(value) and value >= 0)
    assert page.kv_usage is None or page.kv_usage <= 1


@unhurried
@given(st.binary(max_size=300))
def test_no_octets_raise(text: bytes) -> None:
    at_once(read_page(text))


@pytest.mark.parametrize(
    "unit",
    [b"vllm:num_requests_waiting 1\n", b"vllm:num_requests_waiting{", b"}", b"\n", b"{} "],
)
def test_the_worst_page_costs_little(unit: bytes) -> None:
    """A mebibyte of anything: it must not keep the loop from other probes."""
    page = b"\nvllm:num_requests_waiting{" + unit * (1024 * 1024 // len(unit))
    began = time.process_time()
    at_once(read_page(page))
    assert time.process_time() - began < 0.5


# Pieces of lines, of which some make samples.
NAME_PIECES = st.sampled_from(
    [name for names in NAMES.values() for name in names]
    + ["vllm:time_to_first_token_seconds_bucket", "vllm:time_to_first_token_seconds_sum"]
    + ["http_requests_total", "vllm:num_requests", "vllm:prompt_tokens_total_created", "# HELP a"]
)
LABEL_PIECES = st.sampled_from(
    ["", '{engine="0"}', '{engine="0",model_name="m"}', '{model_name="n",engine="1"}', "{", "{}",
     '{le="0.5",engine="0"}', '{le="+Inf"}', '{le="x"}', '{a="b c"}', '{a="}\\" 1"}', '{a="b',
     '{handler="/v1/completions",status="2xx"}', '{handler="none",status="503"}']
)  # fmt: skip
GAPS = st.sampled_from([" "] * 6 + ["", "  ", "\t", " \t", "\r"])
VALUES = st.sampled_from(
    ["1", "2.5", "0.0", "7", "1e3", "NaN", "+Inf", "-1", "", "five", "1_0", "\t3", "4\t", "1" * 50,
     '5 # {trace="a"} 0.5 17', "6 1700000000", "8 ", "9\r", "0x1", "1" * 39 + ".5"]
)  # fmt: skip
LINES = st.lists(st.tuples(NAME_PIECES, LABEL_PIECES, GAPS, VALUES), max_size=12)


@unhurried
@given(LINES, st.sampled_from([(), ("m",), ("n", "m")]), st.booleans())
def test_samples_are_those_that_one_pattern_for_whole_lines_reads(
    lines: list[tuple[str, str, str, str]], models: tuple[str, ...], ends: bool
) -> None:
    text = "\n".join(map("".join, lines)).encode() + (b"\n" if ends else b"")
    found = [
        (series.name, repr(value))
        for samples in at_once(samples_of(at_once(find_lines(text)), models)).values()
        for series, value in samples
    ]
    names = "|".join(sorted(WANTED, key=len, reverse=True)).encode()
    whole = re.compile(
        rb"\n(%s)" % names + rb'(\{(?:[^"\n}]++|"(?:\\.|[^"\\\n])*+")*+\})?[ \t]+([^ \t\n]*)'
    )
    complete = b"\n" + text[: text.rfind(b"\n") + 1]
    expected = [
        (match[1].decode(), repr(number(match[3])))
        for match in whole.finditer(complete)
        if not models
        or not (model := re.search(rb'[{,]model_name="([^"]*)"', match[2] or b""))
        or model[1].decode() in models
    ]
    assert sorted(found) == sorted(expected)


# Lines that nearly all can be read, so that whole pages are of a layout.
PLAIN = st.lists(
    st.tuples(
        st.sampled_from(WANTED),
        st.sampled_from(
            ["", '{engine="0"}', '{engine="1",model_name="m"}', '{engine="0",model_name="n"}',
             '{le="0.5",engine="0"}', '{le="0.5"}', '{le="+Inf",engine="0"}', '{le="+Inf"}',
             '{handler="/v1/completions",status="2xx"}', '{handler="none",status="503"}']
        ),
        st.sampled_from(["0", "0.5", "1", "1.5", "2", "3", "1e308", "9" * 41, "NaN", "x", "-0.0"]),
    ),
    max_size=20,
)  # fmt: skip


@unhurried
@given(PLAIN, st.sampled_from([(), ("m",), ("n", "m")]))
def test_a_page_of_known_layout_tells_what_its_samples_one_by_one_do(
    lines: list[tuple[str, str, str]], models: tuple[str, ...]
) -> None:
    text = "".join(f"{name}{labels} {value}\n" for name, labels, value in lines).encode()
    one_by_one = at_once(read_samples(at_once(find_lines(text)), models))
    assert at_once(read_page(text, models)) == one_by_one
    buckets = [line for line in lines if "le=" in line[1] and line[2][0] in "0123"]
    text += "".join(
        f"vllm:time_to_first_token_seconds_bucket{labels} {value}\n" for _, labels, value in buckets
    ).encode()
    one_by_one = at_once(read_samples(at_once(find_lines(text)), models))
    assert at_once(read_page(text, models)) == one_by_one
