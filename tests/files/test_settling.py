"""When an edit is finished, against an oracle that remembers every scan."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from resolverd.files.reading import FileState
from resolverd.files.settling import EditState, PendingEdit, edit_state

POLL = 2.0


class Scanned(NamedTuple):
    """One scan: seconds since the one before, and what it found."""

    after: float
    files: dict[str, FileState]


def _seen(signature: int, content: str) -> FileState:
    return FileState((1, 1, 1, signature, signature), content)


contents = st.sampled_from(["a", "b", "!ENOENT"])
files = st.dictionaries(
    st.sampled_from(["f", "g", "d/"]), st.builds(_seen, st.integers(0, 2), contents), min_size=1
)
scans = st.lists(
    st.builds(Scanned, st.floats(0.05, POLL), files)
    # Files mostly stay as they are.
    | st.builds(Scanned, st.floats(0.05, POLL), st.none()),
    max_size=30,
)


def _timeline(found: list[Scanned]) -> list[tuple[float, dict[str, FileState]]]:
    now, files, timeline = 100.0, {"f": _seen(0, "a")}, []
    for scan in found:
        now += scan.after
        files = files if scan.files is None else scan.files
        timeline.append((now, files))
    return timeline


def _contents(files: dict[str, FileState]) -> dict[str, str]:
    return {path: seen.content for path, seen in files.items()}


@given(scans, st.sampled_from([0.0, 0.1, 2.0, 7.0]))
def test_what_is_adopted_was_stable_for_settle_and_what_is_stable_is_adopted(
    found: list[Scanned], settle: float
) -> None:
    timeline = _timeline(found)
    tried = {"f": "a"}
    pending: PendingEdit | None = None
    for index, (now, files) in enumerate(timeline):
        pending, edit = edit_state(pending, files, tried, now, settle)
        # Slow and obvious: since when has every scan found just this?
        since = now
        for earlier, then in reversed(timeline[: index + 1]):
            if then != files:
                break
            since = earlier
        differs = any(tried.get(path) != seen.content for path, seen in files.items())
        differs = differs or ("d/" in tried and "d/" not in files)
        wanted = (
            EditState.UNCHANGED
            if not differs
            else EditState.SETTLED
            if now - since >= settle
            else EditState.UNSETTLED
        )
        assert edit is wanted
        if edit is EditState.SETTLED:
            tried, pending = _contents(files), None


@given(st.lists(st.floats(0.01, POLL), min_size=1, max_size=20), st.sampled_from([0.0, 2.0, 9.0]))
def test_an_edit_is_adopted_within_settle_and_a_poll_of_the_last_change(
    gaps: list[float], settle: float
) -> None:
    """Scans are at most a poll apart, and one is made when the pending ends, if it is sooner."""
    now, number, pending = 0.0, 0, None
    for gap in gaps:  # a writer that changes the file before each of these scans
        now += gap
        number += 1
        pending, edit = edit_state(
            pending, {"f": _seen(number, str(number))}, {"f": "0"}, now, settle
        )
    last = now
    while edit is not EditState.SETTLED:
        assert pending is not None
        now = min(now + POLL, pending.since + settle + 1e-6)
        pending, edit = edit_state(
            pending, {"f": _seen(number, str(number))}, {"f": "0"}, now, settle
        )
    assert now <= last + settle + 1e-5


def test_waiting_is_counted_from_the_first_change_of_a_writer_that_never_rests() -> None:
    pending: PendingEdit | None = None
    for second in range(100):
        files = {"f": _seen(second, str(second + 1))}
        pending, edit = edit_state(pending, files, {"f": "0"}, float(second), 2.0)
        assert edit is EditState.UNSETTLED
        assert pending is not None
        assert pending.began == 0.0


def test_a_file_touched_and_otherwise_the_same_is_no_edit() -> None:
    assert edit_state(None, {"f": _seen(9, "a")}, {"f": "a"}, 5.0, 2.0) == (
        None,
        EditState.UNCHANGED,
    )


def test_an_edit_taken_back_while_it_is_waited_for_is_none() -> None:
    pending, _ = edit_state(None, {"f": _seen(1, "b")}, {"f": "a"}, 0.0, 2.0)
    assert edit_state(pending, {"f": _seen(2, "a")}, {"f": "a"}, 5.0, 2.0) == (
        None,
        EditState.UNCHANGED,
    )


def test_a_directory_that_is_not_among_those_that_cannot_be_listed_any_more_is_an_edit() -> None:
    files, tried = {"f": _seen(1, "a")}, {"f": "a", "d/": "!EACCES"}
    assert edit_state(None, files, tried, 5.0, 0.0)[1] is EditState.SETTLED
    gone = {"f": "a", "g": "!ENOENT"}
    assert edit_state(None, files, gone, 5.0, 0.0)[1] is EditState.UNCHANGED
