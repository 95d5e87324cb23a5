"""The command line: one file per verb, one parser, documented exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from resolverd import __version__
from resolverd.cli import check, demo, explain, geo, serve
from resolverd.cli.console import complain
from resolverd.errors import ExitCode, ProblemsError, ResolverdError

_EPILOG = """\
exit codes:
  0  done
  1  problems were found in what you wrote; they are listed
  2  the command line itself is wrong
  3  it cannot be done now: an address in use, a daemon or file that is not there
 70  a defect of resolverd

examples:
  resolverd demo
  resolverd check --config resolverd.toml
  resolverd serve --config resolverd.toml
  resolverd explain chat.inference.example 203.0.113.7
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except ProblemsError as wrong:
        for problem in wrong.problems:
            complain(str(problem))
        return int(wrong.exit_code)
    except ResolverdError as wrong:
        complain(f"resolverd: {wrong}")
        return int(wrong.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.OK)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left
        return int(ExitCode.OK)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resolverd",
        description="Authoritative DNS that answers with the nearest healthy inference region.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"resolverd {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in (serve, check, explain, geo, demo):
        verb.register(verbs)
    return parser
