"""What follows a directive's name (RFC 1035 §5.1, and BIND's `$DATE` and `$GENERATE`)."""

from __future__ import annotations

import dns.exception
from dns.tokenizer import Token

from resolverd.zone.lexer import Lexer, class_of, looks_like_ttl
from resolverd.zone.record import EntryError

_DATE_LENGTH = 14


INCLUDE = 'write it plainly, in quotes if need be: $INCLUDE "hosts.zone"'


def skip_date(lexer: Lexer) -> None:
    """When BIND wrote the file, as YYYYMMDDHHMMSS; it changes nothing. Raises EntryError."""
    token = lexer.get()
    if len(token.value) != _DATE_LENGTH or not token.value.isdigit():
        raise EntryError(
            "zone-syntax",
            lexer.end if token.is_eol_or_eof() else lexer.start,
            "$DATE is followed by no date",
            "remove the line, or write YYYYMMDDHHMMSS",
        )
    expect_end(lexer)


def expect_end(lexer: Lexer) -> None:
    """Read the end of the entry. Raises EntryError if a token is left before it."""
    token = lexer.get()
    if not token.is_eol_or_eof():
        raise EntryError("zone-syntax", lexer.start, f'"{token.value}" is too much', "remove it")


def unescaped(token: Token, offset: int) -> str:
    """The path that an $INCLUDE names, its escapes resolved. `offset` is the token's.

    Raises EntryError.
    """
    try:
        name = str(token.unescape().value)
    except dns.exception.SyntaxError as error:
        raise EntryError("zone-syntax", offset, "the file's name: a bad escape", INCLUDE) from error
    if "\0" in name:
        raise EntryError("zone-syntax", offset, "the file's name has a NUL in it", INCLUDE)
    return name


def remainder(lexer: Lexer) -> tuple[str, int]:
    """The rest of the entry on one line, without comments, and the offset of its first token.

    Raises EntryError where there is nothing.
    """
    tokens: list[Token] = []
    pieces: list[str] = []
    offset = lexer.end
    while True:
        before = lexer.end
        token = lexer.get()
        if token.is_eol_or_eof():
            break
        if not tokens:
            offset = lexer.start
        pieces.append(" " if tokens and lexer.start > before else "")
        pieces.append(f'"{token.value}"' if token.is_quoted_string() else token.value)
        tokens.append(token)
    if not tokens:
        raise EntryError(
            "zone-generate", offset, "$GENERATE has no template", "write OWNER TYPE RDATA after it"
        )
    if tokens[-1].is_quoted_string() and _is_head([token.value for token in tokens[1:-1]]):
        # BIND's right side is one word, and quotes hold several words of RDATA together.
        pieces[-1] = tokens[-1].value.replace('\\"', '"')
    return "".join(pieces), offset


def _is_head(words: list[str]) -> bool:
    """Whether these words are all that stands between an owner and its RDATA."""
    return bool(words) and all(
        looks_like_ttl(word) or class_of(word) is not None for word in words[:-1]
    )
