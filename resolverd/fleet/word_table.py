"""Which words are in force at one edge: what the fleet says, and what was said here alone; pure.

Of the words on one target those to all edges and those to this one count, and of these the newest:
what is still to be written before all that was written, else the higher revision. What is said here
holds at once and is *pending* until the fleet has it; it is written only if the key still has the
revision that it was said upon. Has somebody else written meanwhile, the fleet's word stands.

Where NATS has lost its data the bucket is another one, whose revisions begin again. Each edge then
says again what it knows, clears too, with its rank in the bucket of before: the newest that any
edge knows stands at last, in whatever order they come back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from resolverd.config.fleet import EVERY_EDGE
from resolverd.fleet.word import (
    KINDS,
    OVERRIDE,
    Address,
    Kind,
    Rank,
    Word,
    age_of,
    document_of,
    rank_of,
    word_of,
)


class Said(NamedTuple):
    """What the fleet says at an address since `revision`; None: nothing, it was cleared.

    `was` is the rank of what was said again; None of what was said first in this bucket.
    """

    word: Word | None
    revision: int
    was: Rank | None = None


class Pending(NamedTuple):
    """What was said here upon the revision `upon` (0: upon none); None clears.

    `tried` are words that it replaces and that were to be written before: one of them may have
    been, for all we know, and is nobody else's. Where the bucket was lost meanwhile, `was` is the
    rank of what it was said upon; or, of what is said `again`, its own.
    """

    word: Word | None
    upon: int
    tried: tuple[Word | None, ...] = ()
    was: Rank | None = None
    again: bool = False


class InForce(NamedTuple):
    """A word that holds here, to whom it was said, and whether the fleet has it not yet."""

    word: Word
    scope: str
    pending: bool


class Effect(Enum):
    """What hearing of a change meant for what was pending at its address."""

    NONE = "nothing was pending, or it still is, or what is newer stands instead of what was again"
    WRITTEN = "it is what was pending"
    LOST = "somebody else's word stands instead"


class WordTable:
    """The words as the edge called `edge` knows them, of the bucket `made` then (empty: none)."""

    def __init__(self, edge: str) -> None:
        self.edge = edge
        self.made = ""
        self.said: dict[Address, Said] = {}
        self.pending: dict[Address, Pending] = {}

    def say(self, address: Address, word: Word | None) -> None:
        """Say `word` here, to be written; None clears. One to all replaces those to edges."""
        others = self._to_edges(address) if address.to_all else []
        for other in (*others, address):
            self._say(other, word if other == address else None)

    def hear(self, address: Address, said: Said) -> Effect:
        """Take in what the fleet says; of what is pending there only one of the two stays."""
        before = self.said.get(address)
        if before is not None and before.revision >= said.revision:
            return Effect.NONE
        self.said[address] = said
        pending = self.pending.get(address)
        if pending is None or said.revision <= pending.upon:
            return Effect.NONE
        if pending.word != said.word and (said.word in pending.tried or _older(said, pending)):
            self.pending[address] = pending._replace(upon=said.revision)
            return Effect.NONE
        del self.pending[address]
        if pending.word == said.word:
            return Effect.WRITTEN
        return Effect.NONE if pending.again else Effect.LOST

    def written(self, address: Address, pending: Pending, revision: int) -> None:
        """The fleet has `pending` at `revision`."""
        now = self.pending.get(address)
        if now is not None and (now.word, now.again) == (pending.word, pending.again):
            del self.pending[address]
        elif now is not None and now.upon < revision:  # said while that was on its way
            self.pending[address] = now._replace(upon=revision)
        before = self.said.get(address)
        if before is None or before.revision < revision:
            was = pending.was if pending.again else None
            self.said[address] = Said(pending.word, revision, was)

    def in_force(self, unix: float, kind: Kind = OVERRIDE) -> dict[str, InForce]:
        """What holds here at `unix` (seconds) of one kind, by target."""
        newest: dict[str, tuple[tuple[Any, ...], InForce]] = {}
        for address in {*self.said, *self.pending}:
            if address.kind != kind or address.scope not in (EVERY_EDGE, self.edge):
                continue
            pending, said = self.pending.get(address), self.said.get(address)
            word = pending.word if pending else said.word if said else None
            if word is None or word.over(unix):
                continue
            age, known = self._age(address, word), newest.get(address.target)
            if known is None or known[0] < age:
                newest[address.target] = age, InForce(word, address.scope, pending is not None)
        return {target: found for target, (_, found) in newest.items()}

    def next_end(self, unix: float) -> float | None:
        """When the next word here ends by itself, after `unix`; None where none does."""
        words = [said.word for said in self.said.values()]
        words += [pending.word for pending in self.pending.values()]
        return min((w.until for w in words if w and w.until and w.until > unix), default=None)

    def over(self, unix: float) -> list[Address]:
        """The addresses of words that were over at `unix`, which the fleet still keeps."""
        return [a for a, s in self.said.items() if s.word is not None and s.word.over(unix)]

    def begin(self, made: str) -> None:
        """The bucket is that of `made`: if it is another one, what was known is said again.

        So is what was cleared: an edge that was away may know nothing of that.
        """
        if self.made and self.made != made:
            again = {
                address: Pending(said.word, 0, was=self._rank(said), again=True)
                for address, said in self.said.items()
            }
            said_here = {
                address: pending._replace(upon=0, was=pending.was or self._said_upon(address))
                for address, pending in self.pending.items()
            }
            self.pending = again | said_here
            self.said.clear()
        self.made = made

    def adopt(self, words: Mapping[str, Word], kind: Kind = OVERRIDE) -> None:
        """Words of a time without a fleet, by target: they were said to this edge alone."""
        for target, word in words.items():
            address = Address(self.edge, target, kind)
            if not any(address in known for known in (self.said, self.pending)):
                self.pending[address] = Pending(word, 0)

    def kept(self) -> dict[str, Any]:
        """All of it as JSON, for the next process."""
        return {
            "made": self.made,
            "said": [
                _kept(a, s.word, s.revision, s.was)
                for a, s in sorted(self.said.items(), key=lambda item: item[0])
            ],
            "pending": [  # in the order in which they are to be written
                {
                    **_kept(a, p.word, p.upon, p.was),
                    "tried": [_document(word) for word in p.tried],
                    "again": p.again,
                }
                for a, p in self.pending.items()
            ],
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """What `kept` made. Raises ValueError, and knows nothing then."""
        try:
            said = {a: Said(word, n, was) for a, word, n, was in map(_restored, document["said"])}
            pending = {
                address: Pending(
                    word,
                    upon,
                    tuple(map(_word, record["tried"])),
                    was,
                    record.get("again", False) is True,
                )
                for record in document["pending"]
                for address, word, upon, was in (_restored(record),)
            }
            made = str(document["made"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is damaged: {type(error).__name__}: {error}") from error
        self.made, self.said, self.pending = made, said, pending

    def _say(self, address: Address, word: Word | None) -> None:
        said, before = self.said.get(address), self.pending.pop(address, None)
        if word is None and before is None and (said is None or said.word is None):
            return  # there is nothing to clear
        if before is None:
            self.pending[address] = Pending(word, said.revision if said else 0)
        else:  # it comes last, for what is written later counts as newer
            tried = (*before.tried, before.word)
            self.pending[address] = Pending(word, before.upon, tried, before.was)

    def _to_edges(self, to_all: Address) -> Iterable[Address]:
        """The addresses of single edges that are on the same."""
        return [a for a in {*self.said, *self.pending} if not a.to_all and a[1:] == to_all[1:]]

    def _age(self, address: Address, word: Word) -> tuple[Any, ...]:
        """What orders the words in force on one target: the newest is the highest."""
        pending, said = self.pending.get(address), self.said.get(address)
        if pending is not None and not pending.again:
            return (True, word.set_at)
        rank = self._rank(said) if pending is None and said is not None else None
        rank = rank or (pending.was if pending is not None else None) or (self.made, 0)
        return (False, age_of(rank))

    def _rank(self, said: Said) -> Rank:
        return said.was or (self.made, said.revision)

    def _said_upon(self, address: Address) -> Rank | None:
        """The rank of what a word was said upon that is pending; None where that was nothing."""
        said = self.said.get(address)
        return None if said is None else self._rank(said)


def _older(said: Said, pending: Pending) -> bool:
    """Whether what the fleet says is an older word, said again since the bucket was lost.

    Whoever said what is pending had seen what they said it upon.
    """
    if said.was is None or pending.was is None:
        return False
    heard, known = age_of(said.was), age_of(pending.was)
    return heard < known or (heard == known and not pending.again)


def _kept(address: Address, word: Word | None, revision: int, was: Rank | None) -> dict[str, Any]:
    return {
        "scope": address.scope,
        "target": address.target,
        "about": address.kind,
        "word": _document(word),
        "revision": revision,
        "was": was,
    }


def _restored(record: Any) -> tuple[Address, Word | None, int, Rank | None]:
    word, revision = record["word"], record["revision"]
    if isinstance(revision, bool) or not isinstance(revision, int):
        raise TypeError("a revision is a whole number")
    kind, was = record.get("about", OVERRIDE), record.get("was")
    if kind not in KINDS:
        raise TypeError("it is a word of another release")
    address = Address(str(record["scope"]), str(record["target"]), kind)
    rank = None if was is None else rank_of(list(was))
    return address, _word(word), revision, rank


def _document(word: Word | None) -> dict[str, Any] | None:
    return None if word is None else document_of(word)


def _word(document: Any) -> Word | None:
    return None if document is None else word_of(document)
