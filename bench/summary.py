"""What came of a series of benchmarks, as lines of text or as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import busy
from bench.figures import Figure, written
from bench.history import committed, figures_in
from bench.record import Change, Comparison, compare, same_machine
from bench.series import Ran, minutes
from bench.words import Colour, missed, of_change, sentences

Line = tuple[str, Colour | None]


@dataclass(frozen=True)
class Judged:
    """One benchmark, its figures, and how these stand to the record."""

    ran: Ran
    figures: list[Figure]
    comparison: Comparison | None
    """None where there is no result, or no record of it."""
    record: dict[str, Any] | None
    word: str
    """ok, "missed a bar", "failed" or "left out"."""


def judged(ran: Ran, revision: str, *, quick: bool = False) -> Judged:
    """Compared with what is committed of its result. A quick run is held to no bar."""
    if ran.document is None:
        return Judged(ran, [], None, None, "left out" if ran.status is None else "failed")
    figures = figures_in(ran.document)
    lost = not quick and (ran.status != 0 or any(figure.met is False for figure in figures))
    word = "missed a bar" if lost else "ok"
    record = committed(ran.bench.result, revision)
    before = figures_in(record) if record else []
    if record is None or not before:
        return Judged(ran, figures, None, None, word)
    same = same_machine(record, ran.document)
    return Judged(ran, figures, compare(before, figures, same_machine=same), record, word)


def lines(found: Sequence[Judged], *, against: str, quick: bool) -> Iterator[Line]:
    """A paragraph for each benchmark, then what came of all."""
    for one in found:
        yield "", None
        yield from _paragraph(one, against)
    yield "", None
    if quick:
        yield "A quick run: its figures are no record, and no page shows them.", Colour.WARN
    yield from _totals(found)


def as_json(found: Sequence[Judged], against: str) -> dict[str, Any]:
    """Benchmarks by name; each judgement with both figures, what is worse by, and its words."""
    return {"against": against, "benchmarks": {one.ran.bench.name: _as_json(one) for one in found}}


def _paragraph(one: Judged, against: str) -> Iterator[Line]:
    ran, document = one.ran, one.ran.document
    took = f", {minutes(ran.seconds)}" if ran.seconds else ""
    yield f"{ran.bench.name}: {one.word}{took}", _COLOURS[one.word]
    if document is None:
        return
    state = document.get("busy")
    told = f"  {_capital(busy.words(state, document['cores']).replace('**', ''))}."
    yield told, None if state and busy.is_quiet(state) else Colour.WARN
    for text in missed(one.figures):
        yield f"  {text}", Colour.BAD
    if one.comparison is None:
        yield f"  No record of its figures in {against}: nothing to compare with.", Colour.FAINT
        return
    yield f"  Beside the record, {_of_record(one, against)}:", None
    for text, colour in sentences(one.comparison):
        yield f"    {text}", colour


def _of_record(one: Judged, against: str) -> str:
    assert one.record is not None
    assert one.ran.document is not None
    of = f"of commit {(one.record['commit'] or 'unknown')[:12]}, in {against}"
    if same_machine(one.record, one.ran.document):
        return of
    return f"{of}, on another machine or kernel ({one.record['cpu']})"


def _totals(found: Sequence[Judged]) -> Iterator[Line]:
    words = [one.word for one in found]
    counts = ", ".join(f"{words.count(word)} {word}" for word in _COLOURS if word in words)
    yield f"{len(found)} in all: {counts}.", Colour.STRONG
    compared = [one.comparison for one in found if one.comparison]
    worse = sum(len(each.regressions) for each in compared)
    serious = sum(len(each.serious()) for each in compared)
    better = sum(len(each.improvements) for each in compared)
    if not compared:
        return
    if worse:
        figures = "1 figure is" if worse == 1 else f"{worse} figures are"
        weak = worse - serious
        explained = f", {weak} of them within noise or weak" if weak else ""
        text = f"{figures} more than 5 % worse than the record{explained}; {better} better."
        yield text, Colour.BAD if serious else Colour.WARN
    else:
        yield f"No figure is more than 5 % worse than the record; {better} better.", Colour.GOOD


def _as_json(one: Judged) -> dict[str, Any]:
    document = one.ran.document or {}
    return {
        "outcome": one.word,
        "status": one.ran.status,
        "seconds": round(one.ran.seconds, 1),
        "lacks": [*one.ran.lacks],
        "commit": document.get("commit"),
        "busy": document.get("busy"),
        "figures": written(one.figures),
        "record": one.record and {"commit": one.record["commit"], "cpu": one.record["cpu"]},
        "comparison": one.comparison and _comparison(one.comparison),
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        **{name: [_change(change) for change in getattr(found, name)] for name in _CHANGES},
        "new": [figure.name for figure in found.new],
        "missing": [figure.name for figure in found.missing],
    }


def _change(change: Change) -> dict[str, Any]:
    worse = change.worse
    return {
        "name": change.now.name,
        "was": asdict(change.was),
        "now": asdict(change.now),
        # JSON has no infinity.
        "worse": worse if abs(worse) != float("inf") else None,
        "noise": change.noise,
        "weak": change.weak,
        "words": of_change(change),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_CHANGES = ("regressions", "improvements", "same", "incomparable")
_COLOURS = {
    "ok": Colour.GOOD,
    "missed a bar": Colour.BAD,
    "failed": Colour.BAD,
    "left out": Colour.WARN,
}
