"""Options that several verbs share, and how a verb registers itself."""

from __future__ import annotations

import argparse
import errno
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from resolverd.config.option_keys import key_parts
from resolverd.config.toml_text import loads
from resolverd.errors import ConfigError, ExitCode, Problem, ResolverdError

INSTALLED = Path("/etc/resolverd/resolverd.toml")
"""Where an installation has its configuration (systemd/resolverd.service)."""

PLACES = (Path("resolverd.toml"), INSTALLED)
"""Where it is looked for without `--config`, the first that is there."""

# The first of several numbers, and an option that has not its value yet.
_NEGATIVE, _VALUELESS = re.compile(r"-[0-9.]+,"), re.compile(r"--[a-z][a-z-]*")

_NEXT = "name one that is there with --config FILE; `resolverd check --help` shows a first one"


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


def add_config(
    parser: argparse.ArgumentParser,
    *,
    places: Sequence[Path] | None = None,
    may_be_gone: bool = False,
) -> None:
    """`--config FILE` and `--set KEY=VALUE`.

    Without the option it is the first of `places` that is there. One that is named and is not there
    ends any verb, but for those that say for themselves what a file that `may_be_gone` means.
    """
    looked = tuple(PLACES if places is None else places)
    parser.add_argument(
        "--config",
        type=_file,
        metavar="FILE",
        help=f"the configuration (default: {' or else '.join(map(str, looked))}); FILE with .d "
        "instead of .toml is a directory of fragments",
    )
    parser.set_defaults(config_places=looked, config_may_be_gone=may_be_gone)
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
    """Add the option `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_log(parser: argparse._ActionsContainer) -> None:
    """Add the option `--log`, of a verb that goes on until a signal."""
    parser.add_argument(
        "--log",
        choices=("auto", "json", "text"),
        default="auto",
        help="how events are written to standard error (default: text at a terminal, else JSON)",
    )


def coordinates(text: str) -> tuple[float, float]:
    """The value of an option that is LATITUDE,LONGITUDE, in degrees."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
        if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:
            raise ValueError(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not LATITUDE,LONGITUDE in degrees, such as 50.1,8.7'
        ) from error
    return latitude, longitude


def negative_values_joined(arguments: Sequence[str]) -> list[str]:
    """`arguments`, each value such as ``-33.9,151.2`` joined to its option by ``=``.

    argparse takes what begins with a minus sign for an option, unless it is one plain number. No
    option of ours begins with a digit.
    """
    made: list[str] = []
    for at, word in enumerate(arguments):
        if word == "--":
            return [*made, *arguments[at:]]
        if _NEGATIVE.match(word) and made and _VALUELESS.fullmatch(made[-1]):
            made[-1] += f"={word}"
        else:
            made.append(word)
    return made


def help_wanted(parser: argparse.ArgumentParser, _arguments: argparse.Namespace) -> int:
    """What a command line without its verb does: show the verbs there are."""
    parser.print_help(sys.stderr)
    return ExitCode.USAGE


def find_config(arguments: argparse.Namespace) -> None:
    """Set `arguments.config`, for a verb that has one, to the file that is to be read.

    Raises ConfigError where one is named that is not there. Where none is named and none found it
    is the first of the places, for `existing_config` to say so if the verb needs one.
    """
    looked: Sequence[Path] = getattr(arguments, "config_places", ())
    if not looked:
        return
    arguments.config_named = arguments.config is not None
    if not arguments.config_named:
        arguments.config = next((path for path in looked if path.exists()), looked[0])
    elif not arguments.config_may_be_gone:
        existing_config(arguments)


def existing_config(arguments: argparse.Namespace) -> Path:
    """The file to read. Raises ConfigError, with where it was looked for, if it is not there."""
    path: Path = arguments.config
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        path.stat()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        if isinstance(error, FileNotFoundError):
            reason = "there is no such file"
            if not arguments.config_named:
                elsewhere = " and ".join(map(str, arguments.config_places[1:]))
                reason += f" here, nor {elsewhere}" if elsewhere else " here"
        problem = Problem(str(path), 0, 0, "config-unreadable", reason, _NEXT)
        raise ConfigError([problem]) from error
    return path


def assignment(text: str) -> tuple[str, Any]:
    """``server.workers=2`` as key and value; the value is TOML, or else a plain string."""
    key, equals, value = text.partition("=")
    try:
        parts = key_parts(key)
    except ValueError:
        parts = []
    if not equals or not parts:
        raise argparse.ArgumentTypeError(f'"{text}" is not KEY=VALUE, such as server.workers=2')
    try:
        return key, loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _file(text: str) -> Path:
    path = Path(text)
    if not path.name:
        raise argparse.ArgumentTypeError(f'"{text}" names no file')
    return path
