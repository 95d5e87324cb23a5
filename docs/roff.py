"""Pages of the manual in man(7): what groff and mandoc read without a complaint.

A `Page` is written from top to bottom. Texts are plain; what roff would take for its own is
escaped, and hyphens of options stay ones that can be searched for and pasted.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

_WIDTH = 72


def escaped(text: str) -> str:
    """`text` for a line of roff, wherever in it; the start of a line is `_line`'s."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")


def bold(text: str) -> str:
    """In bold: what is typed as it stands."""
    return f"\\fB{escaped(text)}\\fR"


def italic(text: str) -> str:
    """In italics: what is replaced by whoever types it."""
    return f"\\fI{escaped(text)}\\fR"


class Page:
    """One page, growing; `date` is ISO 8601."""

    def __init__(self, name: str, section: int, date: str, version: str, of: str) -> None:
        self._lines = [f'.TH "{escaped(name.upper())}" "{section}" "{date}" "{version}" "{of}"']

    def name(self, name: str, about: str) -> None:
        """The section NAME, from which whatis(1) takes its line."""
        self.section("Name")
        self._lines += _wrapped(f"{escaped(name)} \\- {escaped(about)}")

    def section(self, title: str) -> None:
        """A heading."""
        self._lines.append(f'.SH "{_quoted(title.upper())}"')

    def subsection(self, title: str) -> None:
        """A heading below one."""
        self._lines.append(f'.SS "{_quoted(title)}"')

    def raw(self, line: str) -> None:
        """A line with fonts in it, made of `bold`, `italic` and `escaped`."""
        self._lines.append(_line(line))

    def text(self, text: str) -> None:
        """A paragraph."""
        self._paragraph()
        self._lines += _wrapped(_fonts(text))

    def item(self, term: str, text: str, more: Iterable[str] = ()) -> None:
        """A term, made of `bold` and `italic`, and what it means; `more` are further paragraphs."""
        self._lines += [".TP", _line(term), *_wrapped(_fonts(text))]
        for each in more:
            self._lines += [".IP", *_wrapped(_fonts(each))]

    def literal(self, lines: Iterable[str]) -> None:
        """Lines as they are: commands, tables."""
        self._paragraph()
        self._lines += [".nf", ".RS 4", *(_line(escaped(line)) for line in lines), ".RE", ".fi"]

    def _paragraph(self) -> None:
        if not self._lines[-1].startswith((".SH", ".SS")):  # which begin one
            self._lines.append(".PP")

    def made(self) -> str:
        """The whole page."""
        return "\n".join(self._lines) + "\n"


def _quoted(text: str) -> str:
    """Escaped, for between double quotes."""
    return escaped(text).replace('"', "\\(dq")


def _fonts(text: str) -> str:
    """Escaped, with what stands in backquotes in bold."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(bold(p) if i % 2 else escaped(p) for i, p in enumerate(parts))


def _wrapped(text: str) -> list[str]:
    words = " ".join(text.split())
    lines = textwrap.wrap(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_line(line) for line in lines] or ["\\&"]


def _line(line: str) -> str:
    """A line that roff does not take for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
