"""Options that several verbs share, and how a verb registers itself."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from resolverd.errors import ConfigError, ExitCode, Problem, ResolverdError

DEFAULT_CONFIG = Path("resolverd.toml")

_NEXT = "name it with --config FILE; `resolverd check --help` shows a first one"


class UsageError(ResolverdError):
    """An argument that is wrong only in the light of the files: a region, a name."""

    exit_code = ExitCode.USAGE


def verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help: str,  # noqa: A002 - argparse's own word
    examples: Sequence[str],
    run: Callable[[argparse.Namespace], int] | None,
    *,
    more: str = "",
) -> argparse.ArgumentParser:
    """Add a verb whose `--help` ends with examples, and then with `more`."""
    parser = verbs.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog="examples:\n" + "".join(f"  {example}\n" for example in examples) + more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run or partial(help_wanted, parser))
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` and `--set KEY=VALUE`."""
    parser.add_argument(
        "--config",
        type=_file,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="the configuration (default: %(default)s); FILE with .d instead of .toml is a "
        "directory of fragments",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="KEY=VALUE",
        dest="overrides",
        help="lay an option over the file, such as 'server.listen=[\"127.0.0.1:5300\"]'",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def help_wanted(parser: argparse.ArgumentParser, _arguments: argparse.Namespace) -> int:
    """What a command line without its verb does: show the verbs there are."""
    parser.print_help(sys.stderr)
    return ExitCode.USAGE


def existing_config(arguments: argparse.Namespace) -> Path:
    """The path after `--config`. Raises ConfigError, with what to do next, if nothing is there."""
    path: Path = arguments.config
    try:
        path.stat()
    except OSError as wrong:
        reason = f"cannot be read: {wrong.strerror}"
        if isinstance(wrong, FileNotFoundError):
            reason = "there is no such file" + (" here" if path == DEFAULT_CONFIG else "")
        problem = Problem(str(path), 0, 0, "config-unreadable", reason, _NEXT)
        raise ConfigError([problem]) from wrong
    return path


def assignment(text: str) -> tuple[str, Any]:
    """``server.workers=2`` as key and value; the value is TOML, or else a plain string."""
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise argparse.ArgumentTypeError(f'"{text}" is not KEY=VALUE, such as server.workers=2')
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _file(text: str) -> Path:
    path = Path(text)
    if not path.name:
        raise argparse.ArgumentTypeError(f'"{text}" names no file')
    return path
