"""An operator's word, as the fleet keeps it: on what, to whom, and what it says; pure.

    words.all.override.eu-west  {"kind": "drain", "set_at": 1764321000.0, "until": null,
                                 "who": "op", "why": "kernel update"}
    words.all.spill.chat        {"share": 0.0, …}                      0 is off
    words.fra1.override.eu-west {"cleared": true, "was": ["2026-11-30T10:00:00Z", 950]}

A word that is said again since NATS has lost its data carries its *rank*, `was`: the bucket in
which it was said first, by when that was made, and its revision there. A clear that is said again
is a value too, since a deletion has no room for that.

Times are Unix seconds, so edges have to agree on the time to within a minute, and on nothing else.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from resolverd.config.fleet import EVERY_EDGE
from resolverd.fleet import names
from resolverd.health.overrides import Override, OverrideKind
from resolverd.health.untrusted_json import parse_json
from resolverd.policy.operator_rules import OperatorRule, in_words

PREFIX = "words."

Kind = Literal["override", "spill"]
"""What a word is about: an override of a region or endpoint, or what a service's regions spill."""

OVERRIDE: Kind = "override"
SPILL: Kind = "spill"
KINDS: tuple[Kind, ...] = (OVERRIDE, SPILL)

Rank = tuple[str, int]
"""A bucket, by when it was made (RFC 3339 in UTC), and a revision in it."""

# What a time may be: seconds of a thousand years, which a date can say; and characters of a text,
# of which the API takes fewer.
_MAX_SECONDS, _MAX_TEXT = 3.2e10, 4096


class Address(NamedTuple):
    """To whom a word is said, `all` or an edge's name, and what it is on: a key of its kind."""

    scope: str
    target: str
    kind: Kind = OVERRIDE

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return names.key("words", self.scope, self.kind, self.target)

    @property
    def to_all(self) -> bool:
        """Whether it is said to every edge."""
        return self.scope == EVERY_EDGE


class Word(NamedTuple):
    """What is said, by whom, why, when, and until when it holds.

    `says` is the kind of an override, or the share of a spill rule.
    """

    says: OverrideKind | float
    who: str
    why: str
    set_at: float
    until: float | None

    def over(self, unix: float) -> bool:
        """Whether its time is over at `unix`."""
        return self.until is not None and unix >= self.until

    @property
    def in_words(self) -> str:
        """What it says, for people: ``drain``, or ``30%``."""
        return self.says.value if isinstance(self.says, OverrideKind) else in_words(self.says)


class Stated(NamedTuple):
    """What a key's value states: a word, None where it is cleared, and the rank of what is said
    again."""

    word: Word | None
    was: Rank | None = None


def address_of(key: str) -> Address | None:
    """The address that `key` is of; None where it is a word of a kind that is not known here.

    Raises ValueError for a key that no edge writes.
    """
    parts = names.key_parts(key)
    if len(parts) != 4:
        raise ValueError(f"{key} is no word")
    _, scope, found, target = parts
    return next((Address(scope, target, kind) for kind in KINDS if kind == found), None)


def age_of(rank: Rank) -> tuple[str, int]:
    """What orders ranks by time: NATS leaves out the zeros at the end of a fraction."""
    return rank[0].removesuffix("Z"), rank[1]


def packed(word: Word | None, was: Rank | None = None) -> bytes:
    """The value of its key; the same word is the same octets. None clears, said again."""
    document: dict[str, Any] = {"cleared": True} if word is None else document_of(word)
    if was is not None:
        document["was"] = list(was)
    return json.dumps(document, sort_keys=True).encode()


def unpacked(value: bytes, kind: Kind = OVERRIDE) -> Stated:
    """What a value states of an address of that kind.

    Raises ValueError for what `packed` never makes.
    """
    document = parse_json(value)
    try:
        was = rank_of(document["was"]) if "was" in document else None
        if document.get("cleared") is True and was is not None:
            return Stated(None, was)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no word: {type(error).__name__}: {error}") from error
    word = word_of(document)
    if (kind == OVERRIDE) is not isinstance(word.says, OverrideKind):
        raise ValueError(f"it is no word on {kind}")
    return Stated(word, was)


def document_of(word: Word) -> dict[str, Any]:
    """The word as JSON."""
    rest = word._asdict()
    says = rest.pop("says")
    return {**rest, **({"kind": says.value} if isinstance(says, OverrideKind) else {"share": says})}


def word_of(document: Any) -> Word:
    """What `document_of` made of a word. Raises ValueError."""
    try:
        until = document["until"]
        return Word(
            _share(document["share"]) if "share" in document else OverrideKind(document["kind"]),
            _text(document["who"]),
            _text(document["why"]),
            _time(document["set_at"]),
            None if until is None else _time(until),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no word: {type(error).__name__}: {error}") from error


def rank_of(document: Any) -> Rank:
    """A rank from JSON. Raises TypeError."""
    if not isinstance(document, list) or len(document) != 2:
        raise TypeError("it is no rank")
    made, revision = document
    if isinstance(revision, bool) or not isinstance(revision, int):
        raise TypeError("a revision is a whole number")
    return _text(made), revision


def as_override(word: Word, shift: float) -> Override:
    """The override that it is here; `shift` is the monotonic clock less Unix time, seconds."""
    until = None if word.until is None else word.until + shift
    return Override(OverrideKind(str(word.says)), word.who, word.why, word.set_at + shift, until)


def as_rule(word: Word, shift: float) -> OperatorRule:
    """The spill rule that it is here; `shift` as above."""
    until = None if word.until is None else word.until + shift
    return OperatorRule(float(word.says), word.who, word.why, word.set_at + shift, until)


def as_word(order: Override | OperatorRule, shift: float) -> Word:
    """The word that says this; `shift` as above. Milliseconds are exact enough."""
    until = None if order.until is None else round(order.until - shift, 3)
    says = order.kind if isinstance(order, Override) else order.share
    return Word(says, order.who, order.why, round(order.set_at - shift, 3), until)


def _share(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= 1:  # nor is NaN between them
        raise TypeError("it is no share")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError(f"it is no text of up to {_MAX_TEXT} characters")
    return value


def _time(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= _MAX_SECONDS:  # nor is NaN between them
        raise TypeError("it is no time")
    return float(value)
