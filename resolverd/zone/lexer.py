"""The tokens of a master file (RFC 1035 §5.1), each with its offset in the text.

A dnspython `Tokenizer`, so that dnspython reads the RDATA of every type from it. It differs
in three ways: it works on a whole text by one regular expression, it knows where every
token begins, and after an error it finds the next entry. An entry is a record or directive:
one line, or several where parentheses hold them together.
"""

from __future__ import annotations

import re
from functools import cached_property

import dns.exception
import dns.name
from dns.tokenizer import EOF, EOL, IDENTIFIER, QUOTED_STRING, WHITESPACE, Token, Tokenizer

_TOKEN = re.compile(
    r"([ \t]*+(?:;[^\n]*+)?)"
    r'(?:((?:[^ \t\n;()"\\]++|\\[^\n])++)|"((?:[^"\\\n]++|\\[^\n])*+)"|([\n()])|(\Z))'
)
_WORD, _TEXT, _MARK, _END = 2, 3, 4, 5
_BRACKET = re.compile(r';[^\n]*+|"(?:[^"\\\n]++|\\[^\n])*+"?|\\[^\n]|([\n()])')
_UNINDENTED = re.compile(r"\n(?=[^\s;)])")
PLAIN_NAME = r"[A-Za-z0-9_*-]{1,63}+(?:\.[A-Za-z0-9_*-]{1,63}+)*+\.?+"
_MAX_NAME = 255  # octets (RFC 1035 §3.1)
_PLAIN_NAME = re.compile(PLAIN_NAME)
_CLASS = re.compile(r"(IN|INTERNET|CLASS1)|CH|CHAOS|CS|HS|HESIOD|NONE|ANY|CLASS\d+", re.I)


class LexicalError(dns.exception.SyntaxError):
    """A quote or parenthesis without its partner, or a backslash with nothing to escape.

    `hint` fits all of them.
    """

    hint = (
        "write each ( with its ), quotes in pairs on one line, and a backslash before a character"
    )

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]


