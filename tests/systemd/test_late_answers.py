"""When an answer of a load is late: by the clock, less what a busy host is excused for."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rrset
import pytest
from systemd.load import MOST_EXCUSED, TIMEOUT, Answers
from systemd.service import QNAME

ADDRESS = "192.0.2.1"
BUSY = [(0.0, 10.0), (1.0, 10.9), (2.0, 11.8), (9.0, 18.0)]
"""Nine tenths of the time and more somebody waited for a CPU."""
IDLE = [(at, 10.0) for at, _ in BUSY]


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
        (BUSY, 1.0, False),
        (BUSY, 1.9, False),
        (BUSY, TIMEOUT + MOST_EXCUSED + 0.01, True),
    ],
)
def test_an_answer_is_late_by_the_clock_less_what_somebody_waited_for_a_cpu(
    waits: list[tuple[float, float]], took: float, late: bool
) -> None:
    answers = Answers({0: 0.0}, {0: (took, answer())}, waits)
    assert answers.lost({ADDRESS}) == ({"late": 1} if late else {})


def test_an_answer_that_never_came_has_no_excuse() -> None:
    assert Answers({0: 0.0}, {}, BUSY).lost({ADDRESS}) == {"no answer": 1}
