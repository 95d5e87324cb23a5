"""What BIRD and ExaBGP say, read line by line; and the rate at which queries ebb."""

from __future__ import annotations

import pytest

from resolverd.anycast.bird_control import Line, read_line
from resolverd.anycast.ebb import Reading, rate
from resolverd.anycast.exabgp import acknowledgement
from resolverd.anycast.speaker import SpeakerError


@pytest.mark.parametrize(
    ("text", "before", "line", "whole"),
    [
        ("0001 BIRD 2.0.12 ready.", None, Line(1, "BIRD 2.0.12 ready."), True),
        ("2002-Name       Proto", None, Line(2002, "Name       Proto"), False),
        ("1007-Table master4:", None, Line(1007, "Table master4:"), False),
        (" 192.0.2.53/32 blackhole", 1007, Line(1007, "192.0.2.53/32 blackhole"), False),
        ("0000 ", 1007, Line(0, ""), True),
        ("9001 syntax error", None, Line(9001, "syntax error"), True),
    ],
)
def test_a_line_of_birds(text: str, before: int | None, line: Line, whole: bool) -> None:
    assert read_line(text, before) == (line, whole)


@pytest.mark.parametrize(
    ("text", "before"), [("", None), (" text", None), ("000", 1), ("00x0 a", 1), ("0000", 1)]
)
def test_what_is_no_line_of_birds_is_refused(text: str, before: int | None) -> None:
    with pytest.raises(SpeakerError, match="not understood"):
        read_line(text, before)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("done", "done"),
        ("error", "error"),
        ("error: no such route", "error"),
        ("shutdown", "shutdown"),
        ('{ "answer": "done", "message": "command completed" }', "done"),
        ('{ "answer": "error", "message": "this command is not supported" }', "error"),
        ('{ "exabgp": "4.0.1", "type": "notification", "notification": "shutdown"}', "shutdown"),
        ('{ "exabgp": "5.0.0", "type": "state", "neighbor": {}}', ""),
        ("neighbor 10.0.0.1 up", ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_an_acknowledgement_of_exabgps(line: str, said: str) -> None:
    assert acknowledgement(line) == said


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Reading(100, 0, 10.0), Reading(150, 0, 10.5), 100.0),
        (Reading(100, 7, 10.0), Reading(103, 9, 12.0), 0.5),
        (Reading(100, 0, 10.0), Reading(100, 4, 11.0), 0.0),
        (Reading(100, 0, 10.0), Reading(3, 0, 11.0), None),
        (Reading(100, 0, 10.0), Reading(103, 0, 10.0), None),
    ],
    ids=["others", "less-our-own", "never-below-0", "another-daemon", "no-time"],
)
def test_the_rate_of_others_queries(before: Reading, now: Reading, expected: float | None) -> None:
    assert rate(before, now) == expected
