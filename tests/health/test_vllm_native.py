"""Pages that look as the last one did, read by the native library: as others are, or not at all."""

from __future__ import annotations

import pytest
from harness.inference import Inference
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resolverd.abi.library import why_not
from resolverd.abi.pages import PageLayout, SeriesReader
from resolverd.health.probes.vllm_layout import KnownLayout
from resolverd.health.probes.vllm_metrics import Page, read_page, read_samples
from resolverd.health.probes.vllm_samples import WANTED, find_lines
from resolverd.turns import at_once

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
unhurried = hypothesis_settings(deadline=None)

SERIES = st.sampled_from([name.decode() for name in WANTED]).flatmap(
    lambda name: st.sampled_from(
        ["", '{engine="0"}', '{engine="1",model_name="m"}', '{le="0.5",engine="0"}',
         '{le="+Inf",engine="0"}', '{handler="/v1/completions",status="2xx"}', '{a="b c"}']
    ).map(lambda labels: name + labels)
)  # fmt: skip
OTHERS = st.sampled_from(["# HELP vllm:num_requests_running x", "vllm:num_requests 1", "", "a 1"])
VALUES = st.sampled_from(
    ["0", "1", "2.5", "7.0", "1.7e9", "1e+3", ".5", "5.", "0.1", "1e18", "-0.0", "+1",
     "1e19", "NaN", "+Inf", "-1", "1_0", " 1", "1 ", "1\r", "1 17000", "1 # {} 2", "x", "e", "",
     "1.2.3", "9" * 41]
)  # fmt: skip
PLAIN = st.sampled_from(["0", "1", "2.5", "7.0", "1.7e9", "12345678901234567"])
MODELS = st.sampled_from([(), ("m",), ("n", "m")])


def one_by_one(text: bytes, models: tuple[str, ...]) -> Page:
    """What the samples of a page tell, each read by itself."""
    return at_once(read_samples(at_once(find_lines(text)), models))


@st.composite
def two_pages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A page, and one that is of the same server, or nearly."""
    series = draw(st.lists(SERIES, min_size=1, max_size=12))
    pages = []
    for values in (PLAIN, st.one_of(PLAIN, PLAIN, PLAIN, VALUES)):
        lines = [f"{each} {draw(values)}" for each in series]
        for _ in range(draw(st.integers(0, 2))):
            lines.insert(draw(st.integers(0, len(lines))), draw(OTHERS))
        pages.append(lines)
    change = draw(st.sampled_from(["none"] * 4 + ["more", "less", "turned", "cut"]))
    second = pages[1]
    if change == "more":
        second.insert(draw(st.integers(0, len(second))), f"{draw(SERIES)} 1")
    if change == "less":
        second.pop(draw(st.integers(0, len(second) - 1)))
    if change == "turned":
        second.reverse()
    first, text = ("".join(f"{line}\n" for line in lines).encode() for lines in pages)
    return first, text[:-1] if change == "cut" else text


@unhurried
@given(two_pages(), MODELS)
def test_the_next_page_tells_what_its_samples_one_by_one_do(
    pages: tuple[bytes, bytes], models: tuple[str, ...]
) -> None:
    known = KnownLayout()
    for text in pages:
        assert at_once(read_page(text, models, known)) == one_by_one(text, models)


@unhurried
@given(two_pages(), MODELS, MODELS)
def test_what_is_read_at_once_is_right_or_nothing(
    pages: tuple[bytes, bytes], models: tuple[str, ...], others: tuple[str, ...]
) -> None:
    known = KnownLayout()
    at_once(read_page(pages[0], models, known))
    assert known.read(pages[1], others) in (None, one_by_one(pages[1], others))


def test_a_page_like_the_last_is_read_at_once() -> None:
    known, server = KnownLayout(), Inference(generated=7)
    assert known.read(server.page(), ()) is None
    at_once(read_page(server.page(), (), known))
    later = Inference(generated=900, rejections=0).page()
    assert known.read(later, ()) == one_by_one(later, ())
    assert known.read(later, ("another",)) is None
    assert known.read(later + b'http_requests_total{status="503"} 1\n', ()) is None
    assert known.read(later + b"# filler\n" * 30_000, ()) is None


@unhurried
@given(st.binary(max_size=300), st.binary(max_size=60), st.binary(max_size=60))
def test_no_octets_are_too_much_for_the_library(page: bytes, name: bytes, series: bytes) -> None:
    try:
        layout = PageLayout([name], [series])
    except ValueError:  # a name that is too short
        assert len(name) < 8 or b"\n" in name
        return
    assert SeriesReader(layout).read(page) is None or series in page


@unhurried
@given(two_pages(), MODELS, st.binary(max_size=40), st.binary(max_size=40))
def test_a_page_is_read_alike_wherever_it_lies(
    pages: tuple[bytes, bytes], models: tuple[str, ...], before: bytes, after: bytes
) -> None:
    known = KnownLayout()
    at_once(read_page(pages[0], models, known))
    text, room = pages[1], bytearray(before + pages[1] + after)
    for lying in (room, memoryview(room)):
        place = len(before), len(before) + len(text)
        assert known.read_in(lying, *place, models) == known.read(text, models)
    assert room == before + text + after
