"""Options that several verbs share, and how a verb registers itself."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DEFAULT_CONFIG = Path("resolverd.toml")


def verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help: str,  # noqa: A002 - argparse's own word
    examples: Sequence[str],
    run: Callable[[argparse.Namespace], int] | None,
) -> argparse.ArgumentParser:
    """Add a verb whose `--help` ends with examples."""
    parser = verbs.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog="examples:\n" + "".join(f"  {example}\n" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` and `--set KEY=VALUE`."""
    parser.add_argument(
        "--config",
        type=Path,
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
        help='lay an option over the file, such as server.listen=["127.0.0.1:5300"]',
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def assignment(text: str) -> tuple[str, Any]:
    """``server.workers=2`` as key and value; the value is TOML, or else a plain string."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f'"{text}" is not KEY=VALUE')
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