class Lexer(Tokenizer):
    """The tokens of `text`.

    `start` is the offset of the token read last, `pos` that of the next character; `end` is
    where the last token that is not a line's end ended. `finished` tells whether the
    entry's end has been read.
    """

    def __init__(self, text: str) -> None:
        super().__init__("", "<zone>")
        self.text = text
        self.pos = 0
        self.start = 0
        self.end = 0
        self.finished = False
        self._opened: list[int] = []

    def begin(self, pos: int | None = None) -> int | None:
        """Make ready for the next entry, or that at `pos`; its offset, or None at the end."""
        self.pos = self.pos if pos is None else pos
        self.ungotten_token = None
        self.end = self.pos
        self._opened.clear()
        self.finished = False
        return self.pos if self.pos < len(self.text) else None

    def get(self, want_leading: bool = False, want_comment: bool = False) -> Token:
        """The next token; comments are skipped, newlines too inside parentheses.

        Raises LexicalError.
        """
        if (token := self.ungotten_token) is not None:
            self.ungotten_token = None
            if want_leading or not token.is_whitespace():
                return token
        while True:
            match = _TOKEN.match(self.text, self.pos)
            if match is None:
                raise LexicalError(self._what_is_broken())
            start = match.end(1)
            if want_leading and start > self.pos and self.text[self.pos] != ";":
                self.start, self.pos = self.pos, start
                return Token(WHITESPACE, " ")
            want_leading = False
            self.start, self.pos = start, match.end()
            kind = match.lastindex
            if kind in (_WORD, _TEXT):
                value = match[kind]
                self.end = self.pos
                return Token(IDENTIFIER if kind == _WORD else QUOTED_STRING, value, "\\" in value)
            if (ending := self._mark(match[_MARK] if kind == _MARK else "")) is not None:
                return ending

    def recover(self) -> int | None:
        """Move to the next entry after an error in this one.

        Returns the offset of the parenthesis to blame when it is never closed; the next
        entry is then taken to be the next line that is not indented.
        """
        if self.finished:
            return None
        pos = self.start
        if self._opened:
            if (end := self._closings.get(self._opened[0])) is None:
                return self._past_unclosed(self._opened[0])
            pos = max(pos, end + 1)
        while (match := _BRACKET.search(self.text, pos)) is not None:
            pos = match.end()
            if match[1] == "\n":
                self.pos = pos
                return None
            if match[1] == "(":
                if (end := self._closings.get(match.start())) is None:
                    return self._past_unclosed(match.start())
                pos = end + 1
        self.pos = len(self.text)
        return None

    def as_name(
        self,
        token: Token,
        origin: dns.name.Name | None = None,
        relativize: bool = False,
        relativize_to: dns.name.Name | None = None,
    ) -> dns.name.Name:
        """As dnspython's, but several times faster for names without escapes."""
        text = token.value
        if relativize or origin is None or not token.is_identifier():
            return super().as_name(token, origin, relativize, relativize_to)
        return name_of(text, origin)

    def _mark(self, mark: str) -> Token | None:
        """Act on a newline, a parenthesis or the end; the token that ends the entry, if it does."""
        if mark == "(":
            self._opened.append(self.start)
            # Told at once: reading on would take the rest of the file for this entry.
            if self.start not in self._closings:
                raise LexicalError("this parenthesis is never closed")
        elif mark == ")":
            if not self._opened:
                raise LexicalError("this parenthesis was never opened")
            self._opened.pop()
        elif not mark or not self._opened:
            self.finished = True
            return Token(EOL if mark else EOF, mark)
        return None

    def _what_is_broken(self) -> str:
        self.start = self.pos
        while self.text[self.start] in " \t":
            self.start += 1
        if self.text[self.start] == '"':
            return "the quoted string is not closed on its line"
        return "a backslash ends the line"

    def _past_unclosed(self, bracket: int) -> int:
        following = _UNINDENTED.search(self.text, bracket)
        self.pos = len(self.text) if following is None else following.end()
        return bracket

    @cached_property
    def _closings(self) -> dict[int, int]:
        """The offset of each opening parenthesis that is closed → that of its partner."""
        partners: dict[int, int] = {}
        opened: list[int] = []
        for match in _BRACKET.finditer(self.text):
            if match[1] == "(":
                opened.append(match.start())
            elif match[1] == ")" and opened:
                partners[opened.pop()] = match.start()
        return partners


def name_of(text: str, origin: dns.name.Name) -> dns.name.Name:
    """The name that `text` writes, relative to `origin` unless it ends in a dot.

    Raises dnspython's exceptions, or ValueError, when it is none.
    """
    if _PLAIN_NAME.fullmatch(text) is None:
        return dns.name.from_text(text, origin)
    return plain_name(text, origin)


def plain_name(text: str, origin: dns.name.Name) -> dns.name.Name:
    """As `name_of`, of a text that `PLAIN_NAME` matches."""
    labels = tuple(text.encode("ascii").split(b"."))
    if labels[-1]:
        labels += origin.labels
    if sum(map(len, labels)) + len(labels) > _MAX_NAME:
        return dns.name.Name(labels)  # which says that it is too long
    return unchecked_name(labels)


def unchecked_name(labels: tuple[bytes, ...]) -> dns.name.Name:
    """The absolute name of these labels, which are of 1 to 63 octets, and no more than a name has.

    Nothing is left to check: a sixth of the time.
    """
    name = dns.name.Name.__new__(dns.name.Name)
    object.__setattr__(name, "labels", labels)
    return name


def looks_like_ttl(text: str) -> bool:
    """Whether a field before the type can only be a TTL: no type or class begins with a digit."""
    return "0" <= text[:1] <= "9"


def class_of(text: str) -> bool | None:
    """True for class IN, False for another class, None for what is no class."""
    match = _CLASS.fullmatch(text)
    return None if match is None else match[1] is not None
