"""The pages of the manual, made of the parser and of the declarations of options: `make man`.

    python -m docs.manual [DIRECTORY]

Into DIRECTORY, or else build/man: resolverd.1, one page for each verb, resolverd.toml.5. Beside it,
in build/completions, what completes a command line in bash, zsh and fish. Their date is that of the
commit, or of SOURCE_DATE_EPOCH, so that two runs give the same octets.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.manual_options import options_page
from docs.roff import Page, bold, escaped, italic
from resolverd import __version__
from resolverd.cli import parser
from resolverd.cli.completion import FILES, SHELLS, script

ROOT = Path(__file__).parents[1]
_OF = "resolverd's manual"
_VERSION = f"resolverd {__version__}"
_WIDE = "10000"


def main() -> int:
    """Write them all, and say where."""
    man = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "man"
    completions = man.parent / "completions"
    for folder, made in ((man, pages(date())), (completions, completion_files())):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text)
        print(f"{len(made)} files in {os.path.relpath(folder)}")
    return 0


def date() -> str:
    """The day that the pages are of, in UTC."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _committed()
    return time.strftime("%Y-%m-%d", time.gmtime(float(epoch)))


def _committed() -> str:
    said = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or str(time.time())


def completion_files() -> dict[str, str]:
    """Each file that completes command lines, by the name under which its shell looks for it."""
    return {FILES[shell]: script(shell) for shell in SHELLS}


def pages(day: str) -> dict[str, str]:
    """Each page by the name of its file."""
    os.environ["COLUMNS"] = _WIDE  # usage on one line: roff breaks it
    whole = parser([])
    verbs = _uses(whole)
    made = {"resolverd.1": _overview(whole, verbs, day), "resolverd.toml.5": options_page(day)}
    for verb, verb_parser in verbs.items():
        made[f"resolverd-{verb}.1"] = _verb_page(verb, verb_parser, [*verbs], day)
    return made


def _uses(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The verbs of the command, or the uses of a verb, in their order."""
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _overview(
    whole: argparse.ArgumentParser, verbs: dict[str, argparse.ArgumentParser], day: str
) -> str:
    page = Page("resolverd", 1, day, _VERSION, _OF)
    page.name("resolverd", _lower(_about(whole)))
    page.section("Synopsis")
    page.raw(f"{bold('resolverd')} {italic('VERB')} [{italic('OPTION')} ...]")
    page.section("Description")
    page.text(whole.description or "")
    page.text("Each verb has a page of its own, such as resolverd-serve(1).")
    page.section("Verbs")
    for verb, verb_parser in verbs.items():
        page.item(bold(f"resolverd-{verb}") + "(1)", verb_parser.description or "")
    _options(page, whole)
    _epilog(page, whole)
    page.section("Files")
    page.item(
        italic("/etc/resolverd/resolverd.toml"),
        "The configuration, where there is no resolverd.toml in the directory of the command; see "
        "resolverd.toml(5).",
    )
    _see_also(page, [*(f"resolverd-{verb}(1)" for verb in verbs), "resolverd.toml(5)"])
    return page.made()


def _verb_page(
    verb: str, verb_parser: argparse.ArgumentParser, verbs: Sequence[str], day: str
) -> str:
    page = Page(f"resolverd-{verb}", 1, day, _VERSION, _OF)
    page.name(f"resolverd-{verb}", _lower(_about(verb_parser)))
    page.section("Synopsis")
    page.raw(_usage(verb_parser))
    page.section("Description")
    page.text(verb_parser.description or "")
    _options(page, verb_parser)
    for use, use_parser in _uses(verb_parser).items():
        page.section(f"resolverd {verb} {use}")
        page.raw(_usage(use_parser))
        page.text(use_parser.description or "")
        _options(page, use_parser, below=True)
        _epilog(page, use_parser, below=True)
    _epilog(page, verb_parser)
    others = [f"resolverd-{other}(1)" for other in verbs if other != verb]
    _see_also(page, ["resolverd(1)", *others, "resolverd.toml(5)"])
    return page.made()


def _about(of: argparse.ArgumentParser) -> str:
    return (of.description or "").rstrip(".")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _usage(of: argparse.ArgumentParser) -> str:
    usage = " ".join(of.format_usage().split()).removeprefix("usage: ")
    return f"{bold(of.prog)}{escaped(usage.removeprefix(of.prog))}"


def _options(page: Page, of: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Each group of options under its heading; what leads to uses has none here."""
    for group in of._action_groups:
        actions = [a for a in group._group_actions if not _leads_on(a)]
        if not actions:
            continue
        title = {"positional arguments": "arguments"}.get(group.title or "", group.title or "")
        (page.subsection if below else page.section)(title)
        for action in actions:
            page.item(_invocation(of, action), _help(of, action))


def _leads_on(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS


def _invocation(of: argparse.ArgumentParser, action: argparse.Action) -> str:
    """How an option or argument is written: ``--for DURATION``."""
    formatter = of._get_formatter()
    if not action.option_strings:
        return italic(formatter._metavar_formatter(action, action.dest)(1)[0])
    value = ""
    if action.nargs != 0:
        given = formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
        value = f" {italic(given)}"
    return ", ".join(bold(option) + value for option in action.option_strings)


def _help(of: argparse.ArgumentParser, action: argparse.Action) -> str:
    return of._get_formatter()._expand_help(action) if action.help else ""


def _epilog(page: Page, of: argparse.ArgumentParser, *, below: bool = False) -> None:
    """What `--help` ends with: blocks with a heading and lines of their own, and paragraphs."""
    for block in (of.epilog or "").strip("\n").split("\n\n"):
        head, *lines = block.strip("\n").split("\n")
        literal = head.endswith(":") and lines and all(line.startswith(" ") for line in lines)
        if literal:
            title = {"exit codes": "exit status"}.get(head[:-1], head[:-1])
            (page.subsection if below else page.section)(title)
            page.literal(line.removeprefix("  ") for line in lines)
        elif any(re.match(r" {2,}", line) for line in lines):
            page.literal([head, *lines])
        elif head:
            page.text(" ".join([head, *lines]))


def _see_also(page: Page, others: Sequence[str]) -> None:
    page.section("See also")
    page.raw(", ".join(_references(others)))


def _references(others: Sequence[str]) -> Iterator[str]:
    for other in others:
        name, _, section = other.partition("(")
        yield f"{bold(name)}({section}"


if __name__ == "__main__":
    raise SystemExit(main())
