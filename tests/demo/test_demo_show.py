"""Events as text, in a pipe and on a narrow terminal, and as JSON lines."""

from __future__ import annotations

import io
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from resolverd.cli.demo_documents import LINES
from resolverd.demo.ask import Answer
from resolverd.demo.events import (
    Change,
    Endpoint,
    Event,
    Health,
    Kept,
    Placements,
    Ready,
    Row,
    Waiting,
)
from resolverd.demo.show import JsonShow, TextShow

MOVE = Change(1.9, ("Tokyo", "Sydney"), "ap-northeast", "us-west", 2, 2)
KEPT = Kept(25.0, "ap", ("Tokyo",), ("New York",) * 12, ("Frankfurt",), 0.9, 1.9, 5.0, 2000)
ROW = Row("Frankfurt", "141.2.1.0/24", Answer("eu-west", "198.51.100.10", 20, 15), ("gdpr",))


def text(event: Event, *, terminal: bool) -> str:
    stream = io.StringIO()
    show = TextShow(
        Console(file=stream, width=80, force_terminal=terminal, color_system=None, highlight=False)
    )
    show(event)
    show.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (MOVE, "   1.9 s  Tokyo, Sydney: ap-northeast → us-west, TTL 2\n"),
        (Health(0.9, "ap", "suspect", "", "[odd]"), "   0.9 s  probes: ap is suspect ([odd])\n"),
        (
            Health(0.9, "ap", "up", "busy", "slow"),
            "   0.9 s  probes: ap is up, busy (slow)\n",
        ),
        (Waiting(3.0, "it"), ""),
    ],
)
def test_an_event_is_one_line_in_a_pipe(event: Event, expected: str) -> None:
    assert text(event, terminal=False) == expected


def test_a_pin_is_marked_and_named_under_the_table() -> None:
    printed = text(Placements((ROW,), embedded=True), terminal=False)
    assert "eu-west *" in printed
    assert "[pin.gdpr]" in printed
    assert "geo fetch" in printed
    assert "IP Geolocation by DB-IP" in printed


SLOW = "it was not built: there was no cargo, when resolverd was installed"


@pytest.mark.parametrize(
    ("event", "there", "absent"),
    [
        (Ready("x.", "::1", 5300, (), 1.0, "native"), ["native"], ["slow", "in use"]),
        (
            Ready("x.", "::1", 41000, (), 1.0, "reference", SLOW, port_in_use=5300),
            ["reference", "3 to 10 times", "no cargo", "doctor --only engine", "5300 is in use"],
            [],
        ),
        (
            Ready("x.", "::1", 5300, (Endpoint("ap", "http://x:1", 7, "", 8104),), 1.0, "native"),
            ["http://x:1 (pid 7), for port 8104 is in use"],
            ["slow"],
        ),
    ],
)
def test_who_answers_and_what_is_not_as_shipped_is_said(
    event: Ready, there: list[str], absent: list[str]
) -> None:
    printed = text(event, terminal=False)
    assert [words for words in there if words not in printed] == []
    assert [words for words in absent if words in printed] == []


def test_long_lists_keep_their_indent_on_a_narrow_terminal() -> None:
    lines = text(KEPT, terminal=True).splitlines()
    assert max(map(len, lines)) <= 80
    wrapped = lines[[line.startswith("  always") for line in lines].index(True) + 1]
    assert wrapped.startswith(" " * 10)


def test_json_is_one_object_per_line_and_leaves_progress_out() -> None:
    stream = io.StringIO()
    show = JsonShow(Console(file=stream, width=20))
    for event in (MOVE, Waiting(3.0, "it"), KEPT):
        show(event)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in lines] == ["change", "kept"]
    assert lines[0]["cities"] == ["Tokyo", "Sydney"]


@given(st.one_of(*(st.from_type(kind) for kind in get_args(Event) if kind is not Waiting)))
def test_each_event_as_json_is_the_line_that_is_declared(event: Event) -> None:
    stream = io.StringIO()
    JsonShow(Console(file=stream, width=20))(event)
    (line,) = (kind for kind in LINES if kind.__name__ == f"Demo{type(event).__name__}Line")
    line.model_validate_json(stream.getvalue(), strict=True)
