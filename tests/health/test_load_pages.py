"""What the load pages of other servers tell: recorded ones, odd ones, hostile ones."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.config.load_mapping import check_mapping, parse_metric
from resolverd.health.load_pages import FORMATS, LoadPage, format_of, read_page
from resolverd.health.load_pages.samples import find_samples
from resolverd.turns import at_once

PAGES = Path(__file__).parent / "load_pages"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.mark.parametrize(
    ("name", "model", "load"),
    [
        ("sglang", LLAMA, (162, 2826, 0.28, 8128902 + 7557572)),
        ("tgi", "m", (5, 3, None, 7500)),
        ("llama.cpp", "m", (0, 0, None, 12 + 9)),
        ("litellm", "m", (1, None, None, 0)),
        ("vllm-router", "m", (0, None, None, None)),
        ("sglang-router", "m", (0, None, None, None)),
        ("dynamo", "Qwen/Qwen3-0.6B", (12, 4, None, 3000)),
        ("tensorrt-llm", "m", (3, 1, 0.62, None)),
        ("triton", "tensorrt_llm", (4, 1, 0.4875, None)),
        ("inference-pool", "m", (2, 6, 0.25, None)),
        ("llm-d", "m", (2, 6, 0.25, None)),
    ],
)
def test_each_servers_page_is_known_and_read(
    name: str, model: str, load: tuple[float | None, ...]
) -> None:
    text = (PAGES / f"{name}.txt").read_bytes()
    for page_format in ("auto", name):
        page = at_once(read_page(text, format_=page_format, models={model}))
        assert page is not None
        assert page.format == name
        assert (page.running, page.waiting, page.kv_usage, page.tokens) == load


def test_each_format_but_the_vllm_kinds_own_has_its_page() -> None:
    names = {path.stem for path in PAGES.glob("*.txt")}
    assert names == {each.name for each in FORMATS} - {"vllm"}


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"<html>404</html>", b"[]", b"{}", b"null", b"[1]", b'[{"id": 0}]', b"[" * 99_999,
     b"go_goroutines 7\n", b"sglang:unheard_of 7\n", b"llamacpp:requests_processing"],
)  # fmt: skip
def test_a_page_that_tells_nothing_is_unknown_and_never_zero(text: bytes) -> None:
    assert at_once(read_page(text)) is None


@pytest.mark.parametrize(
    ("line", "running"),
    [
        (b"sglang:num_running_reqs 3", 3),
        (b"sglang:num_running_reqs 3 1700000000000", 3),
        (b'sglang:num_running_reqs{a="}"} 3', 3),
        (b'sglang:num_running_reqs{a="\\"} 9"} 3', 3),
        (b"sglang:num_running_reqs 3 # {trace_id=\"x\"} 99", 3),
        (b"sglang:num_running_reqs 3\r", 3),
        (b"sglang:num_running_reqs NaN", None),
        (b"sglang:num_running_reqs -1", None),
        (b"sglang:num_running_reqs +Inf", None),
        (b"sglang:num_running_reqs many", None),
        (b"sglang:num_running_reqs 3\nsglang:num_running_reqs{x=\"1\"} NaN", None),
        (b"sglang:num_running_reqs_by_reason 3", None),
        (b"# sglang:num_running_reqs 3", None),
    ],
)  # fmt: skip
def test_samples_are_read_as_the_format_says(line: bytes, running: float | None) -> None:
    page = at_once(read_page(b"sglang:token_usage 0.5\n" + line + b"\n"))
    assert page is not None
    assert (page.running, page.kv_usage) == (running, 0.5)


@pytest.mark.parametrize(("value", "usage"), [("1", 1), ("1.0000001", None), ("85", None)])
def test_a_share_over_one_is_unknown(value: str, usage: float | None) -> None:
    page = at_once(read_page(f"sglang:token_usage {value}\nsglang:num_running_reqs 1\n".encode()))
    assert page is not None
    assert page.kv_usage == usage


def test_only_the_models_that_are_asked_for_count() -> None:
    text = (
        b'sglang:num_running_reqs{model_name="a"} 3\nsglang:num_running_reqs{model_name="b"} 40\n'
        b"sglang:token_usage 0.5\n"
    )
    for models, running in [({"a"}, 3), ({"A", "b"}, 43), ((), 43), ({"c"}, None)]:
        page = at_once(read_page(text, models=models))
        assert page is not None
        assert (page.running, page.kv_usage) == (running, 0.5)


@given(st.binary(max_size=500))
def test_no_octets_raise(text: bytes) -> None:
    for each in FORMATS:
        at_once(read_page(text, format_=each))
    at_once(read_page(b"[" + text))


PARTS = (
    b"sglang:num_running_reqs", b"llamacpp:n_decode_total", b"inference_pool_ready_pods", b"{",
    b"}", b'a="', b'"', b"\\", b" ", b"7", b"1e999", b"\n", b",", b"# ",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=60))
def test_no_page_like_page_raises_or_gives_what_is_no_number(parts: list[bytes]) -> None:
    page = at_once(read_page(b"".join(parts) + b"\n"))
    if page is not None:
        for value in (page.running, page.waiting, page.kv_usage, *page.work.values()):
            assert value is None or (math.isfinite(value) and value >= 0)


@pytest.mark.parametrize(
    "line",
    [b'sglang:num_running_reqs{a="b",' * 40_000, b"sglang:num_running_reqs{" + b'"' * 1_000_000,
     b"sglang:num_running_reqs 1\n" * 40_000, b"\n" * 1_000_000],
    ids=["labels", "quotes", "samples", "lines"],
)  # fmt: skip
def test_a_hostile_page_costs_no_more_than_an_honest_one_of_its_size(line: bytes) -> None:
    began = time.process_time()
    at_once(read_page(b"sglang:token_usage 0.5\n" + line + b"\n"))
    assert time.process_time() - began < 1.0


def test_absurdly_many_samples_are_none_at_all() -> None:
    assert at_once(find_samples(b"a 1\n" * 6000, ["a"])) == {}


SLOTS = (
    b'[{"id":0,"n_ctx":4096,"is_processing":%s,"id_task":%d,"next_token":[{"n_decoded":%d}],'
    b'"n_prompt_tokens_processed":%d},{"id":1,"n_ctx":4096,"is_processing":false,"id_task":-1}]'
)


def slots(busy: bool, task: int, decoded: int, read: int) -> LoadPage:
    page = at_once(read_page(SLOTS % (b"true" if busy else b"false", task, decoded, read)))
    assert page is not None
    return page


def test_slots_tell_what_is_running_and_how_far_it_is() -> None:
    assert slots(True, 7, 0, 2048).running == 1
    assert slots(False, 7, 0, 2048) == LoadPage("llama.cpp", running=0.0)
    assert slots(True, 7, 0, 4096).worked_since(slots(True, 7, 0, 2048), 0)
    assert slots(True, 7, 1, 4096).worked_since(slots(True, 7, 0, 4096), 0)
    assert not slots(True, 7, 0, 2048).worked_since(slots(True, 7, 0, 2048), 0)
    assert not slots(True, 8, 9, 9).worked_since(slots(True, 7, 0, 0), 0)


def test_llama_cpp_shows_a_prompt_of_16000_tokens_by_its_slots_alone() -> None:
    """b11434, 20 s apart, while it answered nothing else: recorded."""
    before, after = (
        at_once(read_page((PAGES / f"llama.cpp-slots-{n}.json").read_bytes())) for n in (1, 2)
    )
    assert before is not None
    assert after is not None
    assert (before.running, after.running) == (2, 1)
    assert after.worked_since(before, 0)
    assert not before.worked_since(before, 0)


def page_with(work: dict[str, float], started: float | None = None) -> LoadPage:
    return LoadPage("x", started=started, work=work)


@pytest.mark.parametrize(
    ("before", "after", "own", "worked"),
    [
        (page_with({"a": 1}), page_with({"a": 2}), 0, True),
        (page_with({"a": 1}), page_with({"a": 6}), 5, False),
        (page_with({"a": 1}), page_with({"a": 7}), 5, True),
        (page_with({"a": 1, "b": 1}), page_with({"a": 1, "b": 2}), 0, True),
        (page_with({"a": 1, "b": 9}), page_with({"a": 2, "b": 3}), 0, False),
        (page_with({"a": 1}), page_with({"b": 9}), 0, False),
        (page_with({"a": 1}, 7.0), page_with({"a": 9}, 8.0), 0, False),
        (page_with({"a": 1}), LoadPage("y", work={"a": 9}), 0, False),
    ],
)
def test_work_is_what_grew_beyond_our_own_within_one_process(
    before: LoadPage, after: LoadPage, own: float, worked: bool
) -> None:
    assert after.worked_since(before, own) is worked


def test_any_page_is_read_by_a_mapping() -> None:
    text = b'q{kind="a"} 3\nq{kind="b"} 4\nr 5\nuse 85\nn_total 100\nsteps 7\n'
    mapping = {
        "running": "r", "waiting": 'q{kind="a"}', "kv_usage_percent": "use", "tokens": "n_total",
        "work": "steps",
    }  # fmt: skip
    page_format = format_of(mapping)
    assert page_format is not None
    page = at_once(read_page(text, format_=page_format))
    assert page is not None
    assert (page.running, page.waiting, page.kv_usage, page.tokens) == (5, 3, 0.85, 100)
    assert page.work == {"steps": 7, "n_total": 100}
    assert format_of({}) is None


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"runing": "a"}, 'load has no "runing"; write one of running, waiting'),
        ({"running": "a b"}, '"a b" is not a metric'),
        ({"running": ""}, '"" is not a metric'),
        ({"running": "a{b}"}, '"b" is not a label'),
        ({"kv_usage": "a", "kv_usage_percent": "b"}, "write kv_usage alone"),
    ],
)
def test_a_mapping_that_makes_no_sense_says_what_to_write(
    mapping: dict[str, str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem.replace("{", r"\{")):
        check_mapping(mapping)


def test_a_metric_has_a_name_and_labels() -> None:
    assert parse_metric('a:b{c="d", e="f"}') == ("a:b", (("c", "d"), ("e", "f")))
    assert parse_metric("a") == ("a", ())
