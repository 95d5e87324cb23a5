"""When an edit is finished, against an oracle that remembers every scan."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from resolverd.files.reading import Seen
from resolverd.files.settling import Decision, Waiting, judge

POLL = 2.0


class Scanned(NamedTuple):
    """One scan: seconds since the one before, and what it found."""

    after: float
    files: dict[str, Seen]


def _seen(mark: int, content: str) -> Seen:
    return Seen((1, 1, mark, mark), content)


contents = st.sampled_from(["a", "b", "!ENOENT"])
files = st.dictionaries(
    st.sampled_from(["f", "g"]), st.builds(_seen, st.integers(0, 2), contents), min_size=1
)
scans = st.lists(
    st.builds(Scanned, st.floats(0.05, POLL), files)
    # Files mostly stay as they are.
    | st.builds(Scanned, st.floats(0.05, POLL), st.none()),
    max_size=30,
)


def _timeline(found: list[Scanned]) -> list[tuple[float, dict[str, Seen]]]:
    now, files, timeline = 100.0, {"f": _seen(0, "a")}, []
    for scan in found:
        now += scan.after
        files = files if scan.files is None else scan.files
        timeline.append((now, files))
    return timeline


def _contents(files: dict[str, Seen]) -> dict[str, str]:
    return {path: seen.content for path, seen in files.items()}


@given(scans, st.sampled_from([0.0, 0.1, 2.0, 7.0]))
def test_what_is_adopted_was_stable_for_settle_and_what_is_stable_is_adopted(
    found: list[Scanned], settle: float
) -> None:
    timeline = _timeline(found)
    tried = {"f": "a"}
    waiting: Waiting | None = None
    for index, (now, files) in enumerate(timeline):
        waiting, decision = judge(waiting, files, tried, now, settle)
        # Slow and obvious: since when has every scan found just this?
        since = now
        for earlier, then in reversed(timeline[: index + 1]):
            if then != files:
                break
            since = earlier
        differs = any(tried.get(path) != seen.content for path, seen in files.items())
        wanted = (
            Decision.REST
            if not differs
            else Decision.ADOPT
            if now - since >= settle
            else Decision.WAIT
        )
        assert decision is wanted
        if decision is Decision.ADOPT:
            tried, waiting = _contents(files), None


@given(st.lists(st.floats(0.01, POLL), min_size=1, max_size=20), st.sampled_from([0.0, 2.0, 9.0]))
def test_an_edit_is_adopted_within_settle_and_a_poll_of_the_last_change(
    gaps: list[float], settle: float
) -> None:
    """Scans are at most a poll apart, and one is made when the waiting ends, if it is sooner."""
    now, number, waiting = 0.0, 0, None
    for gap in gaps:  # a writer that changes the file before each of these scans
        now += gap
        number += 1
        waiting, decision = judge(
            waiting, {"f": _seen(number, str(number))}, {"f": "0"}, now, settle
        )
    last = now
    while decision is not Decision.ADOPT:
        assert waiting is not None
        now = min(now + POLL, waiting.since + settle + 1e-6)
        waiting, decision = judge(
            waiting, {"f": _seen(number, str(number))}, {"f": "0"}, now, settle
        )
    assert now <= last + settle + 1e-5


def test_waiting_is_counted_from_the_first_change_of_a_writer_that_never_rests() -> None:
    waiting: Waiting | None = None
    for second in range(100):
        files = {"f": _seen(second, str(second + 1))}
        waiting, decision = judge(waiting, files, {"f": "0"}, float(second), 2.0)
        assert decision is Decision.WAIT
        assert waiting is not None
        assert waiting.began == 0.0


def test_a_file_touched_and_otherwise_the_same_is_no_edit() -> None:
    assert judge(None, {"f": _seen(9, "a")}, {"f": "a"}, 5.0, 2.0) == (None, Decision.REST)


def test_an_edit_taken_back_while_it_is_waited_for_is_none() -> None:
    waiting, _ = judge(None, {"f": _seen(1, "b")}, {"f": "a"}, 0.0, 2.0)
    assert judge(waiting, {"f": _seen(2, "a")}, {"f": "a"}, 5.0, 2.0) == (None, Decision.REST)
