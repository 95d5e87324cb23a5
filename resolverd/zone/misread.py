"""Entries that are read as something else than they look like: what is said of them; pure.

A blank that is none joins two words, and what is a comment elsewhere begins a record here.
"""

from __future__ import annotations

import re
import unicodedata

from resolverd.dns.names import Key

_WORD = re.compile(r'[^ \t\n;()"]*')
_COMMENTS = ("#", "//")
_COMMENT_LABELS = tuple(mark.encode() for mark in _COMMENTS)

A_COMMENT = 'a comment begins with ";"'
"""What a hint says of a line that looks like one."""


def looks_like_comment(text: str, offset: int) -> bool:
    """Whether an entry at `offset` of `text` begins as a comment does in other files."""
    return text.startswith(_COMMENTS, offset)


def owner_looks_like_comment(key: Key) -> bool:
    """The same of an owner."""
    return key.startswith(_COMMENT_LABELS, 1)  # behind its length


def hidden_character(text: str, offset: int) -> tuple[str, str] | None:
    """What is said of a word that begins at `offset` of `text` and holds a character unseen.

    The message, and what to do; None where it holds none.
    """
    match = _WORD.match(text, offset)
    word = match[0] if match is not None else ""
    if word.isascii():
        return None
    for character in word:
        kind = unicodedata.category(character)
        if kind in ("Zs", "Cf"):
            name = unicodedata.name(character, "a character").lower()
            seen = "".join(c if unicodedata.category(c) != "Cf" else "" for c in word)
            return (
                f'"{seen}" holds a {name} (U+{ord(character):04X})',
                "write a space in its place" if kind == "Zs" else "remove it",
            )
    return None


def hint_of_name(text: str) -> str:
    """What to write for a name in Unicode that has no A-labels by IDNA; empty for another name."""
    if text.isascii():
        return ""
    labels = [label for label in text.split(".") if not label.isascii()]
    if any(label.startswith("-") or label.endswith("-") for label in labels):
        return "a label in Unicode begins and ends with no hyphen (RFC 5891 §4.2.3.1): remove it"
    return "write its A-labels, xn--… (RFC 5891), or letters, digits and hyphens"
