"""`resolverd state`: what a running daemon serves, knows and was told."""

from __future__ import annotations

import argparse
from typing import Any

from resolverd.cli.console import pages, show_json, show_rows
from resolverd.cli.link import Link, add_socket, find
from resolverd.cli.options import UsageError, add_config, add_json, verb
from resolverd.cli.override import duration
from resolverd.cli.overview import overview, problems, totals
from resolverd.cli.region import only, region_pages
from resolverd.cli.rows import Cell, Rows
from resolverd.cli.troubles import any_trouble
from resolverd.cli.watching import watch
from resolverd.errors import ExitCode

Json = dict[str, Any]

# Seconds between two looks unless asked otherwise, and the least: a look costs the daemon time.
_INTERVAL, _MIN_INTERVAL = 2.0, 0.5


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb `state` and its options to `verbs`."""
    parser = verb(
        verbs,
        "state",
        "show what the running daemon serves: totals, then what is not well, then the rest",
        [
            "resolverd state",
            "resolverd state eu-west",
            "resolverd state --problems || page-somebody",
            "resolverd state --watch --interval 5s",
            "resolverd state --socket /run/resolverd/admin.sock",
            "resolverd state --json | jq '.regions[] | select(.serves | not) | .name'",
        ],
        run,
        more="\nwith --problems the exit code is 1 when there are any; a drained region is none,\n"
        "nor one that its hours close\n",
    )
    parser.add_argument("region", nargs="?", help="everything about this region alone")
    parser.add_argument("--problems", action="store_true", help="only what is not well; 1 if any")
    parser.add_argument("--all", action="store_true", help="every row of what is well, too")
    parser.add_argument("--watch", action="store_true", help="look again until interrupted")
    parser.add_argument(
        "--interval",
        type=duration,
        metavar="TIME",
        help=f"how often --watch looks, such as 5s (default: {_INTERVAL:g}s)",
    )
    add_socket(parser)
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show it; 0 whatever the state is, but for `--problems`. Raises UsageError, NoDaemonError."""
    interval = _interval(arguments)
    link = find(arguments)
    if arguments.watch:
        watch(lambda: "\n\n".join(pages(*_parts(_asked(link, arguments), arguments))), interval)
        return ExitCode.OK
    state = _asked(link, arguments)
    if arguments.json:
        show_json(state)
    else:
        show_rows(*_parts(state, arguments))
    return ExitCode.PROBLEMS if arguments.problems and any_trouble(state) else ExitCode.OK


def _interval(arguments: argparse.Namespace) -> float:
    if arguments.watch and arguments.json:
        raise UsageError("--watch shows tables\nask for --json as often as it is wanted")
    if arguments.interval is None:
        return _INTERVAL
    if not arguments.watch:
        raise UsageError("--interval is of --watch alone\nadd --watch")
    if arguments.interval < _MIN_INTERVAL:
        raise UsageError(f"--interval is at least {_MIN_INTERVAL:g}s\nwrite --interval 1s")
    return float(arguments.interval)


def _asked(link: Link, arguments: argparse.Namespace) -> Json:
    """The state, or what of it is on the one region that was named."""
    state = link.look()
    return state if arguments.region is None else only(state, arguments.region)


def _parts(state: Json, arguments: argparse.Namespace) -> list[Rows]:
    if arguments.problems:
        return [totals(state), *(problems(state) if any_trouble(state) else [_well()])]
    if arguments.region is not None:
        return region_pages(state)
    return overview(state, everything=arguments.all)


def _well() -> Rows:
    rows = Rows()
    rows.add_row(Cell("no problems", "green"))
    return rows
