"""Answers to a canary as real servers streamed them; a file is named by server and version."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.health.probes.answer import AnswerReader

STREAMS = sorted((Path(__file__).parent / "streams").glob("*.txt"))
# llama-cpp-python ends a stream that another request cuts with [DONE], and without a finish_reason.
CUT = "llama-cpp-python-0.3.36-cut"


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_each_servers_whole_answer_is_life(path: Path) -> None:
    reader = AnswerReader()
    reader.feed(path.read_bytes(), 0.5)
    reader.end(0.5)
    answer = reader.answer()
    assert (answer.complete, answer.ttft, answer.error, answer.detail) == (True, 0.5, None, "")


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_no_part_of_an_answer_is_life(path: Path) -> None:
    """Cut at the end of each event but the last two: the end, and what may be told after it."""
    text = path.read_bytes()
    ends = [n + 2 for n in range(len(text)) if text.startswith(b"\n\n", n)]
    for end in ends[:-2]:
        reader = AnswerReader()
        assert not reader.feed(text[:end], 0.5)
        assert not reader.answer(late=True).complete


def test_there_are_streams_of_each_server() -> None:
    names = {path.stem.rsplit("-", 1)[0] for path in STREAMS}
    assert names == {"llama.cpp-b11434", "llama-cpp-python-0.3.36", "vllm-0.32.0"}
