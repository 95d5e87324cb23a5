"""The command line: one file per verb, one parser, documented exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module

from resolverd import __version__
from resolverd.cli import streams
from resolverd.cli.options import find_config, help_wanted, negative_values_joined
from resolverd.errors import ExitCode, ProblemsError, ResolverdError
from resolverd.imports import uncollected

_EPILOG = """\
exit codes:
  0  done
  1  problems were found in the files, or faults on the host; they are listed
  2  the command line is wrong: an unknown verb, option, region or name
  3  it cannot be done now: no daemon runs, an address in use, a download that failed
 70  a defect of resolverd
130  interrupted (serve and demo --stay end well with 0)

examples:
  resolverd demo
  resolverd check --config resolverd.toml
  resolverd doctor --config resolverd.toml
  resolverd serve --config resolverd.toml
  resolverd state
  resolverd explain chat.inference.example 203.0.113.7
  resolverd override eu-west drain --for 30m --why "kernel update"
"""


# As shells have it: 128 and the number of SIGINT.
_INTERRUPTED = 130


_VERBS = (
    "serve", "check", "doctor", "state", "explain", "drain", "override", "spill", "rollout",
    "reload", "publish", "template", "geo", "rtt", "plan", "register", "kube", "external-dns",
    "anycast", "demo",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that the arguments name. Returns its exit code (`ExitCode`)."""
    streams.prepare()
    try:
        status = _run(arguments)
    except SystemExit as ended:  # argparse: help, a version, or a wrong command line
        status = int(ended.code or 0)
    except BrokenPipeError:  # of what only shows, until its reader leaves
        status = ExitCode.OK
    except OSError as error:
        if not streams.lost_output(error):
            raise
        streams.discard(sys.stdout)
        _complain(f"{streams.UNWRITABLE}: {error.strerror}")
        status = ExitCode.UNAVAILABLE
    return int(streams.finish(status))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        given = sys.argv[1:] if arguments is None else arguments
        with uncollected():
            words = negative_values_joined(given)
            parsed = parser(given).parse_args(words, argparse.Namespace(words=words))
        find_config(parsed)
        return int(parsed.run(parsed))
    except ProblemsError as error:
        from resolverd.cli.console import report

        for problem in error.problems:
            report(problem)
        return error.exit_code
    except ResolverdError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("interrupted")
        return _INTERRUPTED


def _complain(text: str) -> None:
    """Say it on standard error. What prints in colours is loaded only where there is something."""
    from resolverd.cli.console import complain

    complain(f"resolverd: {text}")


def parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """What can parse `arguments`.

    Of a command that begins with a verb only that one is loaded: a daemon that was killed is back
    the sooner, and the others with all that they need would be half of its start. Without
    `arguments` it is the parser of all verbs.
    """
    whole = streams.Parser(
        prog="resolverd",
        description="Authoritative DNS that answers with the nearest healthy inference region.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"resolverd {__version__}")
    verbs = whole.add_subparsers(title="verbs", metavar="VERB")
    whole.set_defaults(run=partial(help_wanted, whole))
    for verb in arguments[:1] if arguments[:1] and arguments[0] in _VERBS else _VERBS:
        import_module(f"resolverd.cli.{verb.replace('-', '_')}").register(verbs)
    return whole
