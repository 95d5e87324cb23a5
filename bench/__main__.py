"""All benchmarks, or some of them, and what has changed since the last record.

    python -m bench                          all of them; `make bench`
    python -m bench --only native tails      `make bench ONLY="native tails"`
    python -m bench --list                   what there is, how long it takes, what it needs
    python -m bench --quick                  fewer rounds, to see that they work; no record
    python -m bench --compare                the result files as they are; nothing is run

Exit codes: 0; 1 where a benchmark failed or, but for --quick, missed a bar, whatever the record;
3 with --strict where a figure is more than 5 % worse than the record and neither noise nor the
machine explains it (`bench.record`); 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bench.registry import BENCHES, BY_NAME, Bench
from bench.report import RESULTS, ROOT
from bench.series import Ran, Say, command, lacking, minutes, run_all
from bench.summary import Judged, as_json, judged, lines
from bench.words import coloured

QUICK = ROOT / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare, say; the exit code."""
    asked = parsed(arguments)
    if asked.list:
        print(listed(asked.only, as_json=asked.json))
        return 0
    # With --json only the document goes to the standard output.
    where = sys.stderr if asked.json else sys.stdout
    colours = where.isatty()

    def say(text: str) -> None:
        print(text, file=where, flush=True)

    results = QUICK if asked.quick else RESULTS
    if asked.compare:
        ran = [_unrun(bench, results) for bench in asked.only]
    else:
        ran = _run(asked.only, results, quick=asked.quick, say=say)
    found = [judged(one, asked.against, quick=asked.quick) for one in ran]
    for text, colour in lines(found, against=asked.against, quick=asked.quick):
        say(coloured(text, colour, colours))
    if asked.json:
        print(json.dumps(as_json(found, asked.against), indent=2))
    return status(found, strict=asked.strict)


def status(found: Sequence[Judged], *, strict: bool) -> int:
    """The exit code."""
    if any(one.word in ("failed", "missed a bar") for one in found):
        return 1
    serious = [change for one in found if one.comparison for change in one.comparison.serious()]
    return 3 if strict and serious else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, with benchmarks in place of their names."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of them, by --list")
    parser.add_argument("--list", action="store_true", help="what there is; nothing is run")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; into build/bench")
    parser.add_argument("--compare", action="store_true", help="with the record; nothing is run")
    parser.add_argument("--against", default="HEAD", help="commit of the record (%(default)s)")
    parser.add_argument("--strict", action="store_true", help="3 where a figure is worse")
    parser.add_argument("--json", action="store_true", help="the outcome as one JSON document")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.only or () if name not in BY_NAME]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BY_NAME)}")
    asked.only = [BY_NAME[name] for name in asked.only] if asked.only else [*BENCHES]
    return asked


def listed(benches: Sequence[Bench], *, as_json: bool) -> str:
    """Each with its time, what it needs, and whether this host has it."""
    rows = [
        {
            "name": bench.name,
            "command": " ".join(["python", *command(bench, quick=False)[1:]]),
            "measures": bench.doc,
            "seconds": bench.seconds,
            "needs": [*bench.needs],
            "lacks": [*lacking(bench.needs)],
            "result": f"bench/results/{bench.result}.json",
            "pages": [f"docs/{page}" for page in bench.pages],
        }
        for bench in benches
    ]
    if as_json:
        return json.dumps(rows, indent=2)
    width = max(len(bench.name) for bench in benches)
    told = []
    for bench in benches:
        lacks = ", ".join(lacking(bench.needs))
        line = f"{bench.name:{width}}  {minutes(bench.seconds):>10}  {bench.doc}"
        told.append(f"{line} (lacks {lacks})" if lacks else line)
    return "\n".join([*told, f"together about {minutes(sum(b.seconds for b in benches))}"])


def _run(benches: Sequence[Bench], results: Path, *, quick: bool, say: Say) -> list[Ran]:
    signal.signal(signal.SIGTERM, _ended)
    count = "1 benchmark" if len(benches) == 1 else f"{len(benches)} benchmarks"
    about = "" if quick else f", about {minutes(sum(bench.seconds for bench in benches))} in all"
    say(f"{count}{about}; results go to {results.relative_to(ROOT)}/")
    return [*run_all(benches, results, quick=quick, say=say)]


def _ended(number: int, _frame: object) -> NoReturn:
    """Leave by unwinding, so that what runs is ended too."""
    sys.exit(128 + number)


def _unrun(bench: Bench, results: Path) -> Ran:
    path = results / f"{bench.result}.json"
    document = json.loads(path.read_text()) if path.exists() else None
    return Ran(bench, 0.0, None if document is None else 0, document)


if __name__ == "__main__":
    sys.exit(main())
