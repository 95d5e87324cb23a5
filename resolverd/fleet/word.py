"""An operator's word, as the fleet keeps it: on what, to whom, and what it says; pure.

    words.all.override.eu-west  {"kind": "drain", "set_at": 1764321000.0, "until": null,
                                 "who": "op", "why": "kernel update"}

Times are Unix seconds, so edges have to agree on the time to within a minute, and on nothing else.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from resolverd.config.fleet import EVERY_EDGE
from resolverd.fleet import names
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.untrusted_json import parse_json

PREFIX = "words."
_KIND = "override"

# What a time may be: seconds of a thousand years, which a date can say; and characters of a text,
# of which the API takes fewer.
_MAX_SECONDS, _MAX_TEXT = 3.2e10, 4096


class Address(NamedTuple):
    """To whom a word is said, `all` or an edge's name, and on which override key it is."""

    scope: str
    target: str

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return names.key("words", self.scope, _KIND, self.target)

    @property
    def to_all(self) -> bool:
        """Whether it is said to every edge."""
        return self.scope == EVERY_EDGE


class Word(NamedTuple):
    """What is said: the kind of the override, by whom, why, when, and until when it holds."""

    kind: OverrideKind
    who: str
    why: str
    set_at: float
    until: float | None

    def over(self, unix: float) -> bool:
        """Whether its time is over at `unix`."""
        return self.until is not None and unix >= self.until


def address_of(key: str) -> Address | None:
    """The address that `key` is of; None where it is no word on an override.

    Raises ValueError for a key that no edge writes.
    """
    parts = names.key_parts(key)
    if len(parts) != 4:
        raise ValueError(f"{key} is no word")
    _, scope, kind, target = parts
    return Address(scope, target) if kind == _KIND else None


def packed(word: Word) -> bytes:
    """The value of its key; the same word is the same octets."""
    return json.dumps(document_of(word), sort_keys=True).encode()


def unpacked(value: bytes) -> Word:
    """The word of a key's value. Raises ValueError for what `packed` never makes."""
    return word_of(parse_json(value))


def document_of(word: Word) -> dict[str, Any]:
    """The word as JSON."""
    return {**word._asdict(), "kind": word.kind.value}


def word_of(document: Any) -> Word:
    """What `document_of` made of a word. Raises ValueError."""
    try:
        until = document["until"]
        return Word(
            OverrideKind(document["kind"]),
            _text(document["who"]),
            _text(document["why"]),
            _time(document["set_at"]),
            None if until is None else _time(until),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no word: {type(error).__name__}: {error}") from error


def as_override(word: Word, shift: float) -> Override:
    """The override that it is here; `shift` is the monotonic clock less Unix time, seconds."""
    until = None if word.until is None else word.until + shift
    return Override(word.kind, word.who, word.why, word.set_at + shift, until)


def as_word(override: Override, shift: float) -> Word:
    """The word that says this override; `shift` as above. Milliseconds are exact enough."""
    until = None if override.until is None else round(override.until - shift, 3)
    set_at = round(override.set_at - shift, 3)
    return Word(override.kind, override.who, override.why, set_at, until)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError(f"it is no text of up to {_MAX_TEXT} characters")
    return value


def _time(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= _MAX_SECONDS:  # nor is NaN between them
        raise TypeError("it is no time")
    return float(value)
