"""When an answer of a load is late: by the clock, less what a busy host is excused for."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from systemd.load import MOST, TIMEOUT, Answers
from systemd.service import QNAME

ADDRESS = "192.0.2.1"
BUSY = [(0.0, 10.0), (0.5, 10.45), (1.5, 11.35), (9.0, 18.0)]
"""Nine tenths of the time and more somebody waited for a CPU."""
IDLE = [(at, 10.0) for at, _ in BUSY]
BUSY_BEFORE = [(-9.0, 10.0), (0.01, 18.9), (9.0, 18.9)]
BUSY_AFTER = [(-9.0, 10.0), (0.49, 10.0), (9.0, 18.5)]
SELDOM_SEEN = [(-9.0, 10.0), (9.0, 11.8)]
"""A tenth of the time; when, is not known."""


def answer() -> bytes:
    message = dns.message.make_response(dns.message.make_query(QNAME, "A"))
    message.flags |= dns.flags.AA
    message.answer = [dns.rrset.from_text(QNAME + ".", 60, "IN", "A", ADDRESS)]
    return message.to_wire()


@pytest.mark.parametrize(
    ("waits", "took", "late"),
    [
        ([], TIMEOUT - 0.01, False),
        ([], TIMEOUT + 0.01, True),
        (IDLE, TIMEOUT + 0.01, True),
        (BUSY, 0.9, False),
        (BUSY, MOST, False),
        (BUSY, MOST + 0.01, True),
        (BUSY_BEFORE, 0.5, True),
        (BUSY_AFTER, 0.5, True),
        (SELDOM_SEEN, 0.33, False),
        (SELDOM_SEEN, 0.34, True),
    ],
)
def test_an_answer_is_late_by_the_clock_less_what_somebody_waited_for_a_cpu(
    waits: list[tuple[float, float]], took: float, late: bool
) -> None:
    answers = Answers({0: 0.0}, {0: (took, answer())}, waits)
    assert answers.lost({ADDRESS}) == ({"late": 1} if late else {})


@given(
    st.lists(st.tuples(st.floats(0.001, 2), st.floats(0, 1)), max_size=9),
    st.floats(0, 9),
    st.floats(0, 9),
)
def test_nobody_is_excused_for_more_than_the_time_that_passed(
    looks: list[tuple[float, float]], begin: float, took: float
) -> None:
    """`looks` are the seconds since the one before, and in which part of them somebody waited."""
    waits = [(0.0, 10.0)]
    for passed, part in looks:
        at, waited = waits[-1]
        waits.append((at + passed, waited + passed * part))
    excused = Answers(waits=waits).excused(begin, begin + took)
    assert -1e-9 <= excused <= took + 1e-9
    whole = Answers(waits=waits).excused(0.0, begin) + excused
    assert whole == pytest.approx(Answers(waits=waits).excused(0.0, begin + took))


def test_what_is_excused_is_asked_of_late_answers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def excused(_: Answers, begin: float, end: float) -> float:
        asked.append(end - begin)
        return 0.0

    monkeypatch.setattr(Answers, "excused", excused)
    came = {0: (TIMEOUT / 2, answer()), 1: (TIMEOUT * 2, answer())}
    assert Answers(dict.fromkeys(came, 0.0), came, BUSY).lost({ADDRESS}) == {"late": 1}
    assert asked == [TIMEOUT * 2]


def test_an_answer_that_never_came_has_no_excuse() -> None:
    assert Answers({0: 0.0}, {}, BUSY).lost({ADDRESS}) == {"no answer": 1}
